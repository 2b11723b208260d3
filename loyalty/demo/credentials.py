"""The demo store's keys on every wire, as `demo.json` holds them for the README's calls."""

from typing import Any

from integrations import connections, registry
from integrations.dialects.loyaltylion import authentication as loyaltylion
from integrations.dialects.openloyalty import credentials as openloyalty
from loyalty.stores.models import ApiKey, Store, User

from .programme import CUSTOM_ACTION, CUSTOM_RULE


def issue(store: Store, owner: User, password: str, url: str) -> dict[str, Any]:
    """Connect the store to each wire and make its keys. This is the only time that they are known in clear."""
    lootly, lootly_secret = connections.connect(store, registry.get("lootly"))
    lion, lion_secret = connections.connect(store, registry.get("loyaltylion"))
    loyal, _ = connections.connect(store, registry.get("openloyalty"))
    return {
        "url": url,
        "email": owner.email,
        "password": password,
        "store": store.slug,
        "native": {"key": ApiKey.issue(store, "README", user=owner)[1]},
        "lootly": {
            "key": lootly.key,
            "secret": lootly_secret,
            "action_id": store.rules.get(action=f"custom:{CUSTOM_ACTION}").action_id,
        },
        "loyaltylion": {
            "token": lion.key,
            "secret": lion_secret,
            "bearer": loyaltylion.issue_key(lion, "README")[1],
            "custom_rule": CUSTOM_RULE,
        },
        "openloyalty": {
            "login": owner.email,
            "password": password,
            "api_key": openloyalty.issue_key(owner, "README", loyal)[1],
            "store_code": store.slug,
        },
    }
