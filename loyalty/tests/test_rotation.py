"""Every kind of secret is changed while it is being used, and nobody who holds a good one is refused."""

import base64
import os
import re
import secrets as random
import threading
from collections.abc import Callable
from contextlib import suppress
from types import SimpleNamespace

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP
from django.core import mail
from django.core.management import call_command
from django.db import connection as database
from django.urls import reverse

from conftest import StrangerAPIClient, StrangerClient, make_customer, sized, staff
from integrations import connections, fulfilment, registry, standard_webhooks
from integrations.dialects.lootly.tests.conftest import Shop as SigningShop
from integrations.dialects.lootly.tests.conftest import connect as connect_signing
from integrations.dialects.loyaltylion.authentication import issue_key
from integrations.dialects.loyaltylion.tests.conftest import Shop as TellingShop
from integrations.dialects.loyaltylion.tests.conftest import basic
from integrations.dialects.openloyalty import credentials
from integrations.dialects.openloyalty.tests.conftest import sign_in as member_wire
from integrations.widget.models import Widget, WidgetSecret
from integrations.widget.tests.conftest import Browser
from loyalty.stores import secrets
from loyalty.stores.models import ApiKey
from loyalty.stores.tenancy import acting_for

ROUNDS = sized(1, 5)
REFUSED = (401, 403)
TOTP_SECRET = "JBSWY3DPEHPK3PXP"


class Holder:
    """Somebody who uses a secret over and over, in a thread of their own, and counts how often it was refused."""

    def __init__(self, name: str, use: Callable[[], object]) -> None:
        self.name, self.use = name, use
        self.uses, self.refused, self.failures = 0, 0, []
        self.ending = threading.Event()
        self.thread = threading.Thread(target=self.run, name=name)

    def run(self) -> None:
        while not self.ending.is_set():
            try:
                told = self.use()
                self.refused += told in REFUSED or told is False
                self.uses += 1
            except Exception as error:
                self.failures.append(repr(error))
            self.ending.wait(0.02)
        database.close()


class Everybody:
    def __init__(self, holders: dict[str, Callable[[], object]]) -> None:
        self.holders = [Holder(name, use) for name, use in holders.items()]

    def __enter__(self) -> "Everybody":
        for holder in self.holders:
            holder.thread.start()
        self.have_used()
        return self

    def __exit__(self, *args: object) -> None:
        for holder in self.holders:
            holder.ending.set()
        for holder in self.holders:
            holder.thread.join(20)

    def have_used(self) -> None:
        """Wait until each has begun and ended a use since now."""
        wanted = {holder: holder.uses + len(holder.failures) + 2 for holder in self.holders}
        for holder, count in wanted.items():
            for _ in range(3000):
                if holder.uses + len(holder.failures) >= count:
                    break
                threading.Event().wait(0.02)
            else:
                pytest.fail(f"{holder.name} is stuck")


def new_key() -> str:
    return base64.urlsafe_b64encode(os.urandom(32)).decode()


@pytest.fixture
def held(transactional_db, store, owner, settings) -> SimpleNamespace:
    """One of each, as its holder has it."""
    settings.ENCRYPTION_KEY = new_key()
    person = staff(store, "manager", "person@acme.example")
    EmailAddress.objects.create(user=person, email=person.email, primary=True, verified=True)
    TOTP.activate(owner, TOTP_SECRET)
    with acting_for(store.pk):
        make_customer(store, "c1", "james@shop.example")
        signing = connect_signing(store, secret="s" * 64)
        telling, telling_secret = connections.connect(store, registry.get("loyaltylion"))
        widget = Widget.objects.create(store=store)
        page_secret, page_clear = WidgetSecret.issue(store)
        hook_secret = fulfilment.secret_of(store).secret
    return SimpleNamespace(
        store=store, owner=owner, person=person, api_key=ApiKey.issue(store, "one", user=owner),
        signing=signing, signing_secret="s" * 64, telling=telling, telling_secret=telling_secret,
        telling_key=issue_key(telling, "one")[1], widget=widget, hook_secrets=[hook_secret],
        page=SimpleNamespace(key=widget.key, key_id=page_secret.key_id, secret=page_clear),
        codes=RecoveryCodes.activate(owner).generate_codes(),
        member_key=credentials.issue_key(person, "one")[1], refresh=credentials.issue_refresh(person),
    )  # fmt: skip


