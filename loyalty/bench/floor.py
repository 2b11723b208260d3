"""The floor of accepting: a bare Django view that does one INSERT into an equal table."""

import json
import os

os.environ["DJANGO_SETTINGS_MODULE"] = "loyalty.bench.floor_settings"  # the package has set its own already

from django.core.wsgi import get_wsgi_application
from django.db import connection
from django.http import HttpRequest, JsonResponse
from django.urls import path
from django.utils import timezone
from uuid_utils.compat import uuid7

INSERT = """
INSERT INTO floor.activity (store_id, public_id, customer_id, action, external_id, source, occurred_at, properties,
    asked_state, state, points, received_at, due_at, attempts, error)
VALUES (%s, %s, %s, %s, %s, 'api', %s, %s, '', 'pending', 0, now(), now(), 0, '') RETURNING id
"""


def accept(request: HttpRequest) -> JsonResponse:
    told = json.loads(request.body)
    with connection.cursor() as cursor:
        cursor.execute(
            INSERT,
            [
                1,
                uuid7(),
                1,
                told["action"],
                told["external_id"],
                timezone.now(),
                json.dumps(told.get("properties", {})),
            ],
        )
        pk = cursor.fetchone()[0]
    answer = JsonResponse({"id": pk, "state": "pending"}, status=201)
    answer["Content-Length"] = str(len(answer.content))  # the middleware that would say so is not here
    return answer


urlpatterns = [path("accept", accept), path("livez", lambda request: JsonResponse({}))]
application = get_wsgi_application()
