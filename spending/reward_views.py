"""Rewards, as the people of a store see and change them."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.functional import cached_property
from django.views.decorators.http import require_POST
from django.views.generic import FormView, TemplateView

from loyalty.stores import audit
from loyalty.stores.fields import tell
from loyalty.stores.mixins import StoreMixin, store_view
from loyalty.stores.models import Store

from . import figures, phrases, rewarding
from .forms import RewardForm, new_reward
from .models import Reward
from .rewards import KINDS, POOL


class RewardListView(StoreMixin, TemplateView):
    template_name = "spending/reward_list.html"
    title, purpose = "Rewards", "What points buy, in the order that shoppers see."

    def get_context_data(self, **kwargs):
        taken = figures.taken_this_month(self.store)
        rewards = list(self.store.rewards.select_related("pool", "image"))
        rows = [
            summary(reward, self.store) | {"taken": taken.get(reward.pk), "stock": stock(reward, self.store)}
            for reward in rewards
        ]
        return super().get_context_data(rows=rows, **kwargs)


def summary(reward: Reward, store: Store) -> dict[str, Any]:
    """A reward in words, for the list and the preview."""
    return {
        "reward": reward, "gives": phrases.gives(reward, store), "cost": phrases.cost(reward, store),
        "order": phrases.order(reward, store), "validity": phrases.validity(reward, store),
        "limit": phrases.limit(reward, store), "codes": phrases.codes(reward, store),
        "who": phrases.who(reward, store), "dates": phrases.dates(reward, store),
        "sentence": phrases.sentence(reward, store), "promise": phrases.promise(reward, store),
        "season": season(reward),
    }  # fmt: skip


def season(reward: Reward) -> str:
    """ "before", "over" or "" for now."""
    now = timezone.now()
    if reward.active_until and reward.active_until < now:
        return "over"
    return "before" if reward.active_from and reward.active_from > now else ""


def stock(reward: Reward, store: Store) -> figures.Stock | None:
    return figures.stock(store, reward.pool) if reward.code_source == POOL and reward.pool else None


class KindListView(StoreMixin, TemplateView):
    template_name = "spending/reward_kinds.html"
    title, purpose = "Add reward", "What should points buy?"

    def get_context_data(self, **kwargs):
        return super().get_context_data(kinds=KINDS.values(), **kwargs)


class RewardFormView(StoreMixin, FormView):
    """What adding and editing share."""

    template_name = "spending/reward_form.html"
    form_class = RewardForm
    reward: Reward

    def get_form_kwargs(self):
        return super().get_form_kwargs() | {"store": self.store, "reward": self.reward}

    def get_context_data(self, **kwargs):
        context = super().get_context_data(reward=self.reward, kind=KINDS[self.reward.kind], **kwargs)
        return context | preview(context["form"], self.reward, self.store)

    def refuse(self, form: RewardForm, error: ValidationError) -> HttpResponse:
        tell(form, error)
        return self.form_invalid(form)

    def saved(self, said: str) -> HttpResponse:
        """To the list; to its codes when the reward has none to hand out."""
        messages.success(self.request, said)
        if self.reward.code_source == POOL and not figures.stock(self.store, self.reward.pool).left:
            return redirect("spending:import_create", self.store.slug, self.reward.pool.public_id)
        return redirect("spending:reward_list", self.store.slug)


class RewardCreateView(RewardFormView):
    @cached_property
    def reward(self) -> Reward:
        return draft(self.store, self.kwargs["kind"])

    @property
    def title(self) -> str:
        return KINDS[self.reward.kind].label

    def form_valid(self, form):
        try:
            self.reward = rewarding.create(
                self.store, self.reward.kind, actor=f"user:{self.request.user.email}", **form.values()
            )
        except ValidationError as error:
            return self.refuse(form, error)
        audit.made(self.request, self.reward)
        return self.saved(f"“{self.reward.name}” is on offer.")


class RewardUpdateView(RewardFormView):
    @cached_property
    def reward(self) -> Reward:
        rewards = self.store.rewards.select_related("pool", "image")
        return audit.about(self.request, get_object_or_404(rewards, public_id=self.kwargs["public_id"]))

    @property
    def title(self) -> str:
        return self.reward.name

    def get_context_data(self, **kwargs):
        result = figures.results(self.store).get(self.reward.pk, figures.Result())
        context = {"result": result, "days": figures.DAYS, "stock": stock(self.reward, self.store)}
        return super().get_context_data(**context, **kwargs)

    def form_valid(self, form):
        was_seen = self.request.POST.get("seen") == form.fingerprint()
        if self.reward.is_enabled and not was_seen and phrases.differences(self.reward, form.result(), self.store):
            return self.render_to_response(self.get_context_data(form=form, is_review=True))
        try:
            is_new = rewarding.change(self.reward, actor=f"user:{self.request.user.email}", **form.values())
        except ValidationError as error:
            return self.refuse(form, error)
        name, version = self.reward.name, self.reward.version
        return self.saved(f"“{name}” is version {version} now." if is_new else "Nothing was changed.")


class RewardVersionsView(StoreMixin, TemplateView):
    """Each version, and what it changed."""

    template_name = "spending/reward_versions.html"
    purpose = "Each change made a version. What was taken keeps the version it was taken with."
    SHOWN = 50

    @cached_property
    def reward(self) -> Reward:
        return get_object_or_404(self.store.rewards.select_related("pool", "image"), public_id=self.kwargs["public_id"])

    def get_context_data(self, **kwargs):
        kept = list(self.reward.versions.filter(store=self.store).order_by("-number")[: self.SHOWN + 1])
        rows = [
            {"version": version, "changes": self.changes(before, version)}
            for version, before in zip(kept, [*kept[1:], None], strict=True)
        ]
        return super().get_context_data(
            title="Versions", reward=self.reward, rows=rows[: self.SHOWN], is_more=len(kept) > self.SHOWN, **kwargs
        )

    def changes(self, before, version) -> list[tuple[str, str, str]]:
        if before is None:
            return []
        was, became = (rewarding.as_it_was(self.reward, one) for one in (before, version))
        return phrases.differences(was, became, self.store)


def preview(form: RewardForm, reward: Reward, store: Store) -> dict[str, Any]:
    """What the form says now: in words, and as differences from the running version."""
    if not form.is_bound:
        return {"shown": summary(reward, store)}
    if not form.is_valid():
        return {"shown": summary(reward, store), "has_errors": True}
    after = form.result()
    changes = phrases.differences(reward, after, store) if reward.pk else []
    return {"shown": summary(after, store), "changes": changes, "seen": form.fingerprint()}


def draft(store: Store, kind: str) -> Reward:
    if kind not in KINDS:
        raise Http404
    return new_reward(store, kind)


@require_POST
@store_view
def reward_preview(request: HttpRequest, kind: str = "", public_id: str | None = None) -> HttpResponse:
    """What the form says while it is being filled in."""
    store = request.store
    reward = get_object_or_404(store.rewards, public_id=public_id) if public_id else draft(store, kind)
    told = preview(RewardForm(request.POST, store=store, reward=reward), reward, store)
    if told.get("has_errors"):
        return HttpResponse(status=204)  # keep the last good one while a number is being typed
    return render(request, "spending/_preview.html", told | {"store": store, "reward": reward, "is_update": True})


@require_POST
@store_view
def reward_switch(request: HttpRequest, public_id: str) -> HttpResponse:
    reward = audit.about(request, get_object_or_404(request.store.rewards, public_id=public_id))
    rewarding.switch(reward, request.POST.get("is_enabled") == "1")
    what = "is on offer." if reward.is_enabled else "is off: nobody can take it. Codes handed out before stay good."
    messages.success(request, f"“{reward.name}” {what}")
    return redirect("spending:reward_list", request.store.slug)


@require_POST
@store_view
def reward_move(request: HttpRequest, public_id: str) -> HttpResponse:
    reward = audit.about(request, get_object_or_404(request.store.rewards, public_id=public_id))
    rewarding.move(request.store, reward, -1 if request.POST.get("to") == "up" else 1)
    return redirect("spending:reward_list", request.store.slug)
