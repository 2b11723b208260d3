"""Pages while the database is away."""

import pytest
from django.db import InterfaceError, InternalError, OperationalError
from django.test import Client
from django.urls import get_resolver, path
from psycopg import errors

from loyalty import urls, views
from loyalty.stores.problems import problem_of


def away(request):
    raise OperationalError("server closed the connection unexpectedly")


def closed(request):
    raise InterfaceError("the connection is closed")


def ours(request):
    raise ValueError("our own mistake")


urlpatterns = [path("away", away), path("closed", closed), path("ours", ours), *urls.urlpatterns]
handler500 = views.failed


@pytest.mark.urls(__name__)
@pytest.mark.parametrize("page", ["/away", "/closed"])
def test_a_page_that_the_database_did_not_answer_says_when_to_come_again(db, page):
    answer = Client(raise_request_exception=False).get(page)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert "Back in a moment" in answer.content.decode()


@pytest.mark.urls(__name__)
def test_a_mistake_of_ours_is_not_excused_by_the_database(db):
    answer = Client(raise_request_exception=False).get("/ours")
    assert answer.status_code == 500 and "Something broke" in answer.content.decode()


def test_the_product_answers_so():
    assert get_resolver("loyalty.urls").resolve_error_handler(500) is views.failed


@pytest.mark.parametrize(("cause", "status"), [(errors.InternalError_(), 503), (errors.InFailedSqlTransaction(), None)])
def test_a_call_that_the_server_failed_is_asked_to_come_again_and_a_mistake_of_ours_is_not(cause, status):
    error = InternalError("could not write to log file: File too large")
    error.__cause__ = cause
    problem = problem_of(error, {})
    assert (problem and problem.status) == status
