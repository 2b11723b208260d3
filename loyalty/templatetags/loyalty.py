"""How pages write numbers, money, moments and states; and the few pieces of markup they share."""

from datetime import UTC, datetime

from babel.dates import format_timedelta
from django import template
from django.templatetags.static import static
from django.utils import timezone
from django.utils.html import format_html

from earning import phrases
from loyalty import navigation
from loyalty.stores import numbers, sessions
from loyalty.stores.models import Store

register = template.Library()

register.filter(numbers.number)
register.filter(numbers.points)
register.filter(numbers.signed)
register.filter(numbers.money)
register.filter(phrases.came)
register.filter("device", sessions.device_of)


@register.filter
def person(actor: str) -> str:
    """Who did something: a person by their address, else what it was."""
    return {"": "Loyalty", "shop": "your shop", "order": "the order"}.get(actor, actor.removeprefix("user:"))


@register.filter
def fields_in_words(names: list[str]) -> str:
    """The changed fields of a customer. Moments that we note beside a field say nothing to people."""
    return ", ".join(name.replace("_", " ") for name in names if not name.endswith("_at"))


# --- Moments ------------------------------------------------------------------------------------


def _time(moment: datetime, store: Store | None, text: str) -> str:
    local = store.local(moment) if store else moment.astimezone(UTC)
    return format_html(
        '<time datetime="{}" title="{}">{}</time>', moment.isoformat(), local.strftime("%-d %B %Y, %H:%M:%S %Z"), text
    )


@register.filter
def when(moment: datetime | None, store: Store) -> str:
    """In the store's zone; today only the hour, this year without the year. Exact on hover."""
    if moment is None:
        return "–"
    local, today = store.local(moment), store.local(timezone.now())
    if local.date() == today.date():
        return _time(moment, store, local.strftime("Today, %H:%M"))
    return _time(moment, store, local.strftime("%-d %b, %H:%M" if local.year == today.year else "%-d %b %Y"))


@register.filter
def ago(moment: datetime | None, store: Store | None = None) -> str:
    """ "3 minutes ago", "in 2 days"; exact on hover."""
    if moment is None:
        return "never"
    since = moment - timezone.now()
    if abs(since.total_seconds()) < 45:
        return _time(moment, store, "just now")
    return _time(moment, store, format_timedelta(since, add_direction=True, threshold=1.2, locale="en"))


# --- Markup -------------------------------------------------------------------------------------


@register.simple_tag
def icon(name: str, css: str = "") -> str:
    sprite = static("vendor/tabler-icons/icons.svg")
    return format_html(
        '<svg class="icon {}" viewBox="0 0 24 24" aria-hidden="true"><use href="{}#{}"></use></svg>', css, sprite, name
    )


@register.simple_tag
def badge(text: str, tone: str = "", icon_name: str = "") -> str:
    """A state with its word. Tones: good, wait, bad, accent; none is grey."""
    mark = icon(icon_name) if icon_name else ""
    return format_html('<span class="badge{}">{}{}</span>', f" badge-{tone}" if tone else "", mark, text)


@register.inclusion_tag("_copy.html")
def copy_button(text: str, label: str = "Copy", css: str = "") -> dict:
    return {"text": text, "label": label, "css": css}


@register.filter
def initial(text: object) -> str:
    return (str(text).strip()[:1] or "?").upper()


# --- Navigation ---------------------------------------------------------------------------------


@register.simple_tag(takes_context=True)
def navigation_groups(context: template.Context) -> list[dict]:
    request = context["request"]
    return navigation.groups_for(request, request.store)
