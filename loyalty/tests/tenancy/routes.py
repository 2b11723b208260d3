"""Every route of the product, and what stands in the place-holders of each.

A route whose place-holder is not told of here fails the build.
"""

import re
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db.models import Model, Q
from django.urls import get_resolver, resolve

from integrations.dialects.openloyalty.rendering import wallet_id

Objects = SimpleNamespace  # one object of each kind, of one store; see one_of_each.py


def routes(resolver: Any = None, prefix: str = "") -> Iterator[str]:
    for pattern in (resolver or get_resolver()).url_patterns:
        path = prefix + str(pattern.pattern)
        if hasattr(pattern, "url_patterns"):
            yield from routes(pattern, path)
        else:
            yield path


def below(prefix: str) -> list[str]:
    return sorted(path for path in dict.fromkeys(routes()) if path.startswith(prefix))


def public_id_of(name: str) -> Callable[[Objects], Any]:
    return lambda objects: getattr(objects, name).public_id


def key_of(name: str) -> Callable[[Objects], Any]:
    return lambda objects: getattr(objects, name).pk


# By the route's start, the longest that fits: what each place-holder means.
PAGES: dict[str, dict[str, Callable[[Objects], Any] | str]] = {
    "": {"slug": lambda objects: objects.store.slug},
    "earning": {"public_id": public_id_of("rule"), "kind": "custom"},
    "activity": {"public_id": public_id_of("activity")},
    "activity/facts": {"pk": key_of("fact")},
    "attention": {"public_id": public_id_of("item")},
    "customers": {"public_id": public_id_of("customer"), "seq": "1"},
    "redemptions": {"public_id": public_id_of("redemption")},
    "redemptions/add": {"customer": public_id_of("customer"), "reward": public_id_of("reward")},
    "spending": {"public_id": public_id_of("reward"), "kind": "fixed_amount"},
    "spending/codes": {"public_id": public_id_of("pool")},
    "spending/codes/imports": {"public_id": public_id_of("coupon_import")},
    "settings/keys": {"pk": key_of("key")},
    "settings/people": {"pk": key_of("member")},
    "display/domains": {"pk": key_of("origin")},
    "display/install/secrets": {"pk": key_of("secret")},
    "integrations": {"public_id": public_id_of("connection"), "dialect": "lootly"},
    "integrations/calls": {"pk": key_of("call")},
    "integrations/<uuid:public_id>/keys": {"pk": key_of("token")},
}
API: dict[str, dict[str, Callable[[Objects], Any] | str]] = {
    "customers": {"reference": public_id_of("customer")},
    "activities": {"public_id": public_id_of("activity")},
    "orders": {"external_id": lambda objects: objects.order_id},
    "rules": {"public_id": public_id_of("rule")},
    "rewards": {"public_id": public_id_of("reward")},
    "redemptions": {"public_id": public_id_of("redemption")},
    "code-pools": {"public_id": public_id_of("pool")},
    "code-imports": {"public_id": public_id_of("coupon_import")},
}
PLACES = {
    **{f"s/<slug:slug>/{start}": places for start, places in PAGES.items()},
    **{f"api/v1/{start}": places for start, places in API.items()},
    "images/": {"slug": lambda objects: objects.store.slug, "public_id": public_id_of("image")},
    "admin/": {
        "object_id": lambda objects: objects.store.pk, "app_label": "customers", "url": "nothing-here",
        "content_type_id": lambda objects: ContentType.objects.get_for_model(objects.customer).pk,
    },
    "accounts/": {"key": "x", "uidb36": "1", "pk": "1"},
    "js/": {"integration": "common"},
    "widget/": {"digest": "x", "name": "panel.js"},
    "integrations/webhooks/": {"integration": "common", "event": "rewards-list"},
    "^v2/": {
        "name": "leave_a_tip", "merchant_id": lambda objects: objects.activity.external_id,
        "claimed_reward_id": key_of("redemption"),
    },
    "^v2/customers/": {"merchant_id": lambda objects: objects.customer.external_id},
    "api/": {
        "code": lambda objects: objects.store.slug, "what": "timezone", "member": public_id_of("customer"),
        "wallet": lambda objects: wallet_id(objects.customer), "event_type": lambda objects: objects.schema.event_type,
        "event": public_id_of("event"), "admin_id": lambda objects: objects.admin_id, "key_id": public_id_of("token"),
    },
}  # fmt: skip
HOLDER = re.compile(r"<\w+:(\w+)>|\(\?P<(\w+)>(?:[^()]|\([^()]*\))*\)")
# These name no object of a store, or one of the asker's own: a shop's ids are its own names for things.
NO_FOREIGN_OBJECT = {
    "slug", "code", "kind", "dialect", "integration", "what", "url", "app_label", "digest", "name", "event_type",
    "external_id", "merchant_id",
}  # fmt: skip


def filled(route: str, objects: Objects, slug: str = "") -> str:
    """An address of the route, that names these objects; `slug`: by way of another store's address."""

    def value_of(found: re.Match[str]) -> str:
        name = found[1] or found[2]
        if slug and name in ("slug", "code"):
            return slug
        value = place(route, name)
        return str(value(objects) if callable(value) else value)

    path = HOLDER.sub(value_of, admin_filled(route, objects))
    path = re.sub(r"\(\?:(\w+)\|[^)]*\)", r"\1", path)
    return "/" + re.sub(r"\(\?![^)]*\)*|\)\)|[\^$?]|\\Z", "", path)


def place(route: str, name: str) -> Any:
    fitting = sorted((start for start in PLACES if route.startswith(start)), key=len, reverse=True)
    value = next((PLACES[start][name] for start in fitting if name in PLACES[start]), None)
    assert value is not None, f"{route}: say in PLACES what “{name}” is"
    return value


def names_an_object(route: str) -> bool:
    """Of a store, beside the store itself."""
    return bool({found[1] or found[2] for found in HOLDER.finditer(route)} - NO_FOREIGN_OBJECT)


def admin_filled(route: str, objects: Objects) -> str:
    model = admin_model(route)
    if model is None or "<path:object_id>" not in route:
        return route
    return route.replace("<path:object_id>", str(row_of(model, objects).pk))


def admin_model(route: str) -> type[Model] | None:
    """Whose pages of the support admin these are."""
    found = re.match(r"admin/(\w+)/(\w+)/", route)
    match = found and resolve(f"/admin/{found[1]}/{found[2]}/")
    view = match and getattr(match.func, "model_admin", None)
    return view.model if view else None


def row_of(model: type[Model], objects: Objects) -> Model:
    """A row of the store, or of who works there."""
    fields = {field.name for field in model._meta.fields}
    if model is type(objects.store):
        return objects.store
    if model is type(objects.member.user):
        return objects.member.user
    chosen = Q(store=objects.store) if "store" in fields else Q(user=objects.member.user)
    row = model._base_manager.filter(chosen).first()
    assert row, f"{model.__name__} is in the support admin: let one_of_each.py make one"
    return row
