"""New secrets and keys of a connection: each is shown in the answer that made it, and never again."""

from allauth.account.decorators import reauthentication_required
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils import timezone
from django.views.decorators.http import require_POST

from loyalty.stores import audit
from loyalty.stores.mixins import store_view

from . import connections
from .forms import KeyForm
from .models import Connection, ConnectionToken
from .views import DETAIL, dialect_of, shown_once


@require_POST
@store_view
def connection_rotate(request: HttpRequest, public_id: str) -> HttpResponse:
    connection = get_object_or_404(request.store.connections, public_id=public_id)
    return rotated(request, audit.about(request, connection))


@reauthentication_required
def rotated(request: HttpRequest, connection: Connection) -> HttpResponse:
    """Asks for the password again if that was some time ago, then goes on by itself."""
    return shown_once(request, connection, secret=connections.rotate(connection))


@require_POST
@store_view
@reauthentication_required
def token_create(request: HttpRequest, public_id: str) -> HttpResponse:
    connection = get_object_or_404(request.store.connections, public_id=public_id)
    dialect, form = dialect_of(connection), KeyForm(request.POST)
    if not dialect.issues_keys:
        raise Http404
    if not form.is_valid():
        messages.error(request, "Give the key a name of at most 100 characters.")
        return redirect(DETAIL, request.store.slug, connection.public_id)
    token, clear = dialect.issue_key(connection, form.cleaned_data["name"], request.user)
    audit.made(request, token)
    return shown_once(request, connection, new_key=clear, new_key_name=token.name)


@require_POST
@store_view
def token_revoke(request: HttpRequest, public_id: str, pk: int) -> HttpResponse:
    connection = get_object_or_404(request.store.connections, public_id=public_id)
    token = audit.about(request, get_object_or_404(connection.tokens, pk=pk, kind=ConnectionToken.Kind.KEY))
    connection.tokens.filter(pk=token.pk, revoked_at=None).update(revoked_at=timezone.now())
    messages.success(request, f"“{token.name}” is revoked. Calls with it are refused from now on.")
    return redirect(DETAIL, request.store.slug, connection.public_id)
