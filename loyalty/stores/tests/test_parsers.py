"""Bodies reach views through one parser: its limits, and which status each refusal gets."""

import io

import pytest
from django.test import RequestFactory
from rest_framework.parsers import BaseParser
from rest_framework.response import Response
from rest_framework.views import APIView

from loyalty.stores.bounded_json import TooLarge
from loyalty.stores.parsers import BoundedJSONParser, read_body


class Echo(APIView):
    authentication_classes: list = []
    permission_classes: list = []
    parser_classes: list[type[BaseParser]] = [BoundedJSONParser]

    def post(self, request):
        return Response({"seen": request.data})


def post(body, content_type="application/json", **headers):
    return Echo.as_view()(RequestFactory().generic("POST", "/", body, content_type, **headers))


def test_a_json_body_is_the_data():
    answer = post(b'{"a":[1]}')
    assert (answer.status_code, answer.data) == (200, {"seen": {"a": [1]}})
    assert post(b"{}", "application/json; charset=UTF-8").status_code == 200


@pytest.mark.parametrize(
    ("status", "body", "content_type", "headers"),
    [
        (400, b'{"a":NaN}', "application/json", {}),
        (400, b'{"a":1,"a":2}', "application/json", {}),
        (400, b"\xff", "application/json", {}),
        (413, b"[" + b" " * 1024 * 1024 + b"]", "application/json", {}),
        (413, b"[" + b" " * 10 * 1024 * 1024 + b"]", "application/json", {}),
        (415, b"{}", "application/json; charset=utf-16", {}),
        (415, b"{}", "application/json; charset=bz2_codec", {}),
        (415, b"{}", "application/json; charset=no-such", {}),
        (415, b"{}", "application/json", {"HTTP_CONTENT_ENCODING": "gzip"}),
        (415, b"a=1", "application/x-www-form-urlencoded", {}),
        (415, b"{}", "text/plain", {}),
    ],
)
def test_bad_bodies_get_a_client_error(status, body, content_type, headers):
    assert post(body, content_type, **headers).status_code == status


def test_a_body_is_refused_by_its_announced_length_before_it_is_read():
    request = RequestFactory().post(
        "/",
        b"",
        content_type="application/json",
        CONTENT_LENGTH="99999999999999999999999",
    )
    with pytest.raises(TooLarge):
        read_body(request)
    assert not request._read_started


def test_a_torn_body_is_an_empty_body():
    class Torn(io.BytesIO):
        def read(self, *args):
            raise OSError("connection reset")

    request = RequestFactory().post("/", b"{}", content_type="application/json")
    request._stream = Torn()
    assert read_body(request) == b""


def chunked(body: bytes):
    """A request as a server hands it over whose body came in chunks."""
    request = RequestFactory().post("/", b"", content_type="application/json")
    request.META |= {"wsgi.input": io.BytesIO(body), "wsgi.input_terminated": True, "CONTENT_LENGTH": ""}
    return request


def test_a_body_sent_in_chunks_is_read_to_its_end():
    request = chunked(b'{"a": 1}')

    assert read_body(request) == read_body(request) == b'{"a": 1}'
    with pytest.raises(TooLarge):
        read_body(chunked(b"x" * 20), max_bytes=19)
