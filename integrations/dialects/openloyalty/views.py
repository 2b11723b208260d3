"""The calls. Each checks its body's shape, asks one verb and prints what it returned."""

from django.db import connection
from django.http import Http404, HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from integrations.models import ConnectionToken
from loyalty.stores.models import User
from loyalty.stores.proxies import client_address

from . import credentials, events, listing, members, settings, tables
from . import serializers as shapes
from .calls import Call, StoreCall
from .choices import CHOICES
from .rendering import (
    render_event,
    render_key,
    render_member,
    render_one_member,
    render_schema,
    render_store,
    render_wallet,
    wallet_id,
)
from .shapes import read_uuid
from .throttle import count_try

DONE = 204
BAD_CREDENTIALS = "Bad credentials."


@csrf_exempt
def not_found(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"code": 404, "message": "Not Found"}, status=404)


class PublicCall(Call):
    """Needs no credential, and ignores a stale one."""

    authentication_classes = []
    needs_credential = False


class About(PublicCall):
    def get(self, request: Request) -> Response:
        return Response({"name": "Loyalty", "version": "1"})


class Healthcheck(PublicCall):
    def get(self, request: Request) -> Response:
        """Healthy while facts can be stored. The broker only makes it fast, so it is not asked."""
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        return Response(status=DONE)


# --- Signing in -------------------------------------------------------------------------------


class LoginCheck(PublicCall):
    def post(self, request: Request) -> Response:
        told = self.told(shapes.Login)
        count_try("login", client_address(request._request), told["username"])
        user = credentials.sign_in(told["username"], told["password"])
        if user is None:
            raise AuthenticationFailed(BAD_CREDENTIALS)
        return Response(tokens_for(user))


class TokenRefresh(PublicCall):
    def post(self, request: Request) -> Response:
        found = credentials.find_refresh(self.told(shapes.Refresh)["refresh_token"])
        count_try("refresh", client_address(request._request), found[1].email if found else "")
        if found is None:
            raise AuthenticationFailed(BAD_CREDENTIALS)
        token, user = found
        credentials.use_refresh(token)
        return Response(tokens_for(user))


def tokens_for(user: User) -> dict[str, str]:
    return {"token": credentials.new_token(user), "refresh_token": credentials.issue_refresh(user)}


class PersonalCall(Call):
    """About the caller's own credentials. A key of one store must not reach further, so it may not."""

    def enter(self) -> None:
        if self.key and self.key.connection_id:
            raise PermissionDenied
        if self.kwargs.pop("admin_id", None) not in (None, credentials.admin_id(self.person)):
            raise Http404

    def own_key(self, name: str) -> ConnectionToken:
        key_id = read_uuid(name)
        found = key_id and credentials.keys_of(self.person).filter(public_id=key_id).first()
        if not found:
            raise Http404
        return found


class TokenRevoke(PersonalCall):
    def get(self, request: Request) -> Response:
        credentials.revoke_refresh(self.person)
        return Response(status=DONE)


class KeyList(PersonalCall):
    def get(self, request: Request) -> Response:
        def shown(key: ConnectionToken) -> dict:
            return render_key(key, self.person)

        return Response(listing.page(credentials.keys_of(self.person), tables.KEYS, request.query_params, shown))

    def post(self, request: Request) -> Response:
        told = self.told(shapes.NewKey, "apiKey")
        key, clear = credentials.issue_key(self.person, told["name"], expires_at=told["expirationDate"])
        return Response(render_key(key, self.person, clear))


class KeyDetail(PersonalCall):
    def put(self, request: Request, key_id: str) -> Response:
        key, told = self.own_key(key_id), self.told(shapes.NewKey, "apiKey")
        credentials.change_key(key, told["name"], told["expirationDate"])
        return Response(status=DONE)

    def delete(self, request: Request, key_id: str) -> Response:
        credentials.revoke_key(self.own_key(key_id))
        return Response(status=DONE)


# --- Stores and settings ----------------------------------------------------------------------


class StoreList(Call):
    def get(self, request: Request) -> Response:
        return Response(listing.page(self.memberships(), tables.STORES, request.query_params, render_store))


