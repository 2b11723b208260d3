"""Bad files as lists of codes, by the dashboard and by the API: each is refused, or its dry run names the lines; what
comes in after a yes is what was good, and nothing comes in before."""

import csv
import io
import random
import time
from collections.abc import Callable, Iterator
from datetime import date
from re import fullmatch
from typing import Any
from urllib.parse import unquote, urlencode

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.http import HttpResponse
from django.urls import reverse

from conftest import StrangerClient, sized
from loyalty.stores.tenancy import acting_for
from spending import coupon_imports, coupon_steps
from spending.coupon_csv import Flaw, Reader, Row
from spending.csv_layout import HEAD, EncodingNeeded, Unreadable, look
from spending.models import CouponImport

from . import files
from .files import File
from .test_bad_bodies import status_of_torn
from .wires import Call

LONGEST = 1.0  # seconds
Send = Callable[[bytes], HttpResponse]


# --- The ways in ------------------------------------------------------------------------------


def by_page(those: Any, sign_in: Any) -> Send:
    client = sign_in(those.owner)
    address = reverse("spending:import_create", args=[those.store.slug, those.pool.public_id])
    return lambda content: client.post(address, {"file": SimpleUploadedFile("codes.csv", content)})


def by_form(those: Any, sign_in: Any) -> Send:
    return lambda content: StrangerClient().post(
        address_of(those), {"file": SimpleUploadedFile("codes.csv", content)}, **key_of(those)
    )


def by_body(those: Any, sign_in: Any) -> Send:
    return lambda content: StrangerClient().generic(
        "POST", address_of(those), content, CONTENT_TYPE="text/csv", **key_of(those)
    )


def address_of(those: Any) -> str:
    return f"/api/v1/code-pools/{those.pool.public_id}/imports"


def key_of(those: Any) -> dict[str, str]:
    return {"HTTP_AUTHORIZATION": f"Bearer {those.clear_key}"}


WAYS = {"page": by_page, "form": by_form, "body": by_body}


# --- What becomes of a file -------------------------------------------------------------------


def told(row: CouponImport, page: Any, those: Any) -> tuple[str, list[int], list[str]]:
    """What the API says of an import that was looked at, and where it says that lines are not usable."""
    address = f"/api/v1/code-imports/{row.public_id}"
    answer = StrangerClient().get(address, **key_of(those))
    shown = page.get(reverse("spending:import_detail", args=[those.store.slug, row.public_id]))
    assert (answer.status_code, shown.status_code) == (200, 200)
    flaws = StrangerClient().get(f"{address}/not-usable.csv", **key_of(those))
    rows = list(csv.reader(io.StringIO(b"".join(flaws.streaming_content).decode(), newline="")))[1:]
    return answer.json()["refusal"], [int(line) for line, _, _ in rows], [why for _, _, why in rows]


def outcome(file: File, answer: HttpResponse, page: Any, those: Any) -> Iterator[str]:
    """What is not as it should be."""
    if answer.status_code >= 400:
        if answer.status_code >= 500 or file.state != files.REFUSED or file.said not in answer.content.decode():
            yield f"{answer.status_code} {answer.content[:200]!r}"
        if those.pool.imports.exclude(pk=those.coupon_import.pk).exists():
            yield "kept though it was refused"
        return
    coupon_steps.work(those.store.pk)
    row = CouponImport.objects.latest("id")
    refusal, lines, whys = told(row, page, those)
    if (row.state, row.error, row.parts.exists()) != (file.state, "", file.state != files.REFUSED):
        yield f"{row.state} {row.error[-300:]} {refusal}"
    if file.said not in refusal and not (whys and all(file.said in why for why in whys)):
        yield f"said {refusal} {whys[:3]}"
    if lines != list(file.lines) or row.invalid != len(lines):
        yield f"lines {lines[:10]}"
    if those.pool.codes.exists():
        yield "came in without a yes"
    if file.state == files.CHECKED:
        coupon_imports.confirm(row)
        coupon_steps.work(those.store.pk)
    if (came := tuple(those.pool.codes.order_by("id").values_list("code", flat=True))) != file.codes:
        yield f"came in: {came[:10]}"


