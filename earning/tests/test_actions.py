"""What the kinds of earning action say of themselves."""

import pytest

from earning.actions import KINDS, Social

VERBS = {"Like": "liking", "Share": "sharing", "Follow": "following", "Subscribe": "subscribing"}


@pytest.mark.parametrize(
    "kind", [kind for kind in KINDS.values() if isinstance(kind, Social)], ids=lambda kind: kind.key
)
def test_a_social_kind_helps_in_the_words_of_its_own_deed(kind):
    assert VERBS[kind.label.split()[0]] in kind.help
