"""How this wire names what customers do, and what we call it.

`$word` means a built-in action; `word` alone the store's custom action of that name, else the built-in.
"""

import hashlib
from dataclasses import dataclass

from earning.models import Activity, EarningRule
from loyalty.stores.models import Store

SIGN_UP = "sign_up"
CLICKTHROUGH = "clickthrough"
# Their word -> our action. Those that we have no rules for are kept all the same.
BUILT_IN = {"signup": SIGN_UP, "join_program": SIGN_UP, "visit": "visit", "pageview": "visit"} | {
    word: word
    for word in (
        CLICKTHROUGH, "review", "birthday", "newsletter_signup", "loyalty_pass_install", "facebook_like",
        "twitter_follow", "instagram_follow", "instagram_mention", "instagram_post_hashtag", "tiktok_follow",
        "tiktok_post_hashtag",
    )
}  # fmt: skip
OF_ORDERS = {"purchase", "product_purchase", "collection_purchase", "retail_purchase", "referral"}
WORDS = {SIGN_UP: "signup"}  # our kind -> their word, where they differ

LONGEST = Activity._meta.get_field("action").max_length
DIGEST = 32
GUEST = "guest:"


@dataclass(frozen=True, slots=True)
class Name:
    """A name as it came."""

    text: str

    @property
    def word(self) -> str:
        return self.text.removeprefix("$")

    @property
    def custom(self) -> str | None:
        """The action if a custom rule is meant, which `$` rules out."""
        return None if self.text.startswith("$") else shortened(f"custom:{self.text}")

    @property
    def built_in(self) -> str | None:
        return BUILT_IN.get(self.word)

    @property
    def is_of_orders(self) -> bool:
        return self.word in OF_ORDERS

    def action(self, store: Store) -> str | None:
        """What to record. None: only orders make these."""
        is_taken = self.built_in or self.is_of_orders
        if self.custom and (not is_taken or store.rules.filter(kind="custom", action=self.custom).exists()):
            return self.custom
        if self.is_of_orders:
            return None
        return self.built_in or shortened(f"builtin:{self.word}")

    def actions(self) -> list[str]:
        """All that an activity told under this name may have been recorded as, the likeliest first."""
        found = [action for action in (self.custom, self.built_in) if action]
        if not found and not self.is_of_orders:
            found = [shortened(f"builtin:{self.word}")]
        return found + [by_guest(action) for action in found]


def by_guest(action: str) -> str:
    """An action that no rule is for: it was a guest's, and guests do not earn by it."""
    return shortened(GUEST + action)


def shortened(action: str) -> str:
    """Long names keep their beginning and a digest of the whole, so that none is taken for another."""
    if len(action) <= LONGEST:
        return action
    digest = hashlib.sha256(action.encode()).hexdigest()[:DIGEST]
    return f"{action[: LONGEST - 1 - DIGEST]}~{digest}"


def of_rule(rule: EarningRule) -> str:
    return rule.identifier or f"${WORDS.get(rule.kind, rule.kind)}"
