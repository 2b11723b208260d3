"""A transaction that another was in the way of is begun again, as a whole."""

import logging
import random
import time
from collections.abc import Callable, Collection
from functools import wraps
from typing import TypeVar

from django.db import IntegrityError, OperationalError, transaction
from django.http import HttpRequest, HttpResponse

logger = logging.getLogger(__name__)

T = TypeVar("T")

COLLISIONS = {"40001", "40P01"}  # serialization failure, deadlock: nothing was done, and the next try may succeed
TWINS = COLLISIONS | {"23505"}  # also a row that a twin call has just made: the next try finds it
TRIES = 3
PAUSE = (0.02, 0.2)  # seconds, at random between these, so that two do not meet again


def retried(perform: Callable[[], T], collisions: Collection[str] = COLLISIONS) -> T:
    """The result of `perform`, which opens and ends a transaction of its own."""
    for _ in range(TRIES - 1):
        try:
            return perform()
        except (OperationalError, IntegrityError) as error:
            if getattr(error.__cause__, "sqlstate", "") not in collisions:
                raise
            logger.warning("Begun again: %s", error)
            time.sleep(random.uniform(*PAUSE))  # noqa: S311
    return perform()


def retried_page(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """For pages that take locks. The request's transaction is this one; goes outside of `store_view`."""

    @wraps(view)
    def page(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        def perform() -> HttpResponse:
            with transaction.atomic():
                return view(request, *args, **kwargs)

        return retried(perform)

    return transaction.non_atomic_requests(page)