def faults_of(file: File, send: Send, page: Any, those: Any) -> Iterator[str]:
    with transaction.atomic():
        began = time.perf_counter()
        answer = send(file.content)
        took = time.perf_counter() - began
        yield from (f"{file.name}: {fault}" for fault in outcome(file, answer, page, those))
        transaction.set_rollback(True)
    if took > LONGEST:
        yield f"{file.name}: took {took:.1f} s"


@pytest.mark.parametrize("way", WAYS)
def test_no_bad_file_comes_in_and_each_is_told_what_is_wrong(way, those, sign_in):
    """The ways differ only in how a file arrives, so that a quick run takes each file on one of them."""
    send, page = WAYS[way](those, sign_in), sign_in(those.owner)
    those.pool.codes.all().delete()
    wholes = [*files.of_wholes()][list(WAYS).index(way) :: sized(len(WAYS), 1)]
    tried = [*wholes, *random.Random(way).sample(files.every(), sized(6, 300))]
    assert [fault for file in tried for fault in faults_of(file, send, page, those)] == []


def test_each_bad_cell_is_told_by_its_line_however_the_file_is_written():
    wrong = [file.name for file in files.every() if read(file.content) != (file.state, file.lines, file.codes)]
    assert len(files.every()) >= 1_000 and wrong == []


def read(content: bytes) -> tuple[str, tuple[int, ...], tuple[str, ...]]:
    try:
        layout = look(content[:HEAD])
        found = list(Reader([content], layout, today=date(2026, 6, 1)))
    except Unreadable:
        return files.REFUSED, (), ()
    except EncodingNeeded:
        return files.ASKING, (), ()
    rows = [one for one in found if isinstance(one, Row)]
    lines = tuple(one.line for one in found if isinstance(one, Flaw))
    return files.CHECKED if found else files.REFUSED, lines, tuple(dict.fromkeys(row.code for row in rows))


# --- Good codes, sent badly -------------------------------------------------------------------

CODES = b"A1\nA2\n"
FORM = "multipart/form-data; boundary=b"
END = b"--b--\r\n"


def part(name: str = "file", file_name: str | None = "codes.csv", headers: str = "", content: bytes = CODES) -> bytes:
    named = "" if file_name is None else f'; filename="{file_name}"'
    head = f'--b\r\nContent-Disposition: form-data; name="{name}"{named}\r\n{headers}\r\n'
    return head.encode() + content + b"\r\n"


def text(name: str, content: bytes) -> bytes:
    return part(name, None, content=content)


BASE64 = "Content-Transfer-Encoding: base64\r\n"
FORMS = {
    "empty": b"", "no parts": END, "spaces": b" " * 100, "JSON": b'{"file": "A1"}', "plain codes": CODES,
    "no file": text("other", b"x") + END, "a text for a file": text("file", CODES) + END,
    "a file of another name": part("files") + END, "a file without a name": part(file_name="") + END,
    "a file named like its folder": part(file_name="..") + END,
    "two files": part() + part(content=b"B1\n") + END, "another file too": part() + part("more") + END,
    "torn after the file": part(), "torn in the file": part()[:-5], "torn in its headers": part()[:40],
    "another boundary": (part() + END).replace(b"--b", b"--c"),
    "no blank line": part().replace(b"\r\n\r\n", b"\r\n") + END,
    "line feeds": part().replace(b"\r\n", b"\n") + END,
    "no text in base64": part(headers=BASE64, content=b"=A=1=") + END,
    "half of base64": part(headers=BASE64, content=b"QTE") + END,
    "a name in no encoding": part().replace(b'filename="codes.csv"', b"filename*=no-such''%41") + END,
    "101 files": b"".join(part(f"f{number}") for number in range(101)) + END,
    "1,001 texts": b"".join(text(f"f{number}", b"x") for number in range(1_001)) + part() + END,
    "a text of 7 MB": text("x", b"x" * 7_000_000) + part() + END,
    "a header of 100 kB": part(headers=f"X-Long: {'x' * 100_000}\r\n") + END,
    "100,000 parts of nothing": b"--b\r\n" * 100_000 + END,
}  # fmt: skip
TYPES = (
    "multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=\x01", "multipart/mixed",
    f"multipart/form-data; boundary={'b' * 300}", "application/x-www-form-urlencoded", "application/json", "text/html",
    "application/octet-stream", "application/zip", "application/vnd.ms-excel", "x", "", ";",
)  # fmt: skip


