import logging

from django.db import transaction
from django.http import HttpRequest, JsonResponse
from django.utils.log import log_response
from django.views.decorators.csrf import csrf_exempt

from integrations import connections
from integrations.answering import Answer
from loyalty.stores.bounded_json import TooLarge
from loyalty.stores.parsers import read_body

from . import receiving
from .authentication import Unauthorized, authenticate
from .receiving import Received
from .settings import INTEGRATIONS

logger = logging.getLogger(__name__)

NOT_POST = Answer(405, {"error": "method_not_allowed", "message": "Send a POST request."})
NO_INTEGRATION = Answer(500, {"error": "integration_not_found"})
TOO_LARGE = Answer(413, {"error": "too_large", "message": "Send at most 1 MiB."})
NO_ADDRESS = Answer(
    404, {"error": "endpoint_not_found", "message": "Call /integrations/webhooks/{integration}/{event}."}
)
UNAUTHORIZED = Answer(401, {"error": "unauthorized"})
UNAVAILABLE = Answer(503, {"error": "unavailable", "message": "Nothing was stored. Send it again in a moment."})
HEADERS = {405: {"Allow": "POST"}, 429: {"Retry-After": "1"}, 503: {"Retry-After": "5"}}


@csrf_exempt
@transaction.non_atomic_requests
def unknown(request: HttpRequest) -> JsonResponse:
    """An address that no event can have."""
    return JsonResponse(NO_ADDRESS.body, status=NO_ADDRESS.status)


@csrf_exempt
@transaction.non_atomic_requests  # a call is answered when it is durable, by transactions of its own
def receive(request: HttpRequest, integration: str, event: str) -> JsonResponse:
    try:
        answer = respond(request, integration, event)
    except Exception:
        logger.exception("A call to %s could not be kept", event)
        answer = UNAVAILABLE
    response = JsonResponse(answer.body, status=answer.status, headers=HEADERS.get(answer.status))
    if answer is NO_INTEGRATION:  # the contract's own 500: Django would note it as a failure of ours
        log_response("No such integration: %s", request.path, response=response, request=request, level="info")
    return response


def respond(request: HttpRequest, integration: str, event: str) -> Answer:
    """The checks in the order of the contract: method, name, size, signature, connection; then the call."""
    if request.method != "POST":
        return NOT_POST
    if integration not in INTEGRATIONS:
        return NO_INTEGRATION
    try:
        body = read_body(request)
        connection, signed = authenticate(body, request.headers)
    except TooLarge:
        return TOO_LARGE
    except Unauthorized:
        return UNAUTHORIZED
    if not connection.is_enabled or integration not in ("common", connection.settings.get("integration", "common")):
        connections.note_error(connection, f"A call to “{integration}” was refused: this connection is another.")
        return NO_INTEGRATION
    connections.note_call(connection, event)
    return receiving.answer(Received(connection, signed, event, body.decode()))
