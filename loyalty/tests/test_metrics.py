import pytest

from conftest import make_customer
from earning import activities
from earning.activities import NewActivity

pytestmark = pytest.mark.django_db


def read(client, token="secret") -> dict[str, float]:
    answer = client.get("/metrics", HTTP_AUTHORIZATION=f"Bearer {token}")
    assert answer.status_code == 200
    lines = [line for line in answer.content.decode().splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


@pytest.mark.parametrize(("ours", "given"), [("", ""), ("", "secret"), ("secret", ""), ("secret", "sëcret")])
def test_without_the_token_there_is_no_such_page(client, settings, ours, given):
    settings.METRICS_TOKEN = ours
    assert client.get("/metrics", HTTP_AUTHORIZATION=f"Bearer {given}").status_code == 404


def test_facts_of_all_stores_are_counted_where_they_stand(client, settings, store, other_store, add_rule, work):
    settings.METRICS_TOKEN = "secret"
    before = read(client)['loyalty_facts_accepted_total{kind="activity"}']
    for one in (store, other_store):
        add_rule(one, "newsletter_signup")
        identity = activities.Identity.of(external_id=make_customer(one, "ada").external_id)
        activities.record(one, NewActivity("newsletter_signup", identity))
    found = read(client)
    assert found['loyalty_facts_accepted_total{kind="activity"}'] == before + 2
    assert found['loyalty_facts_due{kind="activity"}'] == 2
    assert 0 < found['loyalty_facts_oldest_due_seconds{kind="activity"}'] < 60
    entries = found["loyalty_ledger_entries_total"]
    work(store)
    work(other_store)
    found = read(client)
    assert found['loyalty_facts_due{kind="activity"}'] == 0
    assert found["loyalty_ledger_entries_total"] == entries + 2
    assert found["loyalty_broker_queue_length"] >= 0
