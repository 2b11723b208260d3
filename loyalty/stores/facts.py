"""What an outside party told us, kept as a row until it is applied.

The row is the record and the broker only makes it fast: a fact is due until `due_at` is empty, whoever
crashed in between. Subclasses (activities, order facts, inbound events) share claiming, retry and
quarantine: see `batches`.
"""

from datetime import datetime, timedelta

from django.db import models
from django.db.models import Q
from django.utils import timezone

from . import clock
from .tenancy import sweeping

STORES = 500  # that are swept at once
MAX_ATTEMPTS = 5
ERROR_LIMIT = 4096


class Fact(models.Model):
    received_at = models.DateTimeField(default=timezone.now)
    # When a worker should look at it next; null: nothing left to do.
    due_at = models.DateTimeField(null=True, default=timezone.now)
    attempts = models.PositiveSmallIntegerField(default=0)
    # A worker has it until then. In no index, so that claiming stays a HOT update.
    claimed_until = models.DateTimeField(null=True)
    claim_token = models.UUIDField(null=True)
    applied_at = models.DateTimeField(null=True)
    quarantined_at = models.DateTimeField(null=True)
    error = models.TextField(blank=True, default="")

    holds_wallets = True  # whoever applies it

    class Meta:
        abstract = True

    @staticmethod
    def due_index(name: str) -> models.Index:
        """For claim() and stores_due()."""
        return models.Index(fields=["store", "due_at"], condition=Q(due_at__isnull=False), name=name)


def told_now() -> dict[str, datetime]:
    """For a fact that is made here: due at once by the database's time, which the claim compares with."""
    now = clock.now()
    return {"received_at": now, "due_at": now}


def retry(facts: models.QuerySet) -> int:
    """Put quarantined facts back to work, from the dashboard."""
    return facts.filter(quarantined_at__isnull=False).update(
        quarantined_at=None, attempts=0, claimed_until=None, due_at=clock.now(), error=""
    )


def stores_due(model: type[Fact], idle: timedelta, untouched: timedelta = timedelta(0)) -> list[int]:
    """Stores with facts due for longer than `idle`, which nobody holds or held for the time of `untouched`; the
    longest wait first."""
    with sweeping():
        now = clock.now()
        late = model._default_manager.filter(due_at__lt=now - idle).exclude(claimed_until__gt=now - untouched)
        stores = late.values("store_id").annotate(since=models.Min("due_at")).order_by("since")
        return [row["store_id"] for row in stores[:STORES]]
