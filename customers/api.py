"""Native calls about customers and what they own."""

from typing import Any

from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from loyalty.stores import audit
from loyalty.stores.api import StoreViewSet
from loyalty.stores.models import ApiKey
from loyalty.stores.problems import Problem

from . import approvals, enrolment, ledger, schema
from .adjustments import AdjustmentConflict, BadAdjustment
from .approvals import Wish
from .identities import BadIdentity, Erased, IdentityConflict
from .ledger import InsufficientPoints
from .models import Customer, Event, LedgerEntry, Wallet
from .references import customer_or_404, find_many
from .serializers import (
    BalanceSerializer,
    CustomerChangeSerializer,
    CustomerSerializer,
    EntrySerializer,
    NewAdjustmentSerializer,
    WaitingAdjustmentSerializer,
    customer_named,
)

MAX_BALANCES = 250


@schema.customers
class CustomerViewSet(StoreViewSet):
    """Reading and changing. What joining pays is earning's: see earning.api."""

    queryset = Customer.objects.none()
    serializer_class = CustomerSerializer
    refusals = {Erased: 409, IdentityConflict: 409, BadIdentity: 400}

    def get_queryset(self) -> QuerySet[Customer]:
        return self.store.customers.prefetch_related("wallets")

    def get_object(self) -> Customer:
        return customer_or_404(self.store, self.kwargs["reference"])

    def answer(self, customer: Customer, status: int = 200) -> Response:
        return Response(CustomerSerializer(self.get_queryset().get(pk=customer.pk)).data, status)

    def list(self, request: Request) -> Response:
        rows = self.paginate_queryset(self.named(self.get_queryset()))
        return self.get_paginated_response(CustomerSerializer(rows, many=True).data)

    def named(self, customers: QuerySet[Customer]) -> QuerySet[Customer]:
        """The one that `?external_id=` or `?email=` names, or all."""
        given = self.request.query_params
        references = [f"{field}:{given[field]}" for field in ("external_id", "email") if given.get(field)]
        for reference in references:
            customers = customers.filter(pk=find_many(self.store, [reference]).get(reference))
        return customers

    def retrieve(self, request: Request, reference: str) -> Response:
        return self.answer(self.get_object())

    def partial_update(self, request: Request, reference: str) -> Response:
        customer = self.get_object()
        serializer = CustomerChangeSerializer(data=self.body())
        serializer.is_valid(raise_exception=True)
        told = serializer.validated_data
        if "identity" in told:
            enrolment.correct(customer, told["identity"])
        enrolment.update_profile(customer, **serializer.profile())
        if "is_blocked" in told:
            audit.about(request, customer)
            enrolment.block(customer, told["is_blocked"])
        return self.answer(customer)


@schema.balances
class BalanceViewSet(StoreViewSet):
    queryset = Wallet.objects.none()
    serializer_class = BalanceSerializer
    pagination_class = None

    def get_queryset(self) -> QuerySet[Wallet]:
        return self.store.wallets.filter(unit="points").select_related("customer")

    def retrieve(self, request: Request, reference: str) -> Response:
        customer = customer_or_404(self.store, reference)
        return Response(BalanceSerializer(self.get_queryset().get(customer=customer)).data)

    def list(self, request: Request) -> Response:
        """One row for each that is asked for and known, in a fixed number of statements."""
        asked = [text.strip() for text in request.query_params.get("ids", "").split(",") if text.strip()]
        if not 1 <= len(asked) <= MAX_BALANCES:
            raise Problem(400, "invalid", f"ids must name 1 to {MAX_BALANCES} customers, separated by commas.")
        found = find_many(self.store, asked)
        wallets = {wallet.customer_id: wallet for wallet in self.get_queryset().filter(customer__in=found.values())}
        known = [
            {"asked": reference, "balance": BalanceSerializer(wallets[key]).data} for reference, key in found.items()
        ]
        return Response({"data": known, "unknown": [reference for reference in asked if reference not in found]})


@schema.entries
class EntryViewSet(StoreViewSet):
    queryset = LedgerEntry.objects.none()
    serializer_class = EntrySerializer

    def get_queryset(self) -> QuerySet[LedgerEntry]:
        return self.store.entries.select_related("customer")

    def list(self, request: Request) -> Response:
        reference = request.query_params.get("customer")
        return self.page(self.of(reference) if reference else self.get_queryset())

    def statement(self, request: Request, reference: str) -> Response:
        return self.page(self.of(reference))

    def of(self, reference: str) -> QuerySet[LedgerEntry]:
        return self.get_queryset().filter(customer=customer_or_404(self.store, reference))

    def page(self, entries: QuerySet[LedgerEntry]) -> Response:
        rows = self.paginate_queryset(entries)
        return self.get_paginated_response(EntrySerializer(rows, many=True).data)


@schema.adjustments
class AdjustmentViewSet(StoreViewSet):
    queryset = LedgerEntry.objects.none()
    serializer_class = NewAdjustmentSerializer
    scopes = {"create": ApiKey.Scope.ADJUST}
    refusals = {AdjustmentConflict: 409, BadAdjustment: 400, InsufficientPoints: 409}

    def create(self, request: Request) -> Response:
        serializer = self.get_serializer(data=self.body())
        serializer.is_valid(raise_exception=True)
        told: dict[str, Any] = serializer.validated_data
        customer = customer_named(self.store, told["customer"])
        if customer is None:
            raise Problem(404, "not-found", "There is no such customer in this store.")
        seen = ledger.lock_wallets(self.store.pk, [customer.pk])[customer.pk].seq  # twin calls one after the other
        wish = Wish(
            customer, told["points"], told["reason"], self.actor, told.get("external_id", ""), told.get("code", "")
        )
        entry = approvals.ask(self.store, wish, is_capped=False)
        if isinstance(entry, Event):
            audit.note(request, customer, points=[None, wish.points], code=[None, wish.code])
            return Response(WaitingAdjustmentSerializer(entry).data, 202)
        if entry.seq > seen:
            audit.note(request, customer, points=[None, wish.points], code=[None, wish.code])
        return Response(EntrySerializer(entry).data, 201 if entry.seq > seen else 200)
