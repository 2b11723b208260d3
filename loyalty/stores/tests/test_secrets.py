"""What must be readable again is sealed: by each store's own key, which a key from the environment wraps."""

import base64
import os
from io import StringIO

import pytest
from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.apps import apps
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.db import models

from conftest import see
from integrations import connections, fulfilment, registry
from integrations.models import Connection, WidgetSecret
from loyalty.stores import rotation, secrets
from loyalty.stores.models import StoreKey
from loyalty.stores.secrets import SealedField, Unreadable, decrypt, encrypt

# Bytes that are no secret in themselves: a digest says nothing of what it was made from, a wrapped key is sealed.
OPEN_BYTES = {"digest", "identity", "body_digest", "wrapped"}


def new_key() -> str:
    return base64.urlsafe_b64encode(os.urandom(32)).decode()


@pytest.fixture
def master(settings) -> str:
    settings.ENCRYPTION_KEY = new_key()
    return settings.ENCRYPTION_KEY


def rotate(*arguments: str) -> str:
    out = StringIO()
    call_command("rotate_keys", *arguments, stdout=out)
    return out.getvalue()


def versions(store) -> list[int]:
    return list(StoreKey.objects.filter(store=store).order_by("version").values_list("version", flat=True))


def test_a_store_has_a_key_of_its_own_which_opens_nothing_of_others(store, other_store, master):
    sealed = encrypt("mine", "p", store.pk)
    encrypt("theirs", "p", other_store.pk)
    assert decrypt(sealed, "p", store.pk) == "mine"
    assert b"mine" not in sealed
    for purpose, store_id in (("p", other_store.pk), ("q", store.pk)):
        with pytest.raises(Unreadable):
            decrypt(sealed, purpose, store_id)


def test_a_sealed_value_that_was_changed_does_not_open(store, master):
    sealed = bytearray(encrypt("mine", "p", store.pk))
    for place in (1, 2, 5, len(sealed) - 1):
        changed = bytearray(sealed)
        changed[place] ^= 1
        with pytest.raises(Unreadable):
            decrypt(bytes(changed), "p", store.pk)


def test_nothing_opens_without_the_master_key(store, master, settings):
    sealed = encrypt("mine", "p", store.pk)
    settings.ENCRYPTION_KEY = new_key()
    secrets._boxes.clear()
    with pytest.raises(Unreadable):
        decrypt(sealed, "p", store.pk)


@pytest.mark.parametrize("key", ["short", "x" * 43 + "=", "ä"])
def test_a_key_of_another_form_is_told(settings, key):
    settings.ENCRYPTION_KEY = key if key != "x" * 43 + "=" else base64.urlsafe_b64encode(b"x" * 31).decode()
    with pytest.raises(ImproperlyConfigured, match="32 bytes"):
        secrets.masters()


def old_form(clear: str, purpose: str, key: str) -> bytes:
    """As every secret was sealed before stores had keys."""
    nonce = os.urandom(12)
    return b"\x01" + nonce + AESGCM(base64.urlsafe_b64decode(key)).encrypt(nonce, clear.encode(), purpose.encode())


def test_what_was_sealed_before_stores_had_keys_is_read_and_sealed_anew(store, master):
    connection, _ = connections.connect(store, registry.get("lootly"))
    connection.sealed_secret = old_form("from before", connection.purpose, master)
    connection.save()
    connection.refresh_from_db()
    assert connection.secret == "from before"
    rotate()
    see(store)
    connection.refresh_from_db()
    assert secrets.version_of(bytes(connection.sealed_secret)) == 1
    assert connection.secret == "from before"


def test_a_new_master_key_takes_over_and_the_old_one_may_go(store, other_store, master, settings):
    connection, clear = connections.connect(store, registry.get("lootly"))
    elsewhere = fulfilment.secret_of(other_store).secret
    settings.ENCRYPTION_KEY = f"{new_key()}, {master}"
    rotate()
    settings.ENCRYPTION_KEY = settings.ENCRYPTION_KEY.split(",")[0]
    secrets._boxes.clear()
    see(store, other_store)
    assert Connection.objects.get(pk=connection.pk).secret == clear
    assert fulfilment.secret_of(other_store).secret == elsewhere


