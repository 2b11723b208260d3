"""A store's link to each wire language, the raw evidence of what came in over it, and the widget's tables."""

from integrations.widget.models import Widget, WidgetAllowance, WidgetFault, WidgetOrigin, WidgetSecret

from .connections import Connection, ConnectionToken, FulfilmentSecret
from .custom_events import CustomEvent, EventSchema
from .inbound import InboundEvent

__all__ = [
    "Connection", "ConnectionToken", "CustomEvent", "EventSchema", "FulfilmentSecret", "InboundEvent", "Widget",
    "WidgetAllowance", "WidgetFault", "WidgetOrigin", "WidgetSecret",
]  # fmt: skip
