"""Pictures of rewards: kept as a form is filled in, shown to everyone."""

from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import trigger_client_event

from loyalty.stores import audit
from loyalty.stores.mixins import store_view
from loyalty.stores.models import Store
from loyalty.stores.tenancy import acting_for

from . import images

YEAR = 365 * 24 * 60 * 60


@require_POST
@store_view
def image_create(request: HttpRequest) -> HttpResponse:
    """Keep an uploaded picture, or take it away: the part of the form that shows it, or says what is wrong."""
    store, wrong = request.store, ""
    try:
        image = None if "remove" in request.POST else images.keep(store, request.FILES.get("file"))
        if image:
            audit.made(request, image)
    except ValidationError as error:
        image, wrong = images.find(store, request.POST.get("image")), " ".join(error.messages)
    answer = render(request, "spending/_image.html", {"store": store, "image": image, "wrong": wrong})
    return answer if wrong else trigger_client_event(answer, "image-chosen", after="swap")


@require_safe
@transaction.non_atomic_requests
def reward_image(request: HttpRequest, slug: str, public_id: str) -> HttpResponse:
    """A picture, for everyone: shoppers see it. It never changes, another one has another address."""
    store = get_object_or_404(Store, slug=slug)
    with acting_for(store.pk):
        image = get_object_or_404(store.reward_images, public_id=public_id)
    headers = {"Cache-Control": f"public, max-age={YEAR}, immutable", "X-Content-Type-Options": "nosniff"}
    return HttpResponse(bytes(image.content), content_type=image.content_type, headers=headers)
