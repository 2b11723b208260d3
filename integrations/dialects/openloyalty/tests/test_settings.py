import pytest

from .conftest import errors

DEFAULTS = {
    "identificationMethod": "email",
    "customersIdentificationConfigurations": [
        {"field": "loyaltyCardNumber", "priority": 1},
        {"field": "email", "priority": 2},
        {"field": "phone", "priority": 3},
    ],
    "accountActivationRequired": True,
    "allowCustomersProfileEdits": True,
    "timezone": "UTC",
    "tierAssignType": "points",
    "tierWalletCode": "default",
    "rewardWalletCode": "default",
    "expirePointsNotificationDays": 7,
    "expireCouponsNotificationDays": 7,
    "expireLevelsNotificationDays": 7,
}
BAD: dict[str, list] = {
    "identificationMethod": ["fax", None, "", ["email"], {}, True],
    "customersIdentificationConfigurations": [[], [{"field": "fax", "priority": 1}], [{"field": "email"}], "email"],
    "accountActivationRequired": ["yes", 1, None],
    "timezone": ["Mars/Olympus", "", 5, None, "../etc/passwd"],
    "tierWalletCode": ["gold"],
    "expirePointsNotificationDays": [-1, "x", 1.5, 2**31, None, "٣", "1_0", "NaN", 10**39],
    "activeMember": [{"operator": "xor"}, {"customEventsInXDays": {}}, {"more": 1}, 5],
    "programName": ["x" * 256, ["x"]],
    "excludedDeliverySKUs": ["a", [{}], [""]],
}  # fmt: skip


def test_a_new_store_has_the_defaults(caller):
    shown = caller.get("settings").told["settings"]
    assert shown == shown | DEFAULTS


def test_patch_changes_what_is_sent_and_post_resets_the_rest(store, caller):
    told = {"programName": "Stars", "timezone": "Europe/Warsaw", "expireCouponsNotificationDays": "14"}
    patched = caller.patch("settings", {"settings": told}).told["settings"]
    assert patched == patched | told | {"expireCouponsNotificationDays": 14}
    assert caller.patch("settings", {"settings": {"programUrl": "https://x.example"}}).told["settings"] == patched | {
        "programUrl": "https://x.example"
    }
    store.refresh_from_db()
    assert store.timezone == "Europe/Warsaw"
    posted = caller.post("settings", {"settings": {"identificationMethod": "phone"}})
    assert posted.status_code == 200
    assert posted.told["settings"] == caller.get("settings").told["settings"]
    assert posted.told["settings"] == posted.told["settings"] | DEFAULTS | {"identificationMethod": "phone"}
    assert posted.told["settings"]["programName"] is None


@pytest.mark.parametrize("key", BAD)
def test_a_bad_value_changes_nothing(caller, key):
    for value in BAD[key]:
        refused = caller.patch("settings", {"settings": {"programName": "Stars", key: value}})
        assert {path.split(".")[0] for path, _ in errors(refused)} == {key}, value
    assert caller.get("settings").told["settings"]["programName"] is None


def test_unknown_keys_and_a_missing_wrapper_are_refused(caller):
    assert errors(caller.patch("settings", {"settings": {"colour": "red"}})) == [("colour", "extra_field")]
    assert errors(caller.patch("settings", {"identificationMethod": "email"})) == [
        ("identificationMethod", "extra_field"), ("settings", "blank"),
    ]  # fmt: skip
    assert errors(caller.patch("settings", {"settings": []})) == [("", "invalid")]
    twice = [{"field": "email", "priority": 1}, {"field": "email", "priority": 2}]
    assert errors(caller.patch("settings", {"settings": {"customersIdentificationConfigurations": twice}})) == [
        ("customersIdentificationConfigurations", "duplicate")
    ]


def test_activation_follows_the_identifier(caller):
    assert caller.get("settings/activation").told == {"required": True, "method": "email"}
    caller.patch("settings", {"settings": {"identificationMethod": "phone", "accountActivationRequired": False}})
    assert caller.get("settings/activation").told == {"required": False, "method": "sms"}


@pytest.mark.parametrize(
    ("what", "code"),
    [("currency", "EUR"), ("country", "PL"), ("language", "pl"), ("timezone", "Europe/Warsaw"),
     ("identificationMethods", "loyaltyCardNumber")],
)  # fmt: skip
def test_choices_are_offered(caller, what, code):
    choices = caller.get(f"settings/choices/{what}").told["choices"]
    assert code in [choice["code"] for choice in choices]
    assert caller.get("settings/choices/colour").status_code == 404
