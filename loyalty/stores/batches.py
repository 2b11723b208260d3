"""How the facts of a store are worked off: claimed in batches, applied, tried again, put into quarantine."""

import logging
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from datetime import timedelta
from uuid import UUID

from django.db import InterfaceError, OperationalError, connection
from django.db.models import F
from django.db.models.functions import Greatest
from psycopg import sql
from psycopg.errors import QueryCanceled
from uuid_utils.compat import uuid7

from . import clock
from .deadlines import deadline
from .facts import ERROR_LIMIT, MAX_ATTEMPTS, Fact
from .retrying import retried
from .tenancy import acting_for

logger = logging.getLogger(__name__)

BATCH = 500
LINK_PATIENCE = 10.0  # seconds
ALONE = 10.0  # seconds that the facts of a batch which failed are tried one by one
DRAIN = 40.0  # seconds: a task that drains ends before its time limit strikes
AGAIN = timedelta(seconds=4)  # after an error that passes, such as a lock which somebody else held
LONGEST = 6.0  # seconds of one try: less than a claim, so that no second worker gets stuck in the same fact
# Whoever needs a wallet that another holds for longer comes again; whoever stops with one in hand loses it.
BRIEFLY = """
SELECT set_config('lock_timeout', '300ms', true), set_config('idle_in_transaction_session_timeout', '5s', true)
"""


def claim(model: type[Fact], store_id: int, limit: int = BATCH) -> tuple[object, list[int], int]:
    """Take due facts of one store in a transaction of their own: (token, ids, attempts so far).

    Attempts count before the work, so a fact that kills its worker is counted too. Facts tried before are
    taken one at a time: what died beside a killer is not blamed for it.
    """
    token = uuid7()
    try:
        return token, *claimed_with(token, model, store_id, limit)
    except (OperationalError, InterfaceError):
        give_back(model, store_id, token, least=0)  # it may be taken, and only the answer got lost
        raise


def claimed_with(token: UUID, model: type[Fact], store_id: int, limit: int) -> tuple[list[int], int]:
    with acting_for(store_id), connection.cursor() as cursor:
        for tried, most in (("= 0", limit), ("> 0", 1)):
            statement = sql.SQL(CLAIM).format(table=sql.Identifier(model._meta.db_table), tried=sql.SQL(tried))
            cursor.execute(statement, {"token": token, "store": store_id, "limit": most})
            if claimed := cursor.fetchall():
                return sorted(pk for pk, _ in claimed), claimed[0][1]
    return [], 0


# MATERIALIZED: as a plain sub-select it may run again for each row that is joined, and claim more than asked.
CLAIM = """
WITH due AS MATERIALIZED (
    SELECT id, attempts FROM {table} WHERE store_id = %(store)s AND due_at <= clock_timestamp()
       AND (claimed_until IS NULL OR claimed_until <= clock_timestamp()) AND attempts {tried}
     ORDER BY due_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED)
UPDATE {table} SET attempts = {table}.attempts + 1, claim_token = %(token)s,
       claimed_until = clock_timestamp() + interval '8 seconds' * power(2, {table}.attempts)
  FROM due WHERE {table}.store_id = %(store)s AND {table}.id = due.id
RETURNING {table}.id, due.attempts
"""


Apply = Callable[[int, object, list[int]], None]


def work(model: type[Fact], store_id: int, apply: Apply, limit: int = BATCH) -> int:
    """Claim one batch and apply it; what fails together is tried alone. Returns how many were claimed."""
    token, ids, attempts = claim(model, store_id, limit)
    if attempts >= MAX_ATTEMPTS:  # no worker lived to say why
        with acting_for(store_id):
            note_failure(model, store_id, token, ids, RuntimeError("The worker ended while it applied this."))
    elif len(ids) == 1:
        attempt(model, store_id, apply, token, ids, is_last_try=True)
    elif ids and (error := attempt(model, store_id, apply, token, ids, is_last_try=False)):
        if is_link_lost(error):
            give_back(model, store_id, token, ids, least=0)
            return len(ids)
        one_by_one(model, store_id, apply, token, ids)
    return len(ids)


def one_by_one(model, store_id, apply: Apply, token, ids: list[int]) -> None:
    """For a while: where each of them waits for a lock, a batch would take longer than a task may."""
    until = time.monotonic() + ALONE
    for number, pk in enumerate(ids):
        if time.monotonic() > until:
            return give_back(model, store_id, token, ids[number:], least=0)
        attempt(model, store_id, apply, token, [pk], is_last_try=True)


