"""Where a store's widget may be shown: exact origins, each known to be the store's own."""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from django.conf import settings
from django.db.models import Q
from django.http import HttpRequest

from integrations.models import Connection
from loyalty.stores.models import Store

from .models import WidgetOrigin

LOCAL = {"127.0.0.1", "localhost", "[::1]"}
HOST = re.compile(r"(?=.{1,253}\Z)[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?)+")


class NotAnOrigin(ValueError):
    """The message says what is wrong with it."""


def origin_of(address: str, *, is_local_fine: bool = False) -> str:
    """ "https://Shop.example/any/page" is "https://shop.example". Raises NotAnOrigin.

    Plain http is for the own computer only.
    """
    try:
        parts = urlsplit(address.strip() if "://" in address else f"https://{address.strip()}")
        host, port = (parts.hostname or "").encode("idna").decode().lower(), parts.port
    except (ValueError, UnicodeError) as error:
        raise NotAnOrigin("This is not an address. Write it like https://shop.example.") from error
    host = f"[{host}]" if ":" in host else host
    if "@" in parts.netloc or not (HOST.fullmatch(host) or host in LOCAL):
        raise NotAnOrigin("This is not an address. Write it like https://shop.example.")
    if host in LOCAL and not is_local_fine:
        raise NotAnOrigin("An address of your own computer works while trying things out only, not here.")
    if parts.scheme != "https" and not (parts.scheme == "http" and host in LOCAL):
        raise NotAnOrigin("Use an address that begins with https://. Others could be changed on the way.")
    is_usual = port in (None, 443 if parts.scheme == "https" else 80)
    return f"{parts.scheme}://{host}{'' if is_usual else f':{port}'}"


def may_be_local(store: Store) -> bool:
    return settings.DEBUG or store.is_demo


def own_origin(request: HttpRequest) -> str:
    return f"{request.scheme}://{request.get_host()}"


def verified(store: Store, request: HttpRequest) -> list[str]:
    """The store's own domain, the addresses that its shops gave us, those it proved, and for the demo ours."""
    found = [*from_domain(store), *from_shops(store)]
    found += store.widget_origins.exclude(verified_at=None).values_list("origin", flat=True)
    if store.is_demo:
        found.append(own_origin(request))
    return list(dict.fromkeys(found))


def from_domain(store: Store) -> Iterator[str]:
    """Who runs a domain runs its www."""
    host = store.domain.strip().lower()
    for name in (host, f"www.{host}") if host and not host.startswith("www.") else (host,):
        if name:
            yield from readable(name)


def from_shops(store: Store) -> Iterator[str]:
    """What a shop said when the app was installed; another host there has waited for the owner's word."""
    for chosen in store.connections.filter(is_enabled=True).values_list("settings", flat=True):
        yield from readable(str(chosen.get("endpoints", {}).get("shop_url") or ""))


def readable(address: str) -> Iterator[str]:
    try:
        yield origin_of(address)
    except NotAnOrigin:
        return


def is_of_anyone(origin: str, request: HttpRequest) -> bool:
    """For the question that a browser asks before a call, which names no store: may this origin ask at all?"""
    if WidgetOrigin.objects.filter(origin=origin).exclude(verified_at=None).exists():
        return True
    try:
        host = urlsplit(origin_of(origin)).netloc
    except NotAnOrigin:
        return origin == own_origin(request) and Store.objects.filter(is_demo=True).exists()
    stores = Store.objects.filter(Q(domain__iexact=host) | Q(domain__iexact=host.removeprefix("www.")))
    return any(origin in verified(store, request) for store in stores) or is_of_a_shop(origin)


def is_of_a_shop(origin: str) -> bool:
    shops = Connection.objects.filter(is_enabled=True, settings__endpoints__shop_url__startswith=origin)
    return any(origin in from_shops(shop.store) for shop in shops.select_related("store"))
