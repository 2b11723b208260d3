"""Figures for Prometheus, read from the database when asked, so that they are the same whichever process answers.

Totals are what the tables' sequences have given out: they cost nothing to read, and a rolled-back insert counts.
"""

import hmac
from collections.abc import Iterator

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Count, Min, Model
from django.http import HttpRequest, HttpResponse
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from customers.models import LedgerEntry, OrderNotice
from earning.models import Activity, OrderFact
from integrations.models import InboundEvent
from loyalty.stores import broker, clock
from loyalty.stores.facts import Fact
from loyalty.stores.models import Store
from loyalty.stores.tenancy import acting_for
from spending.models import CouponImport, Fulfilment, Redemption

FACTS: dict[str, type[Fact]] = {
    "activity": Activity, "order_fact": OrderFact, "call": InboundEvent, "order_notice": OrderNotice,
    "coupon_import": CouponImport, "delivery": Fulfilment,
}  # fmt: skip


class Figures:
    """A collector: what it yields is read at each scrape."""

    def collect(self) -> Iterator[Metric]:
        with acting_for(*Store.objects.values_list("pk", flat=True)):
            yield from self.facts()
            yield counter("loyalty_ledger_entries", "Ledger entries posted.", LedgerEntry)
            yield counter("loyalty_redemptions", "Rewards taken.", Redemption)
        yield self.queue()

    def facts(self) -> Iterator[Metric]:
        accepted = CounterMetricFamily("loyalty_facts_accepted", "Facts stored, by what told them.", labels=["kind"])
        applied = GaugeMetricFamily(
            "loyalty_facts_applied", "Facts that are neither due nor quarantined.", labels=["kind"]
        )
        due = GaugeMetricFamily("loyalty_facts_due", "Facts waiting for a worker now.", labels=["kind"])
        oldest = GaugeMetricFamily(
            "loyalty_facts_oldest_due_seconds", "How long the oldest due fact waits. Alert above 60.", labels=["kind"]
        )
        stuck = GaugeMetricFamily("loyalty_facts_quarantined", "Facts given up after five tries.", labels=["kind"])
        now = clock.now()
        for kind, model in FACTS.items():
            waiting = model._default_manager.filter(due_at__lte=now).aggregate(n=Count("pk"), since=Min("due_at"))
            quarantined = model._default_manager.filter(quarantined_at__isnull=False).count()
            told = given_out(model)
            accepted.add_metric([kind], told)
            applied.add_metric([kind], told - waiting["n"] - quarantined)
            due.add_metric([kind], waiting["n"])
            oldest.add_metric([kind], (now - waiting["since"]).total_seconds() if waiting["since"] else 0)
            stuck.add_metric([kind], quarantined)
        yield from (accepted, applied, due, oldest, stuck)

    def queue(self) -> Metric:
        found = GaugeMetricFamily("loyalty_broker_queue_length", "Messages waiting; -1 when the broker is away.")
        try:
            found.add_metric([], broker.queue_length())
        except broker.UNREACHABLE:
            found.add_metric([], -1)
        return found


def counter(name: str, says: str, model: type[Model]) -> Metric:
    found = CounterMetricFamily(name, says)
    found.add_metric([], given_out(model))
    return found


def given_out(model: type[Model]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT COALESCE(pg_sequence_last_value(pg_get_serial_sequence(%s, 'id')), 0)", [model._meta.db_table]
        )
        return cursor.fetchone()[0]


REGISTRY = CollectorRegistry(auto_describe=False)
REGISTRY.register(Figures())


@transaction.non_atomic_requests
def metrics(request: HttpRequest) -> HttpResponse:
    """For whoever knows METRICS_TOKEN (as a bearer token); to all others there is no such page."""
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if not settings.METRICS_TOKEN or not hmac.compare_digest(given.encode(), settings.METRICS_TOKEN.encode()):
        return HttpResponse(status=404)
    return HttpResponse(generate_latest(REGISTRY), content_type=CONTENT_TYPE_LATEST)
