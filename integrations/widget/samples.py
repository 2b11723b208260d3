"""What the install page shows to copy: the tag, and how to sign it in four languages."""

from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.urls import reverse

from loyalty.stores.models import Store

from .models import Widget

FOLDER = Path(__file__).parent / "servers"


@dataclass(frozen=True, slots=True)
class Server:
    language: str
    file: str

    @property
    def code(self) -> str:
        return (FOLDER / self.file).read_text().strip()


SERVERS = [
    Server("PHP", "sign.php"), Server("Python", "sign.py"), Server("Node.js", "sign.js"), Server("Ruby", "sign.rb"),
]  # fmt: skip

SNIPPET = """<div id="lootly-widget" class="lootly-init"
     data-provider="{site}"
     data-api-key="{key}"
     data-shop-domain="{domain}"
     data-customer-id="CUSTOMER_ID"
     data-customer-signature="SIGNATURE"></div>
<script async src="{site}{script}"></script>"""


def snippet(store: Store, widget: Widget) -> str:
    return SNIPPET.format(
        site=settings.SITE_URL, key=widget.key, domain=store.domain or "shop.example",
        script=reverse("widget:script", args=["common"]),
    )  # fmt: skip