def test_a_new_data_key_seals_everything_anew_and_two_keys_live(store, master):
    connection, clear = connections.connect(store, registry.get("lootly"))
    connections.rotate(connection)
    widget, shown = WidgetSecret.issue(store)
    handed = fulfilment.secret_of(store).secret
    for turn in (2, 3, 4):
        rotate("--data")
        see(store)
        assert versions(store) == [turn - 1, turn]
        assert rotation.used_versions(store) == {turn}
    connection.refresh_from_db()
    widget.refresh_from_db()
    assert clear in connection.live_secrets and len(connection.live_secrets) == 2
    assert (widget.clear, fulfilment.secret_of(store).secret) == (shown, handed)


def test_a_run_that_broke_off_is_begun_again(store, master, monkeypatch):
    made = [connections.connect(store, registry.get("lootly"), name=str(number)) for number in range(5)]
    monkeypatch.setattr(rotation, "BATCH", 2)
    reseal_row, calls = rotation._reseal_row, []

    def breaks(row, fields, newest):
        calls.append(row)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return reseal_row(row, fields, newest)

    monkeypatch.setattr(rotation, "_reseal_row", breaks)
    with pytest.raises(KeyboardInterrupt):
        rotate("--data")
    see(store)
    assert rotation.used_versions(store) == {1, 2}
    assert [Connection.objects.get(pk=row.pk).secret for row, _ in made] == [clear for _, clear in made]
    assert f"{store.slug}: 0 data keys wrapped anew, 3 secrets sealed anew" in rotate()
    see(store)
    assert rotation.used_versions(store) == {2}
    assert [Connection.objects.get(pk=row.pk).secret for row, _ in made] == [clear for _, clear in made]


def test_what_people_sign_in_with_is_sealed_and_rotates(owner, master, settings):
    adapter = get_adapter()
    sealed = adapter.encrypt("TOTPSECRET")
    assert "TOTPSECRET" not in sealed and adapter.decrypt(sealed) == "TOTPSECRET"
    Authenticator.objects.create(user=owner, type="totp", data={"secret": sealed})
    codes = Authenticator.objects.create(  # from before they were sealed
        user=owner, type="recovery_codes", data={"seed": "in plain", "used_mask": 1}
    )
    settings.ENCRYPTION_KEY = f"{new_key()},{master}"
    assert "2 second steps" in rotate()
    assert "0 second steps" in rotate()
    settings.ENCRYPTION_KEY = settings.ENCRYPTION_KEY.split(",")[0]
    codes.refresh_from_db()
    assert "in plain" not in str(codes.data) and codes.data["used_mask"] == 1
    assert adapter.decrypt(codes.data["seed"]) == "in plain"
    assert adapter.decrypt(Authenticator.objects.get(type="totp").data["secret"]) == "TOTPSECRET"


def test_secrets_from_before_there_was_an_encryption_key_stay_readable(store, settings):
    settings.ENCRYPTION_KEY = ""
    sealed = encrypt("mine", "p", store.pk)
    settings.ENCRYPTION_KEY, settings.SECRET_KEY_FALLBACKS = new_key(), [settings.SECRET_KEY]
    settings.SECRET_KEY = "another one"
    secrets._boxes.clear()
    assert decrypt(sealed, "p", store.pk) == "mine"


def test_every_column_of_bytes_is_sealed_or_known_to_be_open():
    ours = {"stores", "customers", "earning", "spending", "integrations"}
    loose = {
        f"{model._meta.label}.{field.name}"
        for model in apps.get_models()
        if model._meta.app_label in ours
        for field in model._meta.concrete_fields
        if isinstance(field, models.BinaryField) and not isinstance(field, SealedField)
        if field.name not in OPEN_BYTES
    }
    assert loose == {"customers.LedgerSeal.root", "spending.CouponImportPart.content", "spending.RewardImage.content"}
