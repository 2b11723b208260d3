"""The webhook that hands over rewards: its secret, and what it was told."""

from allauth.account.decorators import reauthentication_required
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.views.decorators.http import require_POST
from django.views.generic import TemplateView

from loyalty.stores import audit
from loyalty.stores.mixins import StoreMixin, store_view
from loyalty.stores.models import Store

from . import fulfilment
from .models import FulfilmentSecret

NEWEST = 20


class FulfilmentView(StoreMixin, TemplateView):
    template_name = "integrations/fulfilment.html"
    title = "Fulfilment webhook"
    purpose = "Tells your own system to hand over a reward that a customer took."

    def get_context_data(self, **kwargs):
        return super().get_context_data(**kwargs) | shown(self.store)


def shown(store: Store, **more: str) -> dict[str, object]:
    rows = store.fulfilments.select_related("redemption__reward", "redemption__customer").order_by("-id")[:NEWEST]
    secret = FulfilmentSecret.objects.filter(store=store).first()
    return {"fulfilments": rows, "has_secret": secret is not None, **more}


@require_POST
@store_view
def secret_rotate(request: HttpRequest) -> HttpResponse:
    return rotated(request)


@reauthentication_required
def rotated(request: HttpRequest) -> HttpResponse:
    """Asks for the password again if that was some time ago. The secret is in this answer and never again."""
    audit.note(request, FulfilmentSecret.objects.filter(store=request.store).first())
    context = shown(request.store, secret=fulfilment.rotate_secret(request.store)) | {
        "title": FulfilmentView.title, "purpose": FulfilmentView.purpose, "store": request.store,
        "membership": request.membership,
    }  # fmt: skip
    response = TemplateResponse(request, FulfilmentView.template_name, context)
    response["Cache-Control"] = "no-store"
    return response
