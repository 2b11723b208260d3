"""Exchanging what a page says for a short-lived token. From then on the customer comes from the token only."""

from dataclasses import asdict, dataclass
from urllib.parse import urlsplit

from django.core import signing

from customers import identities
from customers.identities import Identity
from customers.models import Customer
from integrations.models import Connection
from loyalty.stores import clock
from loyalty.stores.models import Store

from . import identity
from .identity import WrongSignature
from .models import Widget, WidgetFault, WidgetSecret
from .origins import NotAnOrigin, origin_of

LIFE = 600  # seconds
SALT = "integrations.widget.session"
LEGACY_DIALECTS = ("lootly",)  # whose tags sign with the API secret

GUEST, READ_ONLY, FULL = "guest", "read_only", "full"


class Refused(Exception):
    """The page gets no token; `code` and message are for its console."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Door:
    """What a public key opens: a store's widget, and the API secrets that older tags sign with."""

    key: str
    store: Store
    widget: Widget
    connection: Connection | None = None

    @property
    def api_secrets(self) -> list[str]:
        return self.connection.live_secrets if self.connection else []


@dataclass(frozen=True, slots=True)
class Page:
    """What the tag on a page says."""

    shop_domain: str = ""
    shop_id: str = ""
    customer_id: str = ""
    customer_signature: str = ""


@dataclass(frozen=True, slots=True)
class Session:
    """What a token holds. `proof` is how the customer was proved: "", "v0" or "v1"."""

    store_id: int
    key: str
    origin: str
    proof: str = ""
    customer_id: str = ""

    def token(self) -> str:
        return signing.dumps(asdict(self), salt=SALT)

    @classmethod
    def of(cls, token: str) -> "Session | None":
        try:
            return cls(**signing.loads(token, salt=SALT, max_age=LIFE))
        except (signing.BadSignature, TypeError, ValueError):
            return None

    def mode(self, widget: Widget) -> str:
        if self.proof == "v1":
            return FULL
        if self.proof == "v0":
            return FULL if widget.legacy == Widget.Legacy.REDEEM else READ_ONLY
        return GUEST

    def rights(self, widget: Widget) -> list[str]:
        """What it may do besides looking. An old signature never changes a profile or shows codes taken elsewhere."""
        if self.proof == "v1":
            return ["redeem", "codes", "profile"]
        return ["redeem"] if self.proof == "v0" and widget.legacy == Widget.Legacy.REDEEM else []

    def customer(self, store: Store) -> Customer | None:
        return identities.find(store, Identity(external_id=self.customer_id)) if self.customer_id else None


def door_of(key: str) -> Door | None:
    """The store that a key names. Nothing is secret about it."""
    if not key or len(key) > 64 or "\x00" in key:
        return None
    widget = Widget.objects.select_related("store").filter(key=key).first()
    if widget:
        return Door(key, widget.store, widget)
    connections = Connection.objects.select_related("store").filter(dialect__in=LEGACY_DIALECTS, is_enabled=True)
    connection = connections.filter(key=key).first()
    return Door(key, connection.store, Widget.of(connection.store), connection) if connection else None


def admit(door: Door, page: Page, origin: str, allowed: list[str]) -> Session:
    """A session for this page. Raises Refused; a wrong customer signature makes a guest and is counted."""
    if not door.widget.is_enabled:
        raise Refused("widget_off", "The widget is switched off.")
    check_shop(door, page, allowed)
    proof = ""
    if page.customer_id.strip() not in ("", "0"):
        try:
            proof = prove(door, page)
        except WrongSignature as wrong:
            WidgetFault.note(door.store, wrong.reason)
    return Session(door.store.pk, door.key, origin, proof, page.customer_id if proof else "")


def check_shop(door: Door, page: Page, allowed: list[str]) -> None:
    """The domain on the tag is the store's and, where tags sign it, signed as it stands there."""
    if door.connection or page.shop_domain:
        if not is_allowed(page.shop_domain, allowed):
            raise Refused("domain_not_verified", "data-shop-domain is not a verified domain of this store.")
    if door.connection and not identity.is_md5_of(page.shop_id, page.shop_domain, door.api_secrets):
        raise Refused("shop_mismatch", "data-shop-id does not fit data-shop-domain and the API secret.")


def is_allowed(domain: str, allowed: list[str]) -> bool:
    """Whether its host is a verified one. Tags write it with or without a scheme."""
    try:
        host = urlsplit(origin_of(domain.replace("http://", "https://", 1), is_local_fine=True)).netloc
    except NotAnOrigin:
        return False
    return host in {urlsplit(origin).netloc for origin in allowed}


def prove(door: Door, page: Page) -> str:
    """How the page proves its customer: "v0" or "v1". Raises WrongSignature."""
    identity.check_id(page.customer_id, page.shop_domain)
    if identity.is_v1(page.customer_signature):
        live = {secret.key_id: secret.clear for secret in WidgetSecret.live(door.store)}
        identity.check_v1(
            page.customer_id, page.customer_signature, api_key=door.key, secrets=live, now=clock.now().timestamp()
        )  # fmt: skip
        return "v1"
    if not door.connection:
        raise WrongSignature("no_secret" if page.customer_signature else "malformed")
    if door.widget.legacy == Widget.Legacy.OFF:
        raise WrongSignature("switched_off")
    identity.check_v0(page.customer_id, page.customer_signature, door.api_secrets)
    return "v0"


def resume(session: Session) -> Door | None:
    """The door again, unless it was shut since: the widget off, the key gone, old signatures refused."""
    door = door_of(session.key)
    if door is None or door.store.pk != session.store_id or not door.widget.is_enabled:
        return None
    if session.proof == "v0" and door.widget.legacy == Widget.Legacy.OFF:
        return None
    return door
