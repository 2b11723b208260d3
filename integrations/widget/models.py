"""How a store's widget looks and speaks, where it may be shown, and what shoppers' pages are signed with."""

import secrets

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import connection, models
from django.utils import timezone

from customers.models import Customer
from loyalty.stores import clock
from loyalty.stores.models import Store
from loyalty.stores.secrets import SealedField, decrypt, encrypt, new_secret

from .texts import TEXTS

LIVE_SECRETS = 2  # so that a shop can go from one to the next without a gap


def new_key() -> str:
    return f"w_{secrets.token_hex(16)}"


def new_challenge() -> str:
    return secrets.token_hex(16)


def default_look() -> dict:
    return {"accent": "#3b4cca", "theme": "auto", "side": "right", "icon": "gift", "launcher": "label"}


class Widget(models.Model):
    """One per store. `key` is public and finds it, as does the key of a connection whose dialect has a widget."""

    class Legacy(models.TextChoices):
        OFF = "off", "Refused: the shopper is a guest"
        READ = "read_only", "May look: balance, rewards and history"
        REDEEM = "redeem", "May look and take rewards, a few a day"

    class BirthdayOrder(models.TextChoices):
        DAY_FIRST = "dmy", "Day, month, year"
        MONTH_FIRST = "mdy", "Month, day, year"

    store = models.OneToOneField(Store, models.CASCADE, related_name="widget")
    key = models.CharField(max_length=64, unique=True, default=new_key, editable=False)
    is_enabled = models.BooleanField("Show the widget", default=True)
    look = models.JSONField(default=default_look)  # checked by forms.LookForm
    texts = models.JSONField(default=dict)  # what the merchant wrote instead of TEXTS
    hidden_sections = models.JSONField(default=list)
    birthday_order = models.CharField(max_length=3, choices=BirthdayOrder, default=BirthdayOrder.DAY_FIRST)
    login_url = models.CharField(max_length=500, blank=True)
    register_url = models.CharField(max_length=500, blank=True)
    legacy = models.CharField(max_length=10, choices=Legacy, default=Legacy.READ)
    legacy_daily = models.PositiveSmallIntegerField(
        default=3, validators=[MinValueValidator(1), MaxValueValidator(100)]
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    audited = (
        "is_enabled", "look", "texts", "hidden_sections", "birthday_order", "login_url", "register_url", "legacy",
        "legacy_daily",
    )  # fmt: skip

    def __str__(self):
        return f"Widget of {self.store}"

    @classmethod
    def of(cls, store: Store) -> "Widget":
        """The store's, or one with our defaults that is not saved yet: tags that came along need no set-up."""
        return cls.objects.filter(store=store).first() or cls(store=store, key="")

    def text(self, name: str) -> str:
        return self.texts.get(name) or TEXTS[name].default

    @property
    def all_texts(self) -> dict[str, str]:
        return {name: self.text(name) for name in TEXTS}

    @property
    def full_look(self) -> dict[str, str]:
        return default_look() | self.look


class WidgetSecret(models.Model):
    """What a shop signs its pages with (v1); apart from every other secret. The newest two are in use."""

    store = models.ForeignKey(Store, models.CASCADE, related_name="widget_secrets")
    number = models.PositiveIntegerField()
    sealed = SealedField()
    created_at = models.DateTimeField(default=timezone.now)
    retired_at = models.DateTimeField(null=True)

    audited = ("__str__", "retired_at")

    class Meta:
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["store", "number"], name="integrations_widgetsecret_number")]

    def __str__(self):
        return self.key_id

    @property
    def key_id(self) -> str:
        return f"wk_{self.number}"

    @property
    def clear(self) -> str:
        return decrypt(self.sealed, self.purpose, self.store_id)

    @property
    def purpose(self) -> str:
        return f"widget:{self.store_id}:{self.number}"

    @classmethod
    def live(cls, store: Store) -> list["WidgetSecret"]:
        return list(store.widget_secrets.filter(retired_at=None)[:LIVE_SECRETS])

    @classmethod
    def issue(cls, store: Store) -> tuple["WidgetSecret", str]:
        """A new one, in clear for once; the one before it stays in use, older ones do not."""
        Store.objects.select_for_update().get(pk=store.pk)  # two who ask at once get two numbers
        newest = store.widget_secrets.first()
        secret = cls(store=store, number=newest.number + 1 if newest else 1)
        clear = new_secret()
        secret.sealed = encrypt(clear, secret.purpose, store.pk)
        secret.save()
        keep = [row.pk for row in cls.live(store)]
        store.widget_secrets.filter(retired_at=None).exclude(pk__in=keep).update(retired_at=clock.now())
        return secret, clear


