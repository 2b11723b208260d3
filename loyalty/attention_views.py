"""The page of what waits for a person, and deciding it."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST
from django.views.generic import TemplateView

from customers.attention import NotPossible, resolve
from customers.models import Topic
from loyalty import attention
from loyalty.stores import audit
from loyalty.stores.mixins import StoreMixin, refusal, store_view


class AttentionListView(StoreMixin, TemplateView):
    template_name = "attention.html"
    title, purpose = "Needs a look", "What Loyalty does not decide by itself, and what could not be applied."

    def get_context_data(self, **kwargs):
        items = attention.open_items(self.store)
        for item in items:
            item.may_decide = getattr(self.membership, item.needs) and item.not_by != self.request.user.email
        return super().get_context_data(items=items, stuck=attention.stuck(self.store), **kwargs)


@require_POST
@store_view(needs="can_support")
def item_resolve(request: HttpRequest, public_id: str) -> HttpResponse:
    events = request.store.events.select_related("customer", "store").filter(topic=Topic.ATTENTION)
    item = attention.item_of(get_object_or_404(events, public_id=public_id))
    if not getattr(request.membership, item.needs):
        raise PermissionDenied(refusal(request.membership, item.needs))
    key = request.POST.get("choice", "")
    try:
        said = resolve(item, key, actor=request.user.email)
    except NotPossible as error:
        messages.error(request, str(error))
    else:
        if said:
            audit.note(request, item.event, what=[None, item.event.data.get("what")], choice=[None, key])
        messages.success(request, said) if said else messages.warning(request, "Somebody has decided this already.")
    return redirect("attention_list", request.store.slug)
