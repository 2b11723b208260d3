"""Is this address the store's own? Its pages say so: by a tag in the first page, or by a file."""

from html.parser import HTMLParser
from urllib.parse import urlsplit

from django.utils import timezone

from integrations import outgoing
from loyalty.stores.models import Store

from .models import WidgetOrigin
from .origins import LOCAL, may_be_local

META = "loyalty-verification"
FILE = "/.well-known/loyalty-verification.txt"


class NotProven(Exception):
    """The message says what was looked at and what was there."""


class Meta(HTMLParser):
    """The contents of the page's meta tags of our name."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        named = dict(attributes)
        if tag == "meta" and (named.get("name") or "").lower() == META:
            self.found.append((named.get("content") or "").strip())


def is_local(origin: str) -> bool:
    host = urlsplit(origin).hostname or ""
    return host in LOCAL or f"[{host}]" in LOCAL


def verify(row: WidgetOrigin, store: Store) -> str:
    """How it is proven: "local", "file" or "meta". Raises NotProven. Asks the address, so call it without locks."""
    if is_local(row.origin):
        if not may_be_local(store):
            raise NotProven("An address of your own computer works while trying things out only.")
        return "local"
    problems = []
    for way, look in (("file", in_file), ("meta", in_page)):
        try:
            if look(row):
                return way
            problems.append({"file": "the file does not say it", "meta": "the first page has no such tag"}[way])
        except (outgoing.BadAddress, outgoing.NoAnswer) as error:
            raise NotProven(f"{row.origin} could not be asked: {error}") from error
    raise NotProven(f"{row.origin} answered, but {' and '.join(problems)}. Check the address and try again.")


def in_file(row: WidgetOrigin) -> bool:
    answer = outgoing.send("GET", row.origin + FILE, limits=outgoing.SHOP)
    return answer.status == 200 and answer.body[:1000].decode("utf-8", "replace").strip() == row.challenge


def in_page(row: WidgetOrigin) -> bool:
    answer = outgoing.send("GET", row.origin + "/", limits=outgoing.SHOP)
    page = Meta()
    page.feed(answer.body.decode("utf-8", "replace"))
    return answer.status == 200 and row.challenge in page.found


def stamp(row: WidgetOrigin, way: str) -> None:
    row.verified_at, row.verified_by = timezone.now(), way
    row.save(update_fields=["verified_at", "verified_by"])
