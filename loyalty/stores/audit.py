"""Who changed what: one row for each act, written in the transaction that it happened in.

A view says what it is about; the row is written where the request leaves the store's door:

    rule = audit.about(request, rule)      a row, if the rule is another one when the request ends
    audit.made(request, key)               a row, for something new
    audit.note(request, customer)          a row in any case: an export, an adjustment

Models say in `audited` which fields' values may be kept for ever, and with `__str__` that the row's name may. Of other
fields only their name is kept: they may hold a secret, or something of a customer.
"""

from copy import deepcopy
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any, TypeVar

from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import Model
from django.http import HttpRequest
from uuid_utils.compat import uuid7

from .models import AccountRecord, ApiKey, AuditRecord, Store, User
from .proxies import client_address

Row = TypeVar("Row", bound=Model)
Values = dict[str, Any]

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
# What a worker notes on a fact, again and again.
INNER = {"due_at", "attempts", "claimed_until", "claim_token", "applied_at", "error", "last_used_at"}


@dataclass(slots=True)
class Sheet:
    """What a request has said of itself so far."""

    row: Model | None = None
    object: Values = field(default_factory=dict)
    before: Values | None = None  # None: it is new, or no field of it tells of the act
    is_certain: bool = False
    reason: str = ""
    view_as: str = ""
    changes: Values = field(default_factory=dict)


def about(request: HttpRequest, row: Row) -> Row:
    """The row that the request may change or delete, as it is when this is first said."""
    sheet = sheet_of(request)
    if request.method not in SAFE_METHODS and not sheet.is_certain and sheet.row != row:
        request.audit = Sheet(row, described(row), values_of(row))  # type: ignore[attr-defined]
    return row


def made(request: HttpRequest, row: Row) -> Row:
    """A row that is there since this request."""
    note(request, row)
    told = {name: value for name, value in values_of(row).items() if name in audited(row) and has(value)}
    sheet_of(request).changes = {name: [None, value] for name, value in told.items()}
    return row


def note(request: HttpRequest, row: Model | None = None, reason: str = "", view_as: str = "", **changes: Any) -> None:
    """An act that no field of a row tells of."""
    request.audit = Sheet(row, described(row), None, True, reason, view_as, changes)  # type: ignore[attr-defined]


def also(request: HttpRequest, **changes: Any) -> None:
    """More that the same act changed, in another row."""
    sheet_of(request).changes |= {name: pair for name, pair in changes.items() if pair[0] != pair[1]}


def begin(request: HttpRequest) -> None:
    """What an earlier try of the same request has said counts no more."""
    request.audit = Sheet()  # type: ignore[attr-defined]


def sheet_of(request: HttpRequest) -> Sheet:
    return getattr(request, "audit", None) or Sheet()


def finish(request: HttpRequest, store: Store | None = None, action: str = "") -> None:
    """Write the row, if there is something to tell. `action` is the route's name, unless a call has a better one."""
    sheet = sheet_of(request)
    begin(request)
    assert request.resolver_match  # noqa: S101 - a view was reached
    if sheet.row is not None and sheet.before is not None:
        compare(sheet, sheet.row, sheet.before)
    if not (sheet.changes or sheet.is_certain):
        return
    told = sheet.object | who(request) | {
        "action": action or request.resolver_match.view_name, "reason": sheet.reason[:255],
        "view_as": sheet.view_as, "changes": plain(sheet.changes), "request_id": uuid7(), "address": address(request),
    }  # fmt: skip
    store = store or store_of(sheet.row)
    if store is None:
        AccountRecord.objects.create(**told)
    else:
        AuditRecord.objects.create(store_id=store.pk, **told)


def of_account(request: HttpRequest, user: User, action: str, kind: str = "") -> None:
    """What somebody did to their own account; once for each request, which may do it in several steps."""
    if not getattr(request, "is_of_account", False):
        request.is_of_account = True  # type: ignore[attr-defined]
        AccountRecord.objects.create(
            user_id=user.pk, actor=user.email, action=action, object_type=user._meta.label_lower,
            object_id=str(user.pk), object_name=kind, request_id=uuid7(), address=address(request),
        )  # fmt: skip


def who(request: HttpRequest) -> Values:
    if isinstance(key := getattr(request, "auth", None), ApiKey):
        return {"user_id": None, "actor": f"key:{key.prefix}"}
    return {"user_id": request.user.pk, "actor": getattr(request.user, "email", "")}


def address(request: HttpRequest) -> str | None:
    try:
        return str(ip_address(client_address(request)))
    except ValueError:  # a socket's peer has none
        return None


# --- What a row is like ---------------------------------------------------------------------------


def audited(row: Model) -> tuple[str, ...]:
    return getattr(row, "audited", ())


def values_of(row: Model) -> Values:
    """Its fields as they are in memory, but for those that change by themselves."""
    names = [one.attname for one in row._meta.concrete_fields if not getattr(one, "auto_now", False)]
    # Copies: who changes a list or an object in place must not change what was before.
    return {name: deepcopy(row.__dict__[name]) for name in names if name in row.__dict__ and name not in INNER}


def has(value: Any) -> bool:
    return value not in (None, "", [], {})


def compare(sheet: Sheet, row: Model, before: Values) -> None:
    """What is stored now against what was."""
    fresh = type(row)._base_manager.filter(pk=row.pk).first() if row.pk else None
    after = values_of(fresh) if fresh else {}
    for name, told in before.items():
        if fresh is None and name in audited(row) and has(told):
            sheet.changes[name] = [told, None]
        elif fresh is not None and told != after.get(name):
            sheet.changes[name] = [told, after[name]] if name in audited(row) else None
    sheet.is_certain = sheet.is_certain or fresh is None


def described(row: Model | None) -> Values:
    if row is None:
        return {}
    name = str(row)[:255] if "__str__" in audited(row) else ""
    return {
        "object_type": row._meta.label_lower, "object_id": str(getattr(row, "public_id", row.pk)), "object_name": name,
    }  # fmt: skip


def store_of(row: Model | None) -> Store | None:
    return row if isinstance(row, Store) else getattr(row, "store", None)


def plain(changes: Values) -> Values:
    return {name: None if pair is None else [text(one) for one in pair] for name, pair in changes.items()}


def text(told: Any) -> Any:
    """As JSON has it: numbers and moments as text, exact."""
    return (
        told if told is None or isinstance(told, bool | int | str | list | dict) else DjangoJSONEncoder().default(told)
    )
