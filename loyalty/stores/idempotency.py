"""`Idempotency-Key`: a call that names itself is done once, and told again it gets the first answer.

The call and its kept answer are one transaction, and an advisory lock is held while it runs. So there is no
half-done call to take over: when its process dies, the database undoes it and the next one starts afresh.
"""

import hashlib
import json
from collections.abc import Callable
from datetime import timedelta

from django.conf import settings
from django.db import connection, transaction
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from . import clock
from .bounded_json import TooLarge
from .models import IdempotencyRecord
from .parsers import BodyTooLarge, read_body
from .problems import CONTENT_TYPE, Problem
from .tenancy import act_for, acting_for

KEPT_FOR = timedelta(days=30)
MAX_LENGTH = 255
# The caller may mend these and send the call again under the same key.
NOT_KEPT = {400, 401, 403, 413, 415, 429}


def once(request: Request, name: str, perform: Callable[[], Response], *, store_id: int, credential: str) -> Response:
    """The answer to the call that `name` stands for. `perform` answers refusals too, as responses."""
    check_name(name)
    identity = digest(credential, str(request.method), request.path, name)
    body_digest = digest(whole_body(request))
    with transaction.atomic():
        act_for(store_id)
        lock(identity)
        if first := find(store_id, identity):
            return replay(first, body_digest)
        response = perform()
        if response.status_code < 500 and response.status_code not in NOT_KEPT:
            keep(store_id, identity, body_digest, response)
        return response


def whole_body(request: Request) -> bytes:
    try:
        return read_body(request._request, settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
    except TooLarge as error:
        raise BodyTooLarge(str(error)) from error


def check_name(name: str) -> None:
    if not (1 <= len(name) <= MAX_LENGTH and name.isascii() and name.isprintable()):
        raise Problem(400, "invalid", f"Idempotency-Key must be 1 to {MAX_LENGTH} printable characters.")


def digest(*parts: str | bytes) -> bytes:
    """SHA-256 over length-prefixed parts, so that no two lists of parts read the same."""
    hashed = hashlib.sha256()
    for part in parts:
        raw = part if isinstance(part, bytes) else part.encode()
        hashed.update(len(raw).to_bytes(8, "big") + raw)
    return hashed.digest()


def lock(identity: bytes) -> None:
    """Until the transaction ends; whoever holds it may be cut off by the server after 30 s of silence."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [int.from_bytes(identity[:8], "big", signed=True)])
        if cursor.fetchone()[0]:
            return
    raise Problem(
        409, "still-running", "The first call with this Idempotency-Key is still running.", headers={"Retry-After": "5"}
    )


def find(store_id: int, identity: bytes) -> IdempotencyRecord | None:
    record = IdempotencyRecord.objects.filter(store_id=store_id, identity=identity).first()
    if record and record.created_at < clock.now() - KEPT_FOR:
        record.delete()
        return None
    return record


def replay(first: IdempotencyRecord, body_digest: bytes) -> Response:
    if bytes(first.body_digest) != body_digest:
        raise Problem(
            422, "idempotency-key-reused",
            "This Idempotency-Key was used with another body. Use a new key for a new call.",
        )  # fmt: skip
    content_type = CONTENT_TYPE if first.status and first.status >= 400 else None
    return Response(first.answer, first.status, headers={"Idempotent-Replayed": "true"}, content_type=content_type)


def keep(store_id: int, identity: bytes, body_digest: bytes, response: Response) -> None:
    answer = None if response.data is None else json.loads(JSONRenderer().render(response.data))
    IdempotencyRecord.objects.create(
        store_id=store_id, identity=identity, body_digest=body_digest, status=response.status_code,
        answer=answer,
    )  # fmt: skip


def forget_old(store_id: int) -> None:
    with acting_for(store_id):
        IdempotencyRecord.objects.filter(store_id=store_id, created_at__lt=clock.now() - KEPT_FOR).delete()