class SettingsDetail(StoreCall):
    unsafe_needs = "can_edit"

    def get(self, request: Request) -> Response:
        return Response({"settings": settings.read(self.store, self.connection)})

    def patch(self, request: Request) -> Response:
        settings.write(self.store, self.connection, self.told(shapes.Settings, "settings"))
        return self.get(request)

    def post(self, request: Request) -> Response:
        told = self.told(shapes.Settings, "settings")
        settings.write(self.store, self.connection, settings.DEFAULTS | {"timezone": settings.DEFAULT_TIMEZONE} | told)
        return self.get(request)


class Activation(StoreCall):
    def get(self, request: Request) -> Response:
        known = settings.read(self.store, self.connection)
        method = "sms" if known["identificationMethod"] == "phone" else "email"
        return Response({"required": known["accountActivationRequired"], "method": method})


class Choices(StoreCall):
    def get(self, request: Request, what: str) -> Response:
        if what not in CHOICES:
            raise Http404
        return Response({"choices": CHOICES[what]()})


# --- Members ----------------------------------------------------------------------------------


class MemberList(StoreCall):
    def get(self, request: Request) -> Response:
        def shown(member: members.Customer) -> dict:
            return render_member(member, self.store)

        rows, fields = members.of(self.store), tables.members(self.store)
        return Response(listing.page(rows, fields, request.query_params, shown, self.store, scrolls=True))

    def post(self, request: Request) -> Response:
        member = members.create(self.store, self.connection, self.told(shapes.NewMember, "customer"))
        return Response({"customerId": str(member.public_id), "email": member.email})


class MemberDetail(StoreCall):
    unbuilt = {"put", "patch", "delete"}

    def get(self, request: Request, member: str) -> Response:
        return Response(render_one_member(members.get(self.store, member), self.store))


class WalletList(StoreCall):
    def get(self, request: Request, member: str) -> Response:
        wallet = render_wallet(members.get(self.store, member), self.store)
        return Response({"items": [wallet], "total": {"all": 1, "filtered": 1, "estimated": False}})


class WalletDetail(StoreCall):
    def get(self, request: Request, member: str, wallet: str) -> Response:
        found = members.get(self.store, member)
        if wallet.lower() != wallet_id(found):
            raise Http404
        return Response(render_wallet(found, self.store))


# --- Custom events ----------------------------------------------------------------------------


class SchemaList(StoreCall):
    unsafe_needs = "can_edit"

    def get(self, request: Request) -> Response:
        def shown(schema: events.EventSchema) -> dict:
            return render_schema(schema, self.store)

        rows = self.store.event_schemas.all()
        return Response(listing.page(rows, tables.SCHEMAS, request.query_params, shown, self.store))

    def post(self, request: Request) -> Response:
        events.declare(self.store, self.told(shapes.NewSchema, "customEventSchema"))
        return Response(status=DONE)


class SchemaDetail(StoreCall):
    unsafe_needs = "can_edit"

    def get(self, request: Request, event_type: str) -> Response:
        return Response(render_schema(events.get_schema(self.store, event_type), self.store))

    def put(self, request: Request, event_type: str) -> Response:
        schema = events.get_schema(self.store, event_type)
        events.redeclare(schema, self.told(shapes.ChangedSchema, "customEventSchema"))
        return Response(status=DONE)


class SchemaActive(StoreCall):
    unsafe_needs = "can_edit"

    def post(self, request: Request, event_type: str) -> Response:
        schema = events.get_schema(self.store, event_type)
        events.switch(schema, self.told(shapes.SwitchedSchema)["active"])
        return Response(status=DONE)


class EventList(StoreCall):
    def get(self, request: Request) -> Response:
        def shown(event: events.CustomEvent) -> dict:
            return render_event(event, self.store)

        rows = events.of(self.store)
        return Response(listing.page(rows, tables.EVENTS, request.query_params, shown, self.store, scrolls=True))

    def post(self, request: Request) -> Response:
        event = events.record(self.store, self.connection, self.told(shapes.NewEvent, "event"))
        return Response({"customEventId": str(event.public_id)})


class EventDetail(StoreCall):
    def get(self, request: Request, event: str) -> Response:
        return Response(render_event(events.get(self.store, event), self.store))
