"""Support looks at a store as its owner sees it: with a reason, for half an hour, changing nothing.

The merchant reads of it beside all else that was done to the store. What is looked at is said by the session, and
whether this person may support the store is asked anew for each page.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.core.exceptions import PermissionDenied
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from . import audit
from .models import StaffMember, Store, User

KEY = "visit"
TIME = timedelta(minutes=30)
ROLE = StaffMember.Role.OWNER
READ_ONLY = "You look at this store as its owner sees it, and change nothing there. End the visit to work as yourself."
NO_FILES = "Files with a store's data are for its own people. End the visit to work as yourself."


@dataclass(frozen=True, slots=True)
class Visit:
    store: Store
    until: datetime

    def membership(self, user: User) -> StaffMember:
        """Never stored."""
        return StaffMember(store=self.store, user=user, role=ROLE)


def begin(request: HttpRequest, store: Store, reason: str) -> None:
    request.session[KEY] = {"store": store.pk, "until": (timezone.now() + TIME).isoformat()}
    audit.note(request, store, reason, view_as=ROLE)


def end(request: HttpRequest) -> None:
    visit = current(request)
    request.session.pop(KEY, None)
    if visit:
        audit.note(request, visit.store, view_as=ROLE)


def current(request: HttpRequest) -> Visit | None:
    """The visit that goes on, unless its time is over or the person may not support the store any more."""
    told = request.session.get(KEY)
    if not told or not request.user.is_staff or (until := datetime.fromisoformat(told["until"])) <= timezone.now():
        return None
    store = request.user.supported_stores.filter(pk=told["store"]).first()
    return Visit(store, until) if store else None


def change_nothing(request: HttpRequest) -> None:
    """The request's transaction refuses to write, whatever a page would do."""
    if request.method not in ("GET", "HEAD", "OPTIONS"):
        raise PermissionDenied(READ_ONLY)
    with connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION READ ONLY")


def refuse_files(response: HttpResponse) -> None:
    if response.get("Content-Disposition", "").startswith("attachment"):
        raise PermissionDenied(NO_FILES)
