"""The record of changes in words. A route that changes something has its line here; a test holds that."""

import json
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.apps import apps
from django.db.models import DateTimeField, DecimalField, Field

from loyalty.stores.models import Store
from loyalty.stores.numbers import number
from loyalty.stores.records import Record

KINDS = {
    "settings": "Settings", "people": "People and keys", "earning": "Earning", "activity": "Activity",
    "spending": "Rewards and codes", "customers": "Customers", "integrations": "Integrations", "widget": "Widget",
    "support": "Loyalty support", "account": "Signing in",
}  # fmt: skip

# What a route does, after the name of who did it.
ACTIONS: dict[str, dict[str, str]] = {
    "settings": {
        "stores:store_create": "opened the store",
        "stores:store_update": "changed the settings",
        "stores:two_steps_switch": "changed how people sign in",
        "audit_export": "exported this list",
        "admin:stores_store_change": "changed the settings, in the support admin",
        "item_resolve": "decided what needed a look",
    },
    "people": {
        "stores:key_list": "made the API key",
        "stores:key_revoke": "revoked the API key",
        "stores:staff_list": "added",
        "stores:staff_remove": "removed",
        "admin:stores_apikey_changelist": "revoked the API key, in the support admin",
        "admin:stores_staffmember_add": "added, in the support admin,",
        "admin:stores_staffmember_change": "changed, in the support admin,",
        "admin:stores_staffmember_delete": "removed, in the support admin,",
    },
    "earning": {
        "earning:rule_create": "added the action",
        "earning:rule_update": "changed the action",
        "earning:rule_switch": "switched the action",
        "api:rule.create": "added the action",
        "api:rule.partial_update": "changed the action",
        "api:rule.enable": "switched on the action",
        "api:rule.disable": "switched off the action",
    },
    "activity": {
        "earning:activity_decide": "decided about an activity",
        "earning:activity_retry": "tried an activity again",
        "earning:order_fact_retry": "tried an order again",
        "earning:stuck_retry": "tried again what was stuck",
        "api:activity.approve": "approved an activity",
        "api:activity.decline": "declined an activity",
        "api:activity.void": "voided an activity",
    },
    "spending": {
        "spending:reward_create": "added the reward",
        "spending:reward_update": "changed the reward",
        "spending:reward_switch": "switched the reward",
        "spending:reward_move": "moved the reward",
        "spending:image_create": "uploaded a picture",
        "spending:pool_create": "added the list of codes",
        "spending:pool_update": "changed the list of codes",
        "spending:pool_export": "exported the codes of",
        "spending:import_create": "uploaded codes",
        "spending:import_confirm": "started the import",
        "spending:import_cancel": "cancelled the import",
        "spending:import_undo": "took back the import",
        "spending:import_retry": "tried the import again",
        "spending:import_encoding": "said how to read the import",
        "spending:import_layout": "said how to read the import",
        "spending:redemption_create": "took a reward for a customer",
        "spending:redemption_cancel": "cancelled a redemption",
        "spending:redemption_use": "handed over a reward",
        "spending:redemption_reissue": "reissued a code",
        "admin:spending_redemption_cancel_redemption": "cancelled a redemption, in the support admin",
        "admin:spending_redemption_reissue_redemption": "reissued a code, in the support admin",
        "api:reward.create": "added the reward",
        "api:reward.partial_update": "changed the reward",
        "api:reward.enable": "switched on the reward",
        "api:reward.disable": "switched off the reward",
        "api:pool.create": "added the list of codes",
        "api:pool.partial_update": "changed the list of codes",
        "api:code.export": "exported the codes of",
        "api:import.create": "uploaded codes",
        "api:import.confirm": "started the import",
        "api:import.cancel": "cancelled the import",
        "api:import.undo": "took back the import",
        "api:import.read_as": "said how to read the import",
        "api:redemption.cancel": "cancelled a redemption",
    },
    "customers": {
        "customers:customer_create": "added a customer",
        "customers:customer_update": "changed a customer",
        "customers:customer_adjust": "adjusted a customer's points",
        "customers:customer_block": "blocked a customer, or no longer",
        "customers:customer_enrol": "let a customer join",
        "customers:customer_export": "exported a customer",
        "customers:customer_erase": "erased a customer",
        "customers:entry_undo": "undid an adjustment",
        "admin:customers_customer_adjust_points": "adjusted a customer's points, in the support admin",
        "admin:customers_customer_erase_customer": "erased a customer, in the support admin",
        "api:adjustment.create": "adjusted a customer's points",
        "api:joining.partial_update": "blocked a customer, or no longer",
        "api:erasing.export": "exported a customer",
        "api:erasing.erase": "erased a customer",
    },
    "integrations": {
        "integrations:connection_create": "connected",
        "integrations:connection_update": "changed the connection",
        "integrations:connection_rotate": "made a new secret for",
        "integrations:connection_switch": "switched the connection",
        "integrations:token_create": "made the key",
        "integrations:token_revoke": "revoked the key",
        "integrations:fulfilment_secret_rotate": "made a new secret for the fulfilment webhook",
        "integrations:call_apply": "applied a call again",
        "openloyalty:settings": "changed the settings by a call",
        "openloyalty:schema": "changed a kind of custom event by a call",
        "openloyalty:key": "changed their own keys by a call",
    },
    "widget": {
        "display:set_up": "set up the widget",
        "display:look": "changed the widget's look",
        "display:texts": "changed the widget's texts",
        "display:domains": "added the address",
        "display:origin_verify": "verified the address",
        "display:origin_remove": "removed the address",
        "display:secret_create": "made the widget's secret",
        "display:secret_retire": "retired the widget's secret",
        "display:legacy_update": "changed what the old signature may do",
    },
    "support": {
        "admin:stores_store_visit": "began to look at the store as its owner sees it",
        "visit_end": "ended the look at the store",
        "admin:stores_user_change": "changed an account, in the support admin",
    },
    "account": {
        "account:password_changed": "changed their password",
        "account:password_set": "set a password",
        "account:password_reset": "set a new password by mail",
        "account:email_added": "added an e-mail address",
        "account:email_confirmed": "confirmed an e-mail address",
        "account:email_changed": "changed their e-mail address",
        "account:email_removed": "removed an e-mail address",
        "account:two_steps_added": "added to two-step sign-in",
        "account:two_steps_removed": "removed from two-step sign-in",
        "account:two_steps_reset": "made anew for two-step sign-in",
        "account:passkey_renamed": "renamed a passkey to",
        "account:sessions_ended": "signed out other browsers",
    },
}  # fmt: skip
PHRASES = {action: phrase for actions in ACTIONS.values() for action, phrase in actions.items()}