def attempt(model, store_id, apply: Apply, token, ids: list[int], *, is_last_try: bool) -> Exception | None:
    """Returns why it failed."""

    def perform() -> None:
        with acting_for(store_id), holding_wallets_briefly() if model.holds_wallets else nullcontext():
            apply(store_id, token, ids)

    try:
        retried(perform)
        return None
    except Exception as error:
        logger.warning("%s %s of store %s failed: %.300r", model.__name__, ids[:5], store_id, error)
        if is_last_try and is_link_lost(error):
            give_back(model, store_id, token, ids, least=1)
        elif is_last_try:
            with acting_for(store_id):
                note_failure(model, store_id, token, ids, error)
        return error


@contextmanager
def holding_wallets_briefly() -> Iterator[None]:
    """A fact that never ends must not hold up all others."""
    if not connection.savepoint_ids:  # else the transaction is a larger one's, which has its own limits
        with connection.cursor() as cursor:
            cursor.execute(BRIEFLY)
    with deadline(LONGEST):
        yield


def is_link_lost(error: BaseException) -> bool:
    """The server ended the connection, restarts, or is out of reach: no fault of the fact's."""
    state = getattr(error.__cause__, "sqlstate", None) or ""
    return isinstance(error, OperationalError | InterfaceError) and (not state or state.startswith(("08", "57P")))


def give_back(model, store_id, token, ids: list[int] | None = None, *, least: int) -> None:
    """These, or all that the token holds, are due at once, as if nobody had taken them; who was tried alone stays so.
    The server gets some seconds to come back: untold, they would wait for their claims to end."""
    until = time.monotonic() + LINK_PATIENCE
    while True:
        try:
            with acting_for(store_id):
                taken = model.objects.filter(store_id=store_id, due_at__isnull=False, claim_token=token)
                if ids is not None:
                    taken = taken.filter(pk__in=ids)
                taken.update(attempts=Greatest(F("attempts") - 1, least), claimed_until=None)
            return
        except (OperationalError, InterfaceError):
            connection.close()
            if time.monotonic() > until:
                raise
            time.sleep(0.5)


def in_words(error: Exception) -> str:
    try:
        return f"{type(error).__name__}: {error}"
    except Exception:  # it cannot even say what it is
        return type(error).__name__


def note_failure(model, store_id, token, ids, error: Exception) -> None:
    """Keep why; give up at the fifth try. A passing database error (a deadlock) is not held against it; taking
    longer than a statement may is."""
    text = in_words(error).replace("\x00", "\\0")[:ERROR_LIMIT]
    rows = model.objects.filter(store_id=store_id, pk__in=ids, claim_token=token)
    if isinstance(error, OperationalError) and not isinstance(error.__cause__, QueryCanceled):
        rows.update(attempts=Greatest(F("attempts") - 1, 1), error=text, claimed_until=clock.now() + AGAIN)
        return
    rows.filter(attempts__gte=MAX_ATTEMPTS).update(quarantined_at=clock.now(), due_at=None, error=text)
    rows.filter(attempts__lt=MAX_ATTEMPTS).update(error=text)


def drain(model: type[Fact], store_id: int, apply: Apply, seconds: float = DRAIN) -> int:
    """Work until nothing is due or the time is up. Returns how many facts were claimed.

    A backlog is taken by two threads with a connection each: PostgreSQL works for one while the other evaluates.
    """
    until = time.monotonic() + seconds
    done = work(model, store_id, apply)
    if done < BATCH:
        return done + work_until(until, model, store_id, apply) if done else 0
    with ThreadPoolExecutor(1) as pool:
        beside = pool.submit(work_beside, until, model, store_id, apply)
        return done + work_until(until, model, store_id, apply) + beside.result()


def work_until(until: float, model: type[Fact], store_id: int, apply: Apply) -> int:
    done = 0
    while time.monotonic() < until and (claimed := work(model, store_id, apply)):
        done += claimed
    return done


def work_beside(until: float, model: type[Fact], store_id: int, apply: Apply) -> int:
    try:
        return work_until(until, model, store_id, apply)
    finally:
        connection.close()  # this thread's own
