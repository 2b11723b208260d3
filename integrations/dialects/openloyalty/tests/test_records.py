"""What calls of this wire change besides facts leaves a row of who did it, as on every page."""

import pytest

from integrations.dialects.openloyalty import credentials
from loyalty.audit_phrases import PHRASES
from loyalty.stores.models import AccountRecord, AuditRecord

SCHEMA = {
    "eventType": "tasting", "name": "Tasting",
    "schema": {"fields": [{"name": "wines", "type": "number", "description": "How many"}]},
}  # fmt: skip


@pytest.fixture
def rows(store, caller):
    """The rows since the test began; the connection is made by the first call."""
    caller.get("settings")
    return lambda: [(row.action, row.actor, row.changes) for row in AuditRecord.objects.order_by("pk")]


def test_settings_and_the_time_zone_are_one_row(store, caller, owner, rows):
    caller.patch("settings", {"settings": {"programName": "Stars", "timezone": "Europe/Warsaw"}})
    [(action, actor, changes)] = rows()
    assert (action, actor) == ("openloyalty:settings", owner.email)
    assert changes["timezone"] == ["UTC", "Europe/Warsaw"]
    assert changes["settings"][1]["programName"] == "Stars"
    caller.patch("settings", {"settings": {"timezone": "Europe/Warsaw"}})
    assert len(rows()) == 1  # nothing was changed


def test_declaring_changing_and_switching_a_schema_is_a_row_each(caller, rows):
    assert caller.post("customEvent/schema", {"customEventSchema": SCHEMA}).status_code < 300
    told = {"customEventSchema": {"name": "Wine tasting", "schema": SCHEMA["schema"]}}
    assert caller.put("customEvent/schema/tasting", told).status_code < 300
    assert caller.post("customEvent/schema/tasting/active", {"active": False}).status_code < 300
    assert [row[0] for row in rows()] == ["openloyalty:schema"] * 3
    assert rows()[1][2]["name"] == ["Tasting", "Wine tasting"]


def test_a_persons_own_keys_are_of_no_store(caller, owner):
    keys = f"/api/admin/{credentials.admin_id(owner)}/api-key"
    made = caller.post(keys, {"apiKey": {"name": "Script", "expirationDate": None}})
    assert made.status_code < 300, made.content
    caller.delete(f"{keys}/{credentials.keys_of(owner).get().public_id}")
    records = AccountRecord.objects.order_by("pk")
    assert [(row.action, row.actor) for row in records] == [("openloyalty:key", owner.email)] * 2
    assert "openloyalty:key" in PHRASES
    assert made.told["token"] and made.told["token"] not in str(records.values())


def test_facts_leave_none(caller, rows):
    caller.post("member", {"customer": {"email": "anna@shop.example", "firstName": "Anna", "lastName": "B"}})
    assert rows() == []
