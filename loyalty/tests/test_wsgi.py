import io

import pytest
from django.test import RequestFactory

from loyalty.wsgi import application

pytestmark = pytest.mark.django_db  # a request looks after the connections that other tests left


def call(path: str, body: bytes, content_type: str) -> int:
    """The status that the server would send."""
    statuses: list[str] = []
    environ = RequestFactory().generic("POST", path, body, "text/plain").environ | {"CONTENT_TYPE": content_type}
    application(environ, lambda status, headers: statuses.append(status)).close()
    return int(statuses[0].split()[0])


@pytest.mark.parametrize("charset", ["bz2_codec", "rot13", "utf-16", "no-such", "\x00", "x" * 5000, ""])
def test_a_charset_that_cannot_be_is_no_failure(charset):
    assert call("/nowhere?limit=5", b"{}", f"application/json; charset={charset}") == 404


@pytest.mark.parametrize(
    "unreadable",
    ["charset*=no-such''%41", "charset*=idna''%41", "charset*=punycode''%FF", "charset*=\xff''x", f"a*{'9' * 5000}=x"],
)
@pytest.mark.parametrize("path", ["/nowhere", "/accounts/login/", "/api/v1/activities", "/widget/v1/token"])
def test_a_type_that_cannot_be_read_is_no_failure(path, unreadable):
    for kind in ("application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=b"):
        assert 400 <= call(path, b"{}", f"{kind}; {unreadable}") < 500


def test_queries_are_read_as_utf8_whatever_the_bodys_charset():
    environ = RequestFactory().get("/?limit=5&q=%C3%A9").environ | {"CONTENT_TYPE": "a/b; charset=utf-16"}

    assert application.request_class(environ).GET.dict() == {"limit": "5", "q": "é"}


def test_the_apis_bare_address_is_answered_in_its_own_form():
    assert headers_of("/api/v1")["Content-Type"] == "application/problem+json"


def headers_of(path: str) -> dict[str, str]:
    sent: dict[str, str] = {}
    application(RequestFactory().get(path).environ, lambda status, headers: sent.update(headers)).close()
    return sent


def test_calls_with_a_key_pass_the_layers_that_guard_them_and_not_those_of_pages():
    call, page = headers_of("/api/v1/nowhere"), headers_of("/nowhere")

    assert call["Content-Type"] == "application/problem+json"
    assert {"X-Content-Type-Options", "Content-Length"} <= set(call)
    assert "script-src" in page["Content-Security-Policy"] and "script-src" not in call["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("path", "headers", "left"),
    [
        ("/api/v1/orders", {"CONTENT_LENGTH": "200000"}, 0),
        ("/integrations/webhooks/nowhere/x", {"CONTENT_LENGTH": "200000"}, 0),
        ("/api/v1/orders", {"CONTENT_LENGTH": "", "HTTP_TRANSFER_ENCODING": "chunked"}, 0),
        ("/api/v1/orders", {"CONTENT_LENGTH": "200000", "HTTP_EXPECT": "100-continue"}, 200_000),
    ],
)
def test_a_body_that_nobody_wanted_is_taken_so_that_its_sender_hears_the_refusal(path, headers, left):
    body = io.BytesIO(b" " * 200_000)
    environ = RequestFactory().post(path).environ | {"wsgi.input": body} | headers

    application(environ, lambda status, headers: None).close()

    assert len(body.read()) == left
