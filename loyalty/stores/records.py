"""Who changed what: rows that are only ever added. What writes them is `audit`."""

from django.db import models
from django.utils import timezone


class Record(models.Model):
    """One act of a person or a key. No secrets and nothing of a customer's: those are named by public id only."""

    user = models.ForeignKey(
        "stores.User", models.DO_NOTHING, null=True, related_name="+", db_index=False, db_constraint=False
    )
    actor = models.CharField(max_length=254)  # their address at the time, or "key:" and how it begins
    view_as = models.CharField(max_length=20, blank=True)  # the role that support looked as
    action = models.CharField(max_length=60)  # the route's name; `loyalty.audit_phrases` has the words
    object_type = models.CharField(max_length=60, blank=True)
    object_id = models.CharField(max_length=64, blank=True)
    object_name = models.CharField(max_length=255, blank=True)
    reason = models.CharField(max_length=255, blank=True)
    changes = models.JSONField(default=dict)  # field: [before, after], or null where the values are not kept
    request_id = models.UUIDField()
    address = models.GenericIPAddressField(null=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        abstract = True

    def __str__(self):
        return f"{self.actor}: {self.action}"


class AuditRecord(Record):
    """Of one store."""

    store = models.ForeignKey("stores.Store", models.PROTECT, related_name="audit_records", db_index=False)

    class Meta:
        indexes = [
            models.Index(fields=["store", "id"], name="stores_audit_newest"),
            models.Index(fields=["store", "actor", "id"], name="stores_audit_of_person"),
            models.Index(fields=["store", "action", "id"], name="stores_audit_of_kind"),
        ]


class AccountRecord(Record):
    """Of a person's own account, or of Loyalty as a whole: of no store."""
