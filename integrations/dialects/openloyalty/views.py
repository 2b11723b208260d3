"""Calls about the service and about a store. Each call checks its body's shape, asks one verb and prints what it
returned."""

from typing import Any

from django.db import connection
from django.http import Http404, HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from rest_framework.request import Request
from rest_framework.response import Response

from loyalty.stores import audit

from . import listing, settings, tables
from . import serializers as shapes
from .calls import DONE, Call, PublicCall, StoreCall
from .choices import CHOICES
from .rendering import render_store


@csrf_exempt
def not_found(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"code": 404, "message": "Not Found"}, status=404)


class About(PublicCall):
    def get(self, request: Request) -> Response:
        return Response({"name": "Loyalty", "version": "1"})


class Healthcheck(PublicCall):
    def get(self, request: Request) -> Response:
        """Healthy while facts can be stored. The broker only makes it fast, so it is not asked."""
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        return Response(status=DONE)


class StoreList(Call):
    def get(self, request: Request) -> Response:
        return Response(listing.page(self.memberships(), tables.STORES, request.query_params, render_store))


class SettingsDetail(StoreCall):
    unsafe_needs = "can_edit"
    audited_as = "settings"

    def get(self, request: Request) -> Response:
        return Response({"settings": settings.read(self.store, self.connection)})

    def patch(self, request: Request) -> Response:
        self.write(self.told(shapes.Settings, "settings"))
        return self.get(request)

    def post(self, request: Request) -> Response:
        told = self.told(shapes.Settings, "settings")
        self.write(settings.DEFAULTS | {"timezone": settings.DEFAULT_TIMEZONE} | told)
        return self.get(request)

    def write(self, changes: dict[str, Any]) -> None:
        audit.about(self.request, self.connection)
        before = self.store.timezone
        settings.write(self.store, self.connection, changes)
        audit.also(self.request, timezone=[before, self.store.timezone])


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
