"""Custom events and the schemas that they are declared by."""

from rest_framework.request import Request
from rest_framework.response import Response

from loyalty.stores import audit

from . import event_serializers as shapes
from . import events, listing, tables
from .calls import DONE, StoreCall
from .rendering import render_event, render_schema


class SchemaList(StoreCall):
    unsafe_needs = "can_edit"
    audited_as = "schema"

    def get(self, request: Request) -> Response:
        def shown(schema: events.EventSchema) -> dict:
            return render_schema(schema, self.store)

        rows = self.store.event_schemas.all()
        return Response(listing.page(rows, tables.SCHEMAS, request.query_params, shown, self.store))

    def post(self, request: Request) -> Response:
        audit.made(request, events.declare(self.store, self.told(shapes.NewSchema, "customEventSchema")))
        return Response(status=DONE)


class SchemaDetail(StoreCall):
    unsafe_needs = "can_edit"
    audited_as = "schema"

    def get(self, request: Request, event_type: str) -> Response:
        return Response(render_schema(events.get_schema(self.store, event_type), self.store))

    def put(self, request: Request, event_type: str) -> Response:
        schema = audit.about(request, events.get_schema(self.store, event_type))
        events.redeclare(schema, self.told(shapes.ChangedSchema, "customEventSchema"))
        return Response(status=DONE)


class SchemaActive(StoreCall):
    unsafe_needs = "can_edit"
    audited_as = "schema"

    def post(self, request: Request, event_type: str) -> Response:
        schema = audit.about(request, events.get_schema(self.store, event_type))
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