def holders(held: SimpleNamespace) -> dict[str, Callable[[], object]]:
    session, browser = StrangerClient(), Browser(StrangerClient())
    session.force_login(held.person, backend="allauth.account.auth_backends.AuthenticationBackend")
    member = member_wire(held.store, held.person)
    keyed = SimpleNamespace(client=StrangerAPIClient())

    def api_key() -> int:
        keyed.client.credentials(HTTP_AUTHORIZATION=f"Bearer {held.api_key[1]}")
        return keyed.client.get("/api/v1/customers/external_id:c1").status_code

    def signed_call() -> int:
        shop = SigningShop(StrangerClient(), secret=held.signing_secret)
        return shop.sends("customers-create", id="c1", email="james@shop.example").status_code

    def site_secret() -> int:
        return TellingShop(held.telling, basic(held.telling.key, held.telling_secret)).get("/v2/activities").status_code

    def telling_key() -> int:
        return TellingShop(held.telling, f"Bearer {held.telling_key}").get("/v2/activities").status_code

    def page_signature() -> int:
        entered = browser.enter_signed(held.page)
        assert entered.status_code in (200, 401, 403, 429), entered.content
        data = entered.json().get("data", {})
        return 401 if entered.status_code == 200 and data.get("mode") == "guest" else entered.status_code

    def page_token() -> int:
        return browser.get("state").status_code if browser.token else 200

    def refresh_token() -> int:
        answer = member.post("/api/token/refresh", {"refresh_token": held.refresh})
        if answer.status_code == 200:
            held.refresh = answer.told["refresh_token"]
        return answer.status_code

    def hook() -> bool:
        """What we sign: the receiver holds one of two secrets."""
        with acting_for(held.store.pk):
            live = fulfilment.secret_of(held.store).live_secrets
        sent = standard_webhooks.headers("m1", b"{}", live)
        message = f"m1.{sent['webhook-timestamp']}.".encode() + b"{}"
        return any(standard_webhooks.signature(message, one) in sent["webhook-signature"] for one in held.hook_secrets)

    def second_step() -> bool:
        rows = {row.type: row for row in Authenticator.objects.filter(user=held.owner)}
        codes = RecoveryCodes(rows["recovery_codes"]).generate_codes()
        return codes == held.codes and get_adapter().decrypt(rows["totp"].data["secret"]) == TOTP_SECRET

    return {
        "API key": api_key, "signing secret": signed_call, "site secret": site_secret, "bearer key": telling_key,
        "widget secret": page_signature, "widget token": page_token, "hook secret": hook, "second step": second_step,
        "member token": lambda: member.get("member").status_code, "refresh token": refresh_token,
        "member key": lambda: member.get("member", **{"X-AUTH-TOKEN": held.member_key}).status_code,
        "session": lambda: session.get(reverse("account_email")).status_code == 200, "reset link": reset_link(held),
    }  # fmt: skip


def reset_link(held: SimpleNamespace) -> Callable[[], bool]:
    StrangerClient().post(reverse("account_reset_password"), {"email": held.person.email})
    path = re.search(r"http\S+(/accounts/\S+)", mail.outbox[-1].body)[1]
    return lambda: "New password again" in StrangerClient().get(path, follow=True).text


# --- What is changed --------------------------------------------------------------------------------


def change_master_key(held, settings, everybody):
    """As docs/operate.md says it: known to all, then sealing, then alone."""
    old, new = settings.ENCRYPTION_KEY, new_key()
    for keys in (f"{old},{new}", f"{new},{old}"):
        settings.ENCRYPTION_KEY = keys
        everybody.have_used()
    call_command("rotate_keys", verbosity=0)
    everybody.have_used()
    settings.ENCRYPTION_KEY = new
    secrets._boxes.clear()  # all have been started again


def change_data_keys(held, settings, everybody):
    call_command("rotate_keys", "--data", verbosity=0)
    everybody.have_used()
    call_command("rotate_keys", "--data", verbosity=0)


def change_secret_key(held, settings, everybody):
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    settings.SECRET_KEY = random.token_hex()


def change_credentials(held, settings, everybody):
    """New ones are made, the holders go over to them one day, and then the old ones end."""
    old_key, new_key = held.api_key[0], ApiKey.issue(held.store, "next", user=held.owner)
    with acting_for(held.store.pk):
        signing, telling = connections.rotate(held.signing), connections.rotate(held.telling)
        row, page_secret = WidgetSecret.issue(held.store)
        hook_secret = fulfilment.rotate_secret(held.store)
    everybody.have_used()
    held.api_key, held.signing_secret, held.telling_secret = new_key, signing, telling
    held.page = SimpleNamespace(key=held.widget.key, key_id=row.key_id, secret=page_secret)
    held.telling_key, held.hook_secrets = issue_key(held.telling, "next")[1], [hook_secret]
    everybody.have_used()
    ApiKey.objects.filter(pk=old_key.pk).delete()


CHANGES = (change_master_key, change_data_keys, change_secret_key, change_credentials)


def test_nobody_is_refused_while_every_kind_of_secret_is_changed(held, settings):
    with Everybody(holders(held)) as everybody:
        for _ in range(ROUNDS):
            for change in CHANGES:
                change(held, settings, everybody)
                everybody.have_used()
    told = {holder.name: (holder.refused, holder.failures[:2]) for holder in everybody.holders}
    assert told == {holder.name: (0, []) for holder in everybody.holders}
    assert min(holder.uses for holder in everybody.holders) >= 2 * len(CHANGES) * ROUNDS


def test_who_holds_what_is_not_good_any_more_is_refused(held, settings):
    """So that the test above would notice."""
    callers = holders(held)
    ApiKey.objects.filter(pk=held.api_key[0].pk).delete()
    held.signing_secret = held.telling_secret = held.refresh = "f" * 64
    held.telling_key, held.member_key, held.hook_secrets = "pat_" + "0" * 32, "olk_x", ["whsec_AAAA"]
    settings.SECRET_KEY = "another one, without the old one"
    held.page.secret = "f" * 64
    refused = {name for name, use in callers.items() if (told := use()) in REFUSED or told is False}
    assert refused == set(callers) - {"widget token", "second step"}
    with suppress(secrets.Unreadable):
        settings.ENCRYPTION_KEY = new_key()
        assert not callers["second step"]()