class WidgetOrigin(models.Model):
    """A further origin that may show the widget, once it is verified. See origins.verified for all of them."""

    store = models.ForeignKey(Store, models.CASCADE, related_name="widget_origins")
    origin = models.CharField(max_length=260)
    challenge = models.CharField(max_length=40, default=new_challenge, editable=False)
    verified_at = models.DateTimeField(null=True)
    verified_by = models.CharField(max_length=10, blank=True)  # meta, file, local
    created_at = models.DateTimeField(default=timezone.now)

    audited = ("__str__", "verified_at", "verified_by")

    class Meta:
        ordering = ["origin"]
        constraints = [models.UniqueConstraint(fields=["store", "origin"], name="integrations_widgetorigin_once")]
        indexes = [models.Index("origin", name="integrations_widgetorigin_of")]  # asked before a call names its store

    def __str__(self):
        return self.origin


COUNT_FAULT = """
INSERT INTO integrations_widgetfault (store_id, day, reason, count, last_at) VALUES (%s, %s, %s, 1, clock_timestamp())
ON CONFLICT (store_id, day, reason)
DO UPDATE SET count = integrations_widgetfault.count + 1, last_at = clock_timestamp()
"""


class WidgetFault(models.Model):
    """How often pages came with a signature that does not hold, by day and reason."""

    store = models.ForeignKey(Store, models.CASCADE, related_name="widget_faults", db_index=False)
    day = models.DateField()
    reason = models.CharField(max_length=20)
    count = models.PositiveIntegerField()
    last_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["store", "day", "reason"], name="integrations_widgetfault_day")]

    @classmethod
    def note(cls, store: Store, reason: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(COUNT_FAULT, [store.pk, store.local(clock.now()).date(), reason])


TAKE = """
INSERT INTO integrations_widgetallowance (store_id, customer_id, day, used) VALUES (%s, %s, %s, 1)
ON CONFLICT (store_id, customer_id, day) DO UPDATE SET used = integrations_widgetallowance.used + 1
WHERE integrations_widgetallowance.used < %s RETURNING used
"""


class WidgetAllowance(models.Model):
    """How many rewards a customer took today with nothing but an old signature."""

    store = models.ForeignKey(Store, models.CASCADE, related_name="+", db_index=False)
    customer = models.ForeignKey(Customer, models.CASCADE, related_name="+", db_index=False)
    day = models.DateField()
    used = models.PositiveSmallIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["store", "customer", "day"], name="integrations_widgetallowance_day")
        ]

    @classmethod
    def take(cls, store: Store, customer: Customer, limit: int) -> bool:
        """One of today's; False when none is left. Two at once cannot take the same."""
        with connection.cursor() as cursor:
            cursor.execute(TAKE, [store.pk, customer.pk, store.local(clock.now()).date(), limit])
            return cursor.fetchone() is not None

    @classmethod
    def give_back(cls, store: Store, customer: Customer) -> None:
        """The reward was refused."""
        today = store.local(clock.now()).date()
        cls.objects.filter(store=store, customer=customer, day=today, used__gt=0).update(used=models.F("used") - 1)
