"""Opening a store: the row, an address of its own, and its first owner."""

from typing import Any

from django.utils.text import slugify

from .models import RESERVED_SLUGS, StaffMember, Store, User


def open_store(user: User, name: str, **fields: Any) -> Store:
    """Make a store that `user` owns. `fields` are those of Store; without a slug one is derived from the name."""
    fields.setdefault("slug", free_slug(name))
    store = Store.objects.create(name=name, **fields)
    StaffMember.objects.create(store=store, user=user, role=StaffMember.Role.OWNER)
    return store


def free_slug(name: str) -> str:
    """A short address from the name that nobody has: "acme", then "acme-2"."""
    stem = slugify(name)[:40].strip("-_").replace("_", "-")
    stem = stem if len(stem) > 1 else "my-store"
    taken = set(Store.objects.filter(slug__startswith=stem).values_list("slug", flat=True)) | RESERVED_SLUGS
    number = 1
    slug = stem
    while slug in taken:
        number += 1
        slug = f"{stem}-{number}"
    return slug
