"""Earning rules, as the people of a store see and change them."""

import json
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.functional import cached_property
from django.views.decorators.http import require_POST
from django.views.generic import FormView, TemplateView

from loyalty.stores import audit
from loyalty.stores.fields import tell
from loyalty.stores.mixins import StoreMixin, store_view
from loyalty.stores.models import Store

from . import figures, phrases, rules
from .actions import KINDS
from .forms import RuleForm, new_rule
from .models import EarningRule


class RuleListView(StoreMixin, TemplateView):
    template_name = "earning/rule_list.html"
    title, purpose = "Earning", "What customers do, and what it is worth."

    def get_context_data(self, **kwargs):
        used = figures.used_this_month(self.store)
        rows = [summary(rule, self.store) | {"used": used.get(rule.pk)} for rule in self.store.rules.all()]
        return super().get_context_data(rows=rows, **kwargs)


def summary(rule: EarningRule, store: Store) -> dict[str, Any]:
    """A rule in words, for the list and the preview."""
    return {
        "rule": rule, "gives": phrases.gives(rule, store), "limit": phrases.limit(rule, store),
        "approval": phrases.approval(rule, store), "who": phrases.who(rule, store), "dates": phrases.dates(rule, store),
    }  # fmt: skip


class KindListView(StoreMixin, TemplateView):
    template_name = "earning/rule_kinds.html"
    title, purpose = "Add action", "What should customers be rewarded for?"

    def get_context_data(self, **kwargs):
        taken = set(self.store.rules.values_list("kind", flat=True))
        groups: dict[str, list] = {}
        for kind in KINDS.values():
            groups.setdefault(kind.group, []).append({"kind": kind, "is_taken": kind.key in taken})
        return super().get_context_data(groups=groups, **kwargs)


class RuleFormView(StoreMixin, FormView):
    """What adding and editing share."""

    template_name = "earning/rule_form.html"
    form_class = RuleForm
    rule: EarningRule

    def get_form_kwargs(self):
        return super().get_form_kwargs() | {"store": self.store, "rule": self.rule}

    def get_context_data(self, **kwargs):
        context = super().get_context_data(rule=self.rule, kind=KINDS[self.rule.kind], **kwargs)
        return context | preview(context["form"], self.rule, self.store)


class RuleCreateView(RuleFormView):
    purpose = ""

    @cached_property
    def rule(self) -> EarningRule:
        return draft(self.store, self.kwargs["kind"])

    @property
    def title(self) -> str:
        return KINDS[self.rule.kind].label

    def form_valid(self, form):
        identifier = form.cleaned_data.get("identifier", "")
        actor = f"user:{self.request.user.email}"
        try:
            rule = rules.create(self.store, self.rule.kind, actor=actor, identifier=identifier, **form.values())
        except ValidationError as error:
            tell(form, error)
            return self.form_invalid(form)
        audit.made(self.request, rule)
        messages.success(self.request, f"“{rule.name}” is live.")
        if rule.kind == "custom":
            return redirect("earning:rule_update", self.store.slug, rule.public_id)  # its ActionID is there
        return redirect("earning:rule_list", self.store.slug)


class RuleUpdateView(RuleFormView):
    @cached_property
    def rule(self) -> EarningRule:
        rule = get_object_or_404(self.store.rules, public_id=self.kwargs["public_id"])
        return audit.about(self.request, rule)

    @property
    def title(self) -> str:
        return self.rule.name

    def get_context_data(self, **kwargs):
        call = example_call(self.rule) if self.rule.kind == "custom" else ""
        return super().get_context_data(call=call, **kwargs)

    def form_valid(self, form):
        was_seen = self.request.POST.get("seen") == form.fingerprint()
        if self.rule.is_enabled and not was_seen and phrases.differences(self.rule, form.result(), self.store):
            return self.render_to_response(self.get_context_data(form=form, is_review=True))
        try:
            is_new = rules.change(self.rule, actor=f"user:{self.request.user.email}", **form.values())
        except ValidationError as error:
            tell(form, error)
            return self.form_invalid(form)
        name, version = self.rule.name, self.rule.version
        messages.success(self.request, f"“{name}” runs as version {version} now." if is_new else "Nothing was changed.")
        return redirect("earning:rule_list", self.store.slug)


def preview(form: RuleForm, rule: EarningRule, store: Store) -> dict[str, Any]:
    """What the form says now: in words, and as differences from the running version."""
    if not form.is_bound:
        return {"shown": summary(rule, store)}
    if not form.is_valid():
        return {"shown": summary(rule, store), "has_errors": True}
    after = form.result()
    changes = phrases.differences(rule, after, store) if rule.pk else []
    return {"shown": summary(after, store), "changes": changes, "seen": form.fingerprint()}


def draft(store: Store, kind: str) -> EarningRule:
    if kind not in KINDS:
        raise Http404
    return new_rule(store, kind)


@require_POST
@store_view
def rule_preview(request: HttpRequest, kind: str = "", public_id: str | None = None) -> HttpResponse:
    """What the form says while it is being filled in."""
    store = request.store
    rule = get_object_or_404(store.rules, public_id=public_id) if public_id else draft(store, kind)
    told = preview(RuleForm(request.POST, store=store, rule=rule), rule, store)
    if told.get("has_errors"):
        return HttpResponse(status=204)  # keep the last good one while a number is being typed
    return render(request, "earning/_preview.html", told | {"store": store, "rule": rule, "is_update": True})


@require_POST
@store_view
def rule_switch(request: HttpRequest, public_id: str) -> HttpResponse:
    rule = audit.about(request, get_object_or_404(request.store.rules, public_id=public_id))
    rules.switch(rule, request.POST.get("is_enabled") == "1")
    what = "is live." if rule.is_enabled else "is off: what customers do from now on earns nothing by it."
    messages.success(request, f"“{rule.name}” {what}")
    return redirect("earning:rule_list", request.store.slug)


def example_call(rule: EarningRule) -> str:
    """A call that a developer can paste."""
    body = {"action": rule.action_id, "customer": {"email": "anna@example.com"}, "external_id": "your-own-id-1"}
    return (
        f"curl {settings.SITE_URL}/api/v1/activities \\\n"
        '  -H "Authorization: Bearer YOUR_API_KEY" \\\n'
        '  -H "Content-Type: application/json" \\\n'
        f"  -d '{json.dumps(body)}'"
    )
