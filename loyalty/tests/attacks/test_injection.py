"""Small probes for SQL and HTML in every place where an address or a form takes text.

The probes are first tried on a page with the holes that they look for: a probe that finds none there proves nothing.
"""

import re
from urllib.parse import quote, urlencode

import pytest
from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from conftest import sized
from loyalty.tests.one_of_each import routes
from loyalty.tests.test_headers import filled

MARK = "zqxj7"
SQL = [
    f"{MARK}'", f'{MARK}"', f"{MARK}' OR '1'='1", f"{MARK}'; SELECT pg_sleep(3) --", f"{MARK}\\", "1 OR 1=1",
    "-1' UNION SELECT 1--",
    f"{MARK}%' AND 1=CAST((SELECT version()) AS int) --", "1;SELECT 1", "(SELECT 1)", f"{MARK}\0", "0x31",
    "\u02bc OR 1=1", "1e1000",
]  # fmt: skip
HTML = [
    f"<{MARK}>", f"\"><{MARK}>", f"'><{MARK}>", f"</script><{MARK}>", f"<!--><{MARK}>", f"\" on{MARK}=1 \"",
    f"' on{MARK}=1 '",
    f"javascript:{MARK}", f"{{{{ 7*7 }}}}{MARK}", f"{{% debug %}}{MARK}", f"\u2028<{MARK}>", f"%3C{MARK}%3E",
]  # fmt: skip
SHOWN_RAW = re.compile(rf"<{MARK}|[\"'] on{MARK}=1 |(?:href|src|action)=[\"']javascript:{MARK}|49{MARK}", re.I)
SQL_SPOKE = re.compile(r"syntax error|unterminated|psycopg|PostgreSQL \d|invalid input syntax", re.I)
NAMES = (
    "q", "query", "search", "page", "cursor", "limit", "state", "status", "kind", "customer", "action", "since",
    "until", "from",
    "to", "sort", "order", "o", "p", "next", "before", "code", "ids", "rule", "reward", "period", "file_name",
    "outcome", "event",
    "tab", "only", "actor", "source", "topic", "preset", "lang", "embed", "text", "connection", "all", "_q", "e",
)  # fmt: skip


def findings(answer: HttpResponse) -> list[str]:
    text = b"".join(answer.streaming_content) if answer.streaming else answer.content
    shown = text.decode("utf-8", "replace")
    is_page = "html" in answer.get("Content-Type", "")
    found = [f"failed with {answer.status_code}"] if answer.status_code >= 500 else []
    found += ["the database's own words"] if SQL_SPOKE.search(shown) else []
    if is_page and (raw := SHOWN_RAW.search(shown)):
        found.append(f"text became page: {shown[max(0, raw.start() - 80) : raw.end() + 20]}")
    return found


def full_of_holes(request: HttpRequest) -> HttpResponse:
    """What a careless page would do with a query."""
    name = request.GET.get("q", "")
    try:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT '{name}' WHERE '{name}' <> ''".replace("%", "%%"))
    except Exception as error:
        return HttpResponse(str(error), status=500)
    return HttpResponse(f"<p title='{name}'>{name}</p><a href='{name}'>x</a><i>{name.replace('{{ 7*7 }}', '49')}</i>")


def test_the_probes_find_the_holes_of_a_careless_page(db):
    spoke, became = 0, 0
    for probe in SQL + HTML:
        with transaction.atomic():
            found = findings(full_of_holes(RequestFactory().get("/", {"q": probe})))
            transaction.set_rollback(True)
        spoke += "the database's own words" in found
        became += any("became" in one for one in found)
    assert spoke >= 4 and became >= 8


@pytest.fixture
def browser(store, owner, those, sign_in):
    owner.is_staff = owner.is_superuser = True
    owner.save()
    client = sign_in(owner)
    client.raise_request_exception = False
    return client


def asked(client, path: str, those, query: str = "") -> HttpResponse:
    headers = {"Authorization": f"Bearer {those.clear_key}"} if path.startswith("/api/v1") else {}
    return client.get(path + (f"?{query}" if query else ""), headers=headers)


def test_no_query_is_taken_for_sql_or_page(browser, store, those):
    """All names at once, each with the same probe: which one it was is found when there is something to find."""
    probes, faults = SQL + HTML, []
    for number, route in enumerate(dict.fromkeys(routes())):
        if "logout" in route:
            continue
        for step in range(sized(1, len(probes))):
            probe = probes[(number * 7 + step * 13) % len(probes)]
            path = "/" + filled(route, store, those)
            found = findings(asked(browser, path, those, urlencode(dict.fromkeys(NAMES, probe))))
            faults += [(path, probe, what) for what in found]
    assert faults == []


def test_no_part_of_an_address_is_taken_for_sql_or_page(browser, store, those):
    probes, faults, number = SQL + HTML, [], 0
    for route in dict.fromkeys(routes()):
        known = "/" + filled(route, store, those)
        parts = known.split("/")
        places = [at for at, part in enumerate(parts) if part and part not in route]
        for at in places:
            for _ in range(sized(2, len(probes))):
                number += 1
                parts_now = [*parts]
                parts_now[at] = quote(probes[number % len(probes)], safe="")
                path = "/".join(parts_now)
                faults += [(path, what) for what in findings(asked(browser, path, those))]
    assert number > 100
    assert faults == []


def test_no_field_of_a_form_makes_us_fail(browser, store, those):
    """Every page that takes a form, with its own fields and a probe in each."""
    probes, faults, number = SQL + HTML, [], 0
    for route in dict.fromkeys(routes()):
        path = "/" + filled(route, store, those)
        page = browser.get(path)
        if not route.startswith("s/") or "html" not in page.get("Content-Type", "") or page.streaming:
            continue
        names = set(re.findall(r'name="([\w-]+)"', page.content.decode())) - {"csrfmiddlewaretoken"}
        for _ in range(sized(1, len(probes))):
            number += 1
            probe = probes[number % len(probes)]
            faults += [(path, probe, what) for what in findings(browser.post(path, dict.fromkeys(names, probe)))]
    assert number > 30
    assert faults == []
