"""`Idempotency-Key` as this wire knows it: for a day, the same key and body get the first answer."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import connection as database
from django.http import HttpRequest

from integrations import exact_json
from loyalty.stores import clock
from loyalty.stores.idempotency import MAX_LENGTH, digest
from loyalty.stores.models import IdempotencyRecord, Store

from .authentication import Credential
from .refusals import Refused, bad_request

KEPT_FOR = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Key:
    """What a key names: a call by one credential to one address. Used within the call's transaction."""

    store: Store
    identity: bytes
    body: bytes

    def first(self) -> IdempotencyRecord | None:
        """The first call's answer. A twin that runs now is waited for. Raises Refused for another body."""
        with database.cursor() as cursor:
            lock = int.from_bytes(self.identity[:8], "big", signed=True)
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [lock])
        record = IdempotencyRecord.objects.filter(store_id=self.store.pk, identity=self.identity).first()
        if record and record.created_at < clock.now() - KEPT_FOR:
            record.delete()
            return None
        if record and bytes(record.body_digest) != self.body:
            raise Refused(422, "idempotency_mismatch", "This Idempotency-Key was used with another body.")
        return record

    def keep(self, status: int, answer: dict[str, Any]) -> None:
        IdempotencyRecord.objects.update_or_create(
            store_id=self.store.pk, identity=self.identity,
            defaults={"body_digest": self.body, "status": status, "answer": answer},
        )  # fmt: skip


def key_of(request: HttpRequest, credential: Credential, body: Mapping[str, Any]) -> Key | None:
    name = request.headers.get("Idempotency-Key", "").strip()
    if not name:
        return None
    if not (len(name) <= MAX_LENGTH and name.isascii() and name.isprintable()):
        raise bad_request(f"Idempotency-Key must be 1 to {MAX_LENGTH} printable characters.")
    address = f"{request.method} {request.path.rstrip('/')}"
    identity = digest("loyaltylion", credential.name, address, name)
    return Key(credential.connection.store, identity, digest(exact_json.dumps(dict(body))))
