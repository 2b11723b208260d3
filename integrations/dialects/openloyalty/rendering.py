"""What this wire shows of our rows. Empty fields are printed as null."""

import uuid
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.utils.dateparse import parse_datetime

from customers.models import Customer, Wallet
from integrations.models import ConnectionToken, CustomEvent, EventSchema
from loyalty.stores.models import StaffMember, Store, User

from .credentials import admin_id
from .moments import render_day, render_moment

ADDRESS = ("street", "address1", "address2", "postal", "city", "province", "country")
MONEY = Decimal("0.0001")


def render_store(membership: StaffMember) -> dict[str, Any]:
    store = membership.store
    return {
        "storeId": str(store.public_id), "code": store.slug, "currency": store.currency, "name": store.name,
        "active": True, "createdBy": None, "createdAt": render_moment(store.created_at, store),
        "updatedBy": None, "updatedAt": None,
    }  # fmt: skip


def render_key(key: ConnectionToken, user: User, clear: str | None = None) -> dict[str, Any]:
    """`clear` is known only when the key is made."""
    return {
        "apiKeyId": str(key.public_id), "token": clear, "adminId": admin_id(user), "name": key.name, "legacy": False,
        "expirationDate": key.expires_at and key.expires_at.isoformat(timespec="seconds"),
    }  # fmt: skip


# --- Members ----------------------------------------------------------------------------------


def render_member(member: Customer, store: Store) -> dict[str, Any]:
    known = member.properties
    consents, company, address = known.get("consents", {}), known.get("company"), known.get("address")
    return {
        "customerId": str(member.public_id),
        "registeredAt": render_moment(registered_at(member), store),
        "active": member.state != Customer.State.BLOCKED,
        "channelId": None,
        "channelIdentifier": None,
        "firstName": member.first_name or None,
        "lastName": member.last_name or None,
        "gender": known.get("gender"),
        "email": member.email,
        "phone": member.phone,
        "birthDate": render_day(member.birthday, store),
        "lastLevelRecalculation": None,
        "address": address and {name: address.get(name) for name in ADDRESS},
        "loyaltyCardNumber": member.card_number,
        "createdAt": render_moment(member.created_at, store),
        "updatedAt": render_moment(member.updated_at, store),
        **{f"agreement{number}": consents.get(number, False) for number in "123"},
        "company": company and {"name": company.get("name"), "nip": company.get("tax_id")},
        **render_purchases(member, store),
        "levelAchievementDate": None,
        "anonymized": False,
        "referralToken": None,
        "defaultAccount": render_account(member),
        "labels": known.get("labels", []),
        "currency": store.currency,
        "storeCode": store.slug,
    }


def render_one_member(member: Customer, store: Store) -> dict[str, Any]:
    return render_member(member, store) | {"segments": [], "currentLevel": None}


def registered_at(member: Customer) -> datetime:
    told = member.properties.get("registered_at")
    return (told and parse_datetime(told)) or member.enrolled_at or member.created_at


def render_purchases(member: Customer, store: Store) -> dict[str, Any]:
    count, total = member.orders_count, member.orders_total
    return {
        "transactionsCount": count,
        "returnTransactionsCount": 0,
        "transactionsAmount": total,
        "returnTransactionsAmount": 0,
        "transactionsAmountWithoutDeliveryCosts": None,
        "amountExcludedForLevel": 0,
        "averageTransactionAmount": (total / count).quantize(MONEY) if count else 0,
        "averageReturnTransactionAmount": 0,
        "firstTransactionDate": render_moment(member.first_order_at, store),
        "lastTransactionDate": render_moment(member.last_order_at, store),  # type: ignore[attr-defined]
    }


def wallet_of(member: Customer) -> Wallet:
    """`members.of` fetched it along."""
    return member.purses[0]  # type: ignore[attr-defined]


def wallet_id(member: Customer) -> str:
    """The wallet has no id of its own outside: it is the member's only one."""
    return str(uuid.uuid5(member.public_id, "wallet"))


def render_account(member: Customer) -> dict[str, Any]:
    wallet = wallet_of(member)
    return {
        "accountId": wallet_id(member), "activePoints": wallet.balance, "transferredPoints": 0,
        "lockedPoints": wallet.pending, "expiredPoints": wallet.expired, "spentPoints": wallet.spent,
        "earnedPoints": wallet.earned, "blockedPoints": 0,
    }  # fmt: skip


def render_wallet(member: Customer, store: Store) -> dict[str, Any]:
    wallet = wallet_of(member)
    return {
        "walletId": wallet_id(member),
        "walletType": {
            "walletTypeId": str(uuid.uuid5(store.public_id, "wallet type")), "code": "default", "name": "Default",
            "unitSingularName": store.points_name, "unitPluralName": store.points_name_plural, "active": True,
            "isDefault": True, "createdAt": render_moment(store.created_at, store), "limits": None,
        },
        "createdAt": render_moment(member.created_at, store),
        "account": {
            "earnedUnits": wallet.earned, "transferredUnits": 0, "spentUnits": wallet.spent,
            "activeUnits": wallet.balance, "lockedUnits": wallet.pending, "blockedUnits": 0,
            "expiredUnits": wallet.expired,
        },
        "unitsLimitUsed": None,
        "unitsLimitRemaining": None,
    }  # fmt: skip


# --- Custom events ----------------------------------------------------------------------------


def render_schema(schema: EventSchema, store: Store) -> dict[str, Any]:
    return {
        "eventType": schema.event_type, "name": schema.name, "schema": {"fields": schema.fields},
        "active": schema.is_active, "createdAt": render_moment(schema.created_at, store),
    }  # fmt: skip


def render_event(event: CustomEvent, store: Store) -> dict[str, Any]:
    told = event.customer_data
    return {
        "customEventId": str(event.public_id),
        "customerId": event.customer and str(event.customer.public_id),
        "type": event.schema.event_type,
        "eventName": event.schema.name,
        "customerData": {name: told.get(name) for name in ("customerId", "email", "phone", "loyaltyCardNumber")},
        "body": event.body,
        "eventDate": render_moment(event.occurred_at, store),
        "createdAt": render_moment(event.created_at, store),
        "eventId": event.external_id,
    }
