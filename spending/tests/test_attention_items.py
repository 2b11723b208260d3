"""What of rewards and codes needs a look, in words on the attention page."""

from uuid import uuid4


def test_paused_rewards_and_a_cancelled_code_that_was_used_say_what_to_do(store, sign_in, owner):
    store.events.create(
        topic="attention",
        data={
            "what": "rewards_paused",
            "rewards": ["Fiver"],
            "pool": str(uuid4()),
            "pool_name": "Spring",
            "why": "Empty",
        },
    )
    store.events.create(topic="attention", data={"what": "cancelled_code_used", "code": "C1", "order": "A-1"})
    said = sign_in(owner).get("/s/acme/attention/").content.decode()
    assert "Paused, since the list “Spring” has no code left: “Fiver”." in said
    assert "Order A-1 used the code C1, which was cancelled before." in said
    assert "/s/acme/spending/" in said