def sentence(record: Record) -> str:
    """What was done to what: "changed the action Read"."""
    what = PHRASES.get(record.action, record.action)
    is_named = record.object_name and record.object_type != "stores.store"  # whose list it is anyway
    return f"{what} “{record.object_name}”" if is_named else what


def who(actor: str) -> str:
    """A person by the address they had, a key by how it begins."""
    kind, _, prefix = actor.partition("key:")
    return f"API key {prefix}…" if prefix and not kind else actor


def changes(record: Record, store: Store) -> list[tuple[str, str, str]]:
    """(what, before, after) in words; both empty where the values are not kept."""
    found = []
    for name, pair in record.changes.items():
        field = field_of(record.object_type, name)
        label = str(field.verbose_name) if field is not None else name.replace("_", " ")
        before, after = ("", "") if pair is None else (value(told, field, store) for told in pair)
        found.append((label.removeprefix("is ").capitalize(), before, after))
    return found


def field_of(object_type: str, name: str) -> Field | None:
    try:
        model = apps.get_model(object_type)
        return next((field for field in model._meta.concrete_fields if field.attname == name), None)
    except (LookupError, ValueError):
        return None


def value(told: Any, field: Field | None, store: Store) -> str:
    if told is None or told == "" or told == [] or told == {}:
        return "nothing"
    if isinstance(told, bool):
        return "yes" if told else "no"
    if isinstance(field, DecimalField):
        return number(Decimal(told), store)
    if isinstance(field, DateTimeField):
        return f"{store.local(datetime.fromisoformat(told)):%-d %b %Y, %H:%M}"
    if field is not None and field.choices:
        return str(dict(field.flatchoices).get(told, told))
    if isinstance(told, list):
        return ", ".join(str(one) for one in told)
    if isinstance(told, dict):
        return json.dumps(told, ensure_ascii=False)
    return str(told)
