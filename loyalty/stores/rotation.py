"""New keys in the place of old ones, while everything runs: whatever is read meanwhile opens with either.

Every sealed value says what it is sealed with, so a run that broke off is begun again and finds what is left.
"""

from collections.abc import Iterator
from typing import Any

from allauth.mfa.models import Authenticator
from django.apps import apps
from django.db import models, transaction

from . import secrets
from .models import Store, StoreKey
from .secrets import SealedField
from .tenancy import acting_for

BATCH = 500
LIVE_KEYS = 2


def rewrap(store: Store) -> int:
    """Wrap a store's data keys with the newest master key. Returns how many were not."""
    with acting_for(store.pk):
        keys = StoreKey.objects.filter(store=store).select_for_update()
        old = [key for key in keys if not secrets.is_wrapped_by_newest(bytes(key.wrapped))]
        for key in old:
            purpose = secrets.key_purpose(store.pk, key.version)
            key.wrapped = secrets.wrap(secrets.unwrap(bytes(key.wrapped), purpose), purpose)
            key.save(update_fields=["wrapped"])
        return len(old)


def renew(store: Store) -> None:
    """A new data key; the one before it still opens what it sealed."""
    with acting_for(store.pk):
        secrets.add_key(store.pk, secrets.newest_key(store.pk).version + 1)


def reseal(store: Store) -> int:
    """Seal with the newest data key what an older one or a master key sealed. Returns how many values."""
    return sum(_reseal(store, model, fields) for model, fields in sealed_models())


def retire(store: Store) -> int:
    """Forget the keys before the newest two. The last but one may be in use by who has just read its values."""
    with acting_for(store.pk):
        keys = StoreKey.objects.filter(store=store)
        live = keys.order_by("-version").values_list("version", flat=True)[:LIVE_KEYS]
        return keys.exclude(version__in={*live, *used_versions(store)}).delete()[0]


def used_versions(store: Store) -> set[int]:
    return {
        secrets.version_of(bytes(value))
        for model, fields in sealed_models()
        for row in of_store(store, model).values_list(*fields).iterator(BATCH)
        for value in row
        if value is not None
    }


def sealed_models() -> Iterator[tuple[type[models.Model], list[str]]]:
    for model in apps.get_models():
        if fields := [field.attname for field in model._meta.concrete_fields if isinstance(field, SealedField)]:
            yield model, fields


def of_store(store: Store, model: type[models.Model]) -> models.QuerySet[Any]:
    return model._default_manager.filter(store=store).order_by("pk")


def _reseal(store: Store, model: type[models.Model], fields: list[str]) -> int:
    last, count = 0, 0
    while True:
        with acting_for(store.pk):
            newest = secrets.newest_key(store.pk).version
            rows = list(of_store(store, model).filter(pk__gt=last).select_for_update()[:BATCH])
            count += sum(_reseal_row(row, fields, newest) for row in rows)
        if len(rows) < BATCH:
            return count
        last = rows[-1].pk


def _reseal_row(row: Any, fields: list[str], newest: int) -> int:
    values = {name: getattr(row, name) for name in fields}
    old = [name for name, value in values.items() if value is not None and secrets.version_of(bytes(value)) != newest]
    for name in old:
        clear = secrets.decrypt(values[name], row.purpose, row.store_id)
        setattr(row, name, secrets.encrypt(clear, row.purpose, row.store_id))
    if old:
        row.save(update_fields=old)
    return len(old)


# --- People's: second steps of signing in ---------------------------------------------------------


def reseal_people() -> int:
    """Seal with the newest master key what people sign in with. Returns how many rows held an older one's."""
    count = 0
    for pk in list(Authenticator.objects.order_by("pk").values_list("pk", flat=True)):
        with transaction.atomic():
            row = Authenticator.objects.select_for_update().filter(pk=pk).first()
            if row and (data := _sealed_anew(row.data)) != row.data:
                row.data = data
                row.save(update_fields=["data"])
                count += 1
    return count


def _sealed_anew(data: dict[str, Any]) -> dict[str, Any]:
    return {
        name: _anew(value) if name in ("secret", "seed", "migrated_codes") else value for name, value in data.items()
    }


def _anew(value: Any) -> Any:
    if isinstance(value, list):
        return [_anew(one) for one in value]
    if secrets.is_sealed_by_newest(value):
        return value
    return secrets.encrypt_text(secrets.decrypt_text(value))