def senders(those: Any, sign_in: Any) -> dict[str, tuple[Any, str, dict[str, str]]]:
    page = reverse("spending:import_create", args=[those.store.slug, those.pool.public_id])
    return {"page": (sign_in(those.owner), page, {}), "api": (StrangerClient(), address_of(those), key_of(those))}


@pytest.mark.parametrize("way", ["page", "api"])
def test_good_codes_that_are_sent_badly_are_refused_and_not_kept(way, those, sign_in):
    client, address, headers = senders(those, sign_in)[way]
    sent = [(FORM, raw) for raw in FORMS.values()] + [(kind, part() + END) for kind in TYPES]
    for kind, raw in sent:
        began = time.perf_counter()
        answer = client.generic("POST", address, raw, CONTENT_TYPE=kind, **headers)
        assert 400 <= answer.status_code < 500, (kind, raw[:200], answer.content)
        assert way == "page" or answer.json()["detail"], (kind, raw[:200])
        assert time.perf_counter() - began <= LONGEST, (kind, raw[:200])
    assert [*those.pool.imports.all()] == [those.coupon_import]


@pytest.mark.parametrize(
    ("headers", "status"),
    [({"HTTP_CONTENT_ENCODING": "gzip"}, 415), ({"HTTP_CONTENT_ENCODING": "br, gzip"}, 415),
     ({"HTTP_TRANSFER_ENCODING": "chunked"}, 411), ({"CONTENT_LENGTH": str(2**40)}, 413)],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["text/csv", FORM])
def test_a_file_announced_as_something_else_is_refused(those, kind, headers, status):
    raw = CODES if kind == "text/csv" else part() + END
    sent = {"CONTENT_TYPE": kind} | key_of(those) | headers
    answer = StrangerClient().generic("POST", address_of(those), raw, **sent)
    assert (answer.status_code, answer["Content-Type"]) == (status, "application/problem+json")
    assert [*those.pool.imports.all()] == [those.coupon_import]


NAMES = (
    "../../etc/passwd", "a\\b.csv", "x" * 1_000 + ".csv", "<script>alert(1)</script>.csv", "\u202egpj.csv", "a%00b.csv",
    "a%0d%0aSet-Cookie: x=1.csv", "=1+1.csv", "\x7f.csv", "CON", ".", "💥" * 100,
)  # fmt: skip


@pytest.mark.parametrize("way", ["body", "page"])
def test_odd_names_of_files_are_harmless(way, those, sign_in):
    client = sign_in(those.owner)
    for name in NAMES:
        if way == "page":
            raw = part(file_name=name) + END
            client.generic("POST", senders(those, sign_in)["page"][1], raw, CONTENT_TYPE=FORM)
        else:
            address = f"{address_of(those)}?{urlencode({'file_name': unquote(name)})}"
            StrangerClient().generic("POST", address, CODES, CONTENT_TYPE="text/csv", **key_of(those))
        row = CouponImport.objects.latest("id")
        assert row.file_name.isprintable() and 0 < len(row.file_name) <= 255
        answer = client.get(reverse("spending:import_flaws", args=[those.store.slug, row.public_id]))
        assert fullmatch(r'attachment; filename="not-usable-[a-z0-9_-]{1,255}\.csv"', answer["Content-Disposition"])


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("way", ["page", "api"])
@pytest.mark.parametrize("kind", ["text/csv", FORM])
def test_a_file_that_breaks_off_is_not_kept(way, kind, live_server, store, committed, sign_in):
    """What came of it would read as a whole list of codes."""
    client, path, headers = senders(committed, sign_in)[way]
    if cookies := "; ".join(f"{name}={morsel.value}" for name, morsel in client.cookies.items()):
        headers = {"HTTP_COOKIE": cookies}
    call = Call("POST", path, {}, headers | {"CONTENT_TYPE": kind})
    raw = CODES if kind == "text/csv" else part()
    assert 400 <= status_of_torn(live_server, call, raw) < 500
    with acting_for(store.pk):
        assert committed.pool.imports.count() == 1
