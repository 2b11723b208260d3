"""Taking a reward on a customer's behalf: asks, then says what it would do, then does it."""

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils.functional import cached_property
from django.views.generic import FormView

from customers.models import Customer, Wallet
from customers.views import DETAIL, go_to
from loyalty.stores import audit
from loyalty.stores.mixins import StoreMixin
from loyalty.stores.models import Store
from loyalty.stores.retrying import retried_page

from . import catalogue, explaining, offers, phrases, redemptions
from .forms import TakeForm
from .models import Redemption, Reward


class RedemptionCreateView(StoreMixin, FormView):
    """A drawer over the customer, or a page of its own."""

    form_class = TakeForm
    unsafe_needs = "can_support"

    @cached_property
    def customer(self) -> Customer:
        return get_object_or_404(self.store.customers.select_related("store"), public_id=self.kwargs["customer"])

    @cached_property
    def reward(self) -> Reward:
        return get_object_or_404(self.store.rewards.select_related("pool"), public_id=self.kwargs["reward"])

    @cached_property
    def wallet(self) -> Wallet:
        return self.store.wallets.get(customer=self.customer, unit="points")

    @property
    def title(self) -> str:
        return self.reward.name

    def get_template_names(self):
        return ["spending/_take.html" if self.request.htmx else "spending/redemption_create.html"]

    def get_form_kwargs(self):
        most = offers.affordable(self.reward, self.wallet.balance)
        return super().get_form_kwargs() | {"reward": self.reward, "affordable": most}

    def get_context_data(self, **kwargs):
        store, reward, multiplier = self.store, self.reward, self.multiplier(kwargs.get("form"))
        verdict = catalogue.check(store, self.customer, reward, multiplier)
        is_review = not reward.reward_kind.takes_multiplier
        context = {
            "customer": self.customer, "reward": reward, "wallet": self.wallet, "verdict": verdict,
            "why_not": explaining.refusal(verdict, store), "cost": phrases.cost(reward, store),
            "gives": reward.reward_kind.gives(reward.settings, store.currency, multiplier),
            "after": self.wallet.balance - verdict.cost, "is_review": is_review,
        }  # fmt: skip
        return super().get_context_data(**context | kwargs)

    def multiplier(self, form: TakeForm | None) -> int:
        """As chosen, else the least that there is."""
        least, _ = self.reward.reward_kind.bounds(self.reward.settings)
        return form.cleaned_data.get("multiplier", least) if form and form.is_bound and form.is_valid() else least

    def form_valid(self, form):
        if "confirmed" not in self.request.POST:
            return self.render_to_response(self.get_context_data(form=form, is_review="back" not in self.request.POST))
        try:
            redemption = redemptions.begin(
                self.store, self.customer, self.reward, multiplier=form.cleaned_data["multiplier"], source="dashboard",
                actor=self.request.user.email, identity=f"dashboard:{form.cleaned_data['identity']}",
            )  # fmt: skip
        except redemptions.Refused as error:  # taken, spent or switched off since the form was shown
            form.add_error(None, str(error))
            return self.form_invalid(form)
        audit.made(self.request, redemption)
        if redemption.state == Redemption.State.PENDING:
            self.request.pending = self.store, redemption
        else:
            messages.success(self.request, said(redemption))
        return go_to(self.request, f"{self.url(DETAIL, self.customer.public_id)}?tab=rewards")


def said(redemption: Redemption) -> str:
    what = f"the code {redemption.code}" if redemption.code else f"“{redemption.reward}”"
    return f"{redemption.customer} has {what}."


take = retried_page(RedemptionCreateView.as_view())


@transaction.non_atomic_requests
def redemption_create(request: HttpRequest, **kwargs: object) -> HttpResponse:
    """A code that the shop makes is asked for when the points are safely taken, outside of that transaction."""
    answer = take(request, **kwargs)
    store, redemption = getattr(request, "pending", (None, None))
    if redemption is not None:
        finish(request, store, redemption)
    return answer


def finish(request: HttpRequest, store: Store, redemption: Redemption) -> None:
    try:
        messages.success(request, said(redemptions.finish(store, redemption)))
    except redemptions.Refused as error:
        messages.error(request, f"Nothing was taken. {error}")
