"""Support looks at a store as its owner sees it: announced, for half an hour, and nothing more than looking."""

from datetime import timedelta

import pytest
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.test import RequestFactory
from django.urls import reverse
from django.utils import timezone

from conftest import PASSWORD, open_store, staff
from loyalty.stores import visits
from loyalty.stores.models import AuditRecord, StaffMember, User

from .one_of_each import changed, everything
from .tenancy.routes import below, filled

STORE = "s/<slug:slug>/"
WHY = "Codes run out too early"


@pytest.fixture
def helper(db):
    return User.objects.create_superuser("helper@loyalty.example", PASSWORD)


def begin(client, store, reason=WHY):
    return client.post(reverse("admin:stores_store_visit", args=[store.pk]), {"reason": reason})


@pytest.fixture
def visiting(helper, store, sign_in):
    client = sign_in(helper)
    assert begin(client, store).url == f"/s/{store.slug}/"
    return client


@pytest.fixture
def them(request, transactional_db):
    """`theirs`, committed: what a visit may not write is refused by its own transaction."""
    with transaction.atomic():
        return request.getfixturevalue("theirs")


def text(answer) -> str:
    return " ".join(answer.content.decode().split())


def later(client, **by):
    """As if so much time had gone by since the visit began."""
    session = client.session
    until = timezone.datetime.fromisoformat(session["visit"]["until"]) - timedelta(**by)
    session["visit"] = session["visit"] | {"until": until.isoformat()}
    session.save()


@pytest.mark.django_db(transaction=True)
def test_every_page_shows_what_the_owner_sees_and_says_that_it_is_a_visit(store, them, visiting):
    files, wrong = [], []
    for route in below(STORE):
        answer = visiting.get(filled(route, them))
        if answer.status_code == 403:
            files.append(route)
        elif answer.status_code not in (200, 204, 405):
            wrong.append((route, answer.status_code))
        elif (
            answer.status_code == 200 and "<html" in text(answer) and "as its owner sees it, until" not in text(answer)
        ):
            wrong.append((route, "no banner"))
    assert [one for one in wrong if one[0] != f"{STORE}display/preview/"] == []  # a frame inside a page that has it
    assert set(files) == {
        f"{STORE}spending/codes/<uuid:public_id>/export/", f"{STORE}settings/changes/export/",
        f"{STORE}spending/codes/imports/<uuid:public_id>/not-usable/",
    }  # fmt: skip
    assert "owner@acme.example" in text(visiting.get(f"/s/{store.slug}/settings/people/"))


@pytest.mark.django_db(transaction=True)
def test_nothing_can_be_changed(store, them, visiting):
    before, wrong = everything(), []
    for route in below(STORE):
        for method in (visiting.post, visiting.delete):
            answer = method(filled(route, them))
            # Some take no such method from anybody.
            if answer.status_code != 405 and (answer.status_code, visits.READ_ONLY in text(answer)) != (403, True):
                wrong.append((method.__name__, route, answer.status_code))
    assert wrong == []
    assert changed(before, everything()) == set()


@pytest.mark.django_db(transaction=True)
def test_the_database_refuses_to_write_in_a_visit_whatever_a_page_does(store, them, visiting, monkeypatch):
    from loyalty.views import OverviewView

    def sneaky(self):
        self.store.rules.update(points=1000)
        return []

    monkeypatch.setattr(OverviewView, "visits", sneaky)
    visiting.raise_request_exception = False
    assert visiting.get(f"/s/{store.slug}/").status_code == 500
    assert store.rules.get().points == 10


def test_the_row_is_written_first_and_the_merchant_is_told(store, owner, helper, sign_in):
    begin(sign_in(helper), store)
    row = AuditRecord.objects.get()
    assert (row.actor, row.view_as, row.reason, row.action) == (helper.email, "owner", WHY, "admin:stores_store_visit")
    page = sign_in(owner)
    home = text(page.get(f"/s/{store.slug}/"))
    assert "Loyalty support looked at your store" in home and WHY in home
    said = text(page.get(f"/s/{store.slug}/settings/changes/?kind=support"))
    assert WHY in said and helper.email in said and "as its owner sees it" in said


