"""Custom events: what callers declared, and what they told under it."""

from django.db import models
from django.utils import timezone
from uuid_utils.compat import uuid7

from customers.models import Customer
from integrations import exact_json
from loyalty.stores.models import Store


class EventSchema(models.Model):
    """A custom event that callers declared before they send it: its name and its body's fields."""

    store = models.ForeignKey(Store, models.CASCADE, related_name="event_schemas")
    event_type = models.CharField(max_length=255)
    name = models.CharField(max_length=255)
    fields = models.JSONField(default=list)  # [{name, type, description}]
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(default=timezone.now)

    audited = ("__str__", "name", "fields", "is_active")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["store", "event_type"], name="integrations_eventschema_type")]

    def __str__(self):
        return self.event_type


class CustomEvent(models.Model):
    """A custom event as told, under its schema. Of a known customer it is an Activity too, which earns.

    One of an unknown person stays without a customer: it has no effects, also when they join later.
    """

    store = models.ForeignKey(Store, models.PROTECT, related_name="custom_events", db_index=False)
    public_id = models.UUIDField(default=uuid7, editable=False)
    schema = models.ForeignKey(EventSchema, models.PROTECT, related_name="events", db_index=False)
    customer = models.ForeignKey(Customer, models.PROTECT, null=True, related_name="custom_events", db_index=False)
    # The caller's id of it. Null, not "", when there is none, so that many may have none.
    external_id = models.CharField(max_length=255, null=True)
    customer_data = models.JSONField(default=dict)  # who it was said of, in the caller's words
    body = models.JSONField(default=dict, encoder=exact_json.Encoder, decoder=exact_json.Decoder)
    occurred_at = models.DateTimeField()
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["store", "public_id"], name="integrations_customevent_public"),
            models.UniqueConstraint(fields=["store", "external_id"], name="integrations_customevent_once"),
        ]
        indexes = [
            # The list, and one customer's.
            models.Index("store", "id", name="integrations_customevent_new"),
            models.Index("store", "customer", "id", name="integrations_customevent_who"),
        ]

    def __str__(self):
        return str(self.public_id)
