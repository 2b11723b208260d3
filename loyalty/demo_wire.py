"""How the demo's shop tells its orders: signed, over the same wire and through the same view as any shop's."""

import base64
import hmac
import io
import json
from typing import Any

from django.core.handlers.wsgi import WSGIRequest
from django.urls import resolve

from integrations.dialects.lootly import php_json
from integrations.models import Connection
from loyalty.stores.models import Store


class NotTaken(Exception):
    """The shop does not do it; the message says why."""


def tell(store: Store, event: str, members: dict[str, Any]) -> None:
    """Sign the members with the API secret and send them to ourselves. Raises NotTaken."""
    connection = Connection.objects.filter(store=store, dialect="lootly", is_enabled=True).first()
    if connection is None:
        raise NotTaken("This shop has lost its connection. Connect Lootly again in the dashboard.")
    body = signed(connection, members)
    path = f"/integrations/webhooks/common/{event}"
    answer = post(path, body)
    if answer.status_code != 200:
        raise NotTaken(f"The order was not taken: {json.loads(answer.content).get('message', answer.status_code)}")


def signed(connection: Connection, members: dict[str, Any]) -> bytes:
    """A body as shops sign it: names sorted, PHP's JSON, `hmac` last."""
    sorted_members = dict(sorted((members | {"key": connection.key}).items()))
    mac = hmac.digest(connection.secret.encode(), php_json.encode(sorted_members).encode(), "sha256")
    return php_json.encode(sorted_members | {"hmac": base64.b64encode(mac).decode()}).encode()


def post(path: str, body: bytes) -> Any:
    """A request to our own address without the way around through the network, which would need a second worker."""
    request = WSGIRequest({
        "REQUEST_METHOD": "POST", "PATH_INFO": path, "CONTENT_TYPE": "application/json",
        "CONTENT_LENGTH": str(len(body)), "wsgi.input": io.BytesIO(body), "SERVER_NAME": "localhost",
        "SERVER_PORT": "80", "wsgi.url_scheme": "http",
    })  # fmt: skip
    match = resolve(path)
    return match.func(request, *match.args, **match.kwargs)
