"""Connections and calls in the support admin, to read. Secrets are shown to nobody here."""

from django.contrib import admin
from unfold.decorators import display

from loyalty.stores.admin import STATE_TONES, StoreRowAdmin

from . import registry
from .models import Connection, InboundEvent


@admin.register(Connection)
class ConnectionAdmin(StoreRowAdmin):
    list_display = ["name", "spoken", "is_enabled", "last_call", "last_call_at", "last_error_at", "of_store"]
    fields = [
        "of_store", "name", "spoken", "key", "settings", "is_enabled", "verified_at", "last_call", "last_call_at",
        "last_error", "last_error_at", "old_secret_until", "created_at",
    ]  # fmt: skip

    @admin.display(description="Dialect")
    def spoken(self, connection):
        known = registry.DIALECTS.get(connection.dialect)
        return known.label if known else connection.dialect


@admin.register(InboundEvent)
class InboundEventAdmin(StoreRowAdmin):
    list_display = ["received_at", "event", "connection", "shown_outcome", "error", "of_store"]
    list_select_related = ["store", "connection"]
    fields = [
        "of_store", "connection", "event", "identity", "outcome", "error", "attempts", "quarantined_at", "received_at",
        "applied_at", "answer_status", "answer", "body",
    ]  # fmt: skip

    def get_queryset(self, request):
        rows = super().get_queryset(request)
        # A list needs no bodies.
        return rows if "object_id" in request.resolver_match.kwargs else rows.defer("body", "answer")

    @display(description="Outcome", label=STATE_TONES)
    def shown_outcome(self, call):
        return call.outcome, call.get_outcome_display()
