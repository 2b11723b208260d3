"""Who changed what in a store: the list, the same as a file, and the end of a visit of support."""

from collections.abc import Iterator
from typing import Any

from allauth.account.decorators import reauthentication_required
from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase, QueryDict, StreamingHttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_GET, require_POST
from django.views.generic import TemplateView

from loyalty.stores import audit, csv_export, visits
from loyalty.stores.mixins import StoreMixin, refusal, store_view
from loyalty.stores.models import AuditRecord, Store
from loyalty.stores.paging import page_of
from loyalty.stores.tenancy import act_for, acting_for

from .audit_phrases import ACTIONS, KINDS, changes, sentence, who

LOOK_BACK = 500  # records that are searched for people besides those who work here now
BATCH = 1000
COLUMNS = ["when", "who", "looking as", "what", "reason", "changes", "address", "request"]


class RecordFilter(forms.Form):
    """What the list is narrowed to. Anything wrong in the address is the same as not asked."""

    person = forms.ChoiceField(
        required=False, widget=forms.Select(attrs={"aria-label": "Person", "data-submits": True})
    )
    kind = forms.ChoiceField(
        required=False, choices=[("", "Everything"), *KINDS.items()],
        widget=forms.Select(attrs={"aria-label": "Kind", "data-submits": True}),
    )  # fmt: skip

    def __init__(self, data: QueryDict, store: Store) -> None:
        super().__init__(data)
        newest = store.audit_records.order_by("-id").values_list("actor", flat=True)[:LOOK_BACK]
        people = {*newest, *store.staff.values_list("user__email", flat=True)}
        self.fields["person"].choices = [("", "Everybody"), *((actor, who(actor)) for actor in sorted(people))]

    @property
    def chosen(self) -> dict[str, str]:
        self.is_valid()
        return {name: value for name, value in self.cleaned_data.items() if value}


def narrowed(store: Store, chosen: dict[str, str]) -> QuerySet[AuditRecord]:
    found = store.audit_records.all()
    if person := chosen.get("person"):
        found = found.filter(actor=person)
    if kind := chosen.get("kind"):
        found = found.filter(action__in=ACTIONS[kind])
    return found


def refuse_others(request: HttpRequest) -> None:
    if not request.membership.can_edit:
        raise PermissionDenied(refusal(request.membership, "can_edit"))


class AuditListView(StoreMixin, TemplateView):
    template_name = "audit_list.html"
    title, purpose = "Who changed what", "Every change that a person or an API key made, and what it was before."

    def get(self, request, *args, **kwargs):
        refuse_others(request)
        return super().get(request, *args, **kwargs)

    def get_context_data(self, **kwargs):
        query = RecordFilter(self.request.GET, self.store)
        chosen = query.chosen
        page = page_of(narrowed(self.store, chosen), self.request.GET)
        rows = [told(record, self.store) for record in page]
        return super().get_context_data(page=page, rows=rows, filter=query, is_narrowed=bool(chosen), **kwargs)


def told(record: AuditRecord, store: Store) -> dict[str, Any]:
    return {
        "record": record, "who": who(record.actor), "sentence": sentence(record), "changes": changes(record, store),
    }  # fmt: skip


@require_GET
@store_view
def audit_export(request: HttpRequest) -> HttpResponseBase:
    refuse_others(request)
    return exported(request)


@reauthentication_required
def exported(request: HttpRequest) -> HttpResponseBase:
    audit.note(request)
    rows = lines(request.store, RecordFilter(request.GET, request.store).chosen)
    response = StreamingHttpResponse(csv_export.stream(COLUMNS, rows), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = 'attachment; filename="who-changed-what.csv"'
    return response


def lines(store: Store, chosen: dict[str, str]) -> Iterator[list[object]]:
    """Newest first. No transaction is open in between: a download outlives its request's."""
    before = None
    while True:
        with acting_for(store.pk):
            found = narrowed(store, chosen).order_by("-id")
            page = list((found.filter(id__lt=before) if before else found)[:BATCH])
        for record in page:
            differences = "; ".join(
                f"{what}: {was} → {became}" if was or became else what for what, was, became in changes(record, store)
            )
            yield [
                store.local(record.created_at).isoformat(timespec="seconds"), who(record.actor), record.view_as,
                sentence(record), record.reason, differences, record.address, record.request_id,
            ]  # fmt: skip
        if len(page) < BATCH:
            return
        before = page[-1].pk


@require_POST
@login_required
def visit_end(request: HttpRequest) -> HttpResponse:
    """Whoever looked as an owner is themselves again."""
    visit = visits.current(request)
    if visit is None:
        request.session.pop(visits.KEY, None)
        return redirect("home")
    act_for(visit.store.pk)
    audit.begin(request)
    visits.end(request)
    audit.finish(request)
    messages.success(request, f"You look at {visit.store} as yourself again.")
    return redirect("admin:index")
