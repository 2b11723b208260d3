"""Pages over all apps: the first page of a store, and the two a load balancer reads."""

from django.contrib.auth.decorators import login_required
from django.db import DatabaseError, connection, transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.generic import TemplateView

from loyalty.stores.mixins import StoreMixin


@login_required
def home(request: HttpRequest) -> HttpResponse:
    """To the store this person worked in last, or the only one; else they choose."""
    slugs = list(request.user.staff_memberships.values_list("store__slug", flat=True)[:100])
    last = request.session.get("last_store")
    if last in slugs or len(slugs) == 1:
        return redirect("overview", last if last in slugs else slugs[0])
    return redirect("stores:store_list")


class OverviewView(StoreMixin, TemplateView):
    template_name = "overview.html"
    title = "Home"


@transaction.non_atomic_requests
def livez(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok", content_type="text/plain")


@transaction.non_atomic_requests
def readyz(request: HttpRequest) -> HttpResponse:
    """Ready when facts can be stored. The broker only makes it fast, so it is not asked."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return HttpResponse("database away", content_type="text/plain", status=503)
    return HttpResponse("ok", content_type="text/plain")
