"""Signing in, and a person's own keys."""

from django.http import Http404
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from integrations.models import ConnectionToken
from loyalty.stores import audit
from loyalty.stores.models import User
from loyalty.stores.proxies import client_address

from . import credentials, listing, tables
from . import serializers as shapes
from .calls import DONE, Call, PublicCall
from .rendering import render_key
from .shapes import read_uuid
from .throttle import count_refresh, paced

BAD_CREDENTIALS = "Bad credentials."


class LoginCheck(PublicCall):
    def post(self, request: Request) -> Response:
        told = self.told(shapes.Login)
        with paced(request._request, told["username"]):
            user = credentials.sign_in(told["username"], told["password"])
            if user is None:
                raise AuthenticationFailed(BAD_CREDENTIALS)
        return Response(tokens_for(user))


class TokenRefresh(PublicCall):
    def post(self, request: Request) -> Response:
        found = credentials.find_refresh(self.told(shapes.Refresh)["refresh_token"])
        count_refresh(client_address(request._request), str(found[1].pk) if found else "")
        if found is None:
            raise AuthenticationFailed(BAD_CREDENTIALS)
        token, user = found
        credentials.use_refresh(token)
        return Response(tokens_for(user))


def tokens_for(user: User) -> dict[str, str]:
    return {"token": credentials.new_token(user), "refresh_token": credentials.issue_refresh(user)}


class PersonalCall(Call):
    """About the caller's own credentials. A key of one store must not reach further, so it may not."""

    audited_as = "key"

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
        return audit.about(self.request, found)


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
        audit.made(request, key)
        return Response(render_key(key, self.person, clear))


class KeyDetail(PersonalCall):
    def put(self, request: Request, key_id: str) -> Response:
        key, told = self.own_key(key_id), self.told(shapes.NewKey, "apiKey")
        credentials.change_key(key, told["name"], told["expirationDate"])
        return Response(status=DONE)

    def delete(self, request: Request, key_id: str) -> Response:
        credentials.revoke_key(self.own_key(key_id))
        return Response(status=DONE)