def test_the_notice_is_for_those_who_may_read_all_and_goes_after_a_week(store, owner, viewer, helper, sign_in):
    begin(sign_in(helper), store)
    assert WHY not in text(sign_in(viewer).get(f"/s/{store.slug}/"))
    old = AuditRecord.objects.get()
    AuditRecord.objects.create(
        store=store, actor="x", action=old.action, reason="Long ago", request_id=old.request_id,
        created_at=timezone.now() - timedelta(days=8),
    )  # fmt: skip
    assert "Long ago" not in text(sign_in(owner).get(f"/s/{store.slug}/"))


def test_a_visit_needs_a_reason(store, helper, sign_in):
    client = sign_in(helper)
    assert begin(client, store, " ").status_code == 200
    assert client.get(f"/s/{store.slug}/").status_code == 404
    assert not AuditRecord.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_visit_ends_by_itself_after_half_an_hour(store, visiting):
    later(visiting, minutes=29)
    assert visiting.get(f"/s/{store.slug}/").status_code == 200
    later(visiting, minutes=1)
    assert visiting.get(f"/s/{store.slug}/").status_code == 404


@pytest.mark.django_db(transaction=True)
def test_a_visit_can_be_ended_and_that_is_written_down(store, visiting):
    visiting.get(f"/s/{store.slug}/")
    visiting.post(reverse("visit_end"))
    assert visiting.get(f"/s/{store.slug}/").status_code == 404
    assert [row.action for row in AuditRecord.objects.order_by("pk")] == ["admin:stores_store_visit", "visit_end"]
    visiting.post(reverse("visit_end"))
    assert AuditRecord.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_a_visit_opens_no_other_store(store, other_store, stranger, visiting):
    assert visiting.get(f"/s/{other_store.slug}/").status_code == 404
    assert visiting.get(f"/s/{store.slug}/customers/").status_code == 200


def test_support_visits_the_stores_that_it_supports_and_no_others(store, other_store, stranger, sign_in):
    """Somebody who works in one store may open the support admin; other stores are not there for them."""
    User.objects.filter(pk=stranger.pk).update(is_staff=True)
    stranger.refresh_from_db()
    client = sign_in(stranger)
    assert begin(client, store).status_code == 302
    assert "visit" not in client.session
    assert client.get(f"/s/{store.slug}/").status_code == 404
    assert begin(client, other_store).url == f"/s/{other_store.slug}/"


def test_people_of_a_store_who_are_no_support_begin_none(store, owner, sign_in):
    client = sign_in(owner)
    assert begin(client, store).url.startswith(reverse("admin:login"))
    session = client.session
    session["visit"] = {"store": store.pk, "until": (timezone.now() + timedelta(minutes=5)).isoformat()}
    session.save()
    assert "as its owner sees it" not in text(client.get(f"/s/{store.slug}/"))


@pytest.mark.django_db(transaction=True)
def test_whoever_supports_a_store_no_more_loses_the_visit_at_once(store, sign_in):
    member = staff(store, "support", "sue@loyalty.example")
    User.objects.filter(pk=member.pk).update(is_staff=True)
    member.refresh_from_db()
    client = sign_in(member)
    begin(client, store)
    assert "as its owner sees it" in text(client.get(f"/s/{store.slug}/"))
    StaffMember.objects.filter(user=member).delete()
    assert client.get(f"/s/{store.slug}/").status_code == 404


@pytest.mark.django_db(transaction=True)
def test_a_visitor_works_as_themselves_in_their_own_store(store, helper, visiting):
    own = open_store("own")
    StaffMember.objects.create(store=own, user=helper, role="owner")
    visiting.post(f"/s/{own.slug}/earning/add/custom/", {})
    assert "as its owner sees it" not in text(visiting.get(f"/s/{own.slug}/"))


def test_only_looking_passes_the_door():
    for method in ("post", "put", "patch", "delete"):
        with pytest.raises(PermissionDenied):
            visits.change_nothing(getattr(RequestFactory(), method)("/"))
