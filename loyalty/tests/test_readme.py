"""The README's calls work as they stand, each pasted alone, and say what they are worth."""

import json
import os
import re
import subprocess
from decimal import Decimal
from pathlib import Path

import pytest
from django.core.management import call_command

from conftest import see
from loyalty.local.state import ROOT
from loyalty.stores.models import Store
from loyalty.tests.running import wait_until

BLOCKS = re.findall(r"```bash\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
# Ada's balance and pending points after each block, and Grace's balance.
AFTERWARDS = [
    (40, 0, 0),  # an order
    (65, 0, 0),  # a custom action
    (140, 0, 0),  # LoyaltyLion: told, then approved
    (140, 0, 260),  # Open Loyalty: a member and a custom event
    (190, 300, 260),  # native: a newsletter, and a review that waits
    (190, 300, 260),  # reads
    (177, 300, 260),  # a third of the order is refunded
    (150, 300, 260),  # and the rest
    (150, 300, 260),  # what Grace may take
    (150, 300, 10),  # free shipping
    (150, 300, 30),  # an order that uses its code
    (150, 300, 260),  # which is refunded: what the code cost comes back
]


@pytest.fixture
def demo(product, tmp_path, settings) -> Store:
    settings.SITE_URL = product.url
    # Not the tests' quick hash: the web server, another process, checks the password.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.PBKDF2PasswordHasher"]
    call_command("seed_demo", state=tmp_path, customers=10)
    store = Store.objects.get(slug="demo")
    see(store)
    return store


def paste(block: str, state: Path, curlrc: str = "") -> str:
    """Into a shell of its own, in the checkout. Returns what it printed."""
    (state / ".curlrc").write_text(curlrc)
    shell = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block],
        cwd=ROOT, env=os.environ | {"LOYALTY_STATE": str(state), "CURL_HOME": str(state)},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert shell.returncode == 0, f"{block}\n{shell.stdout}\n{shell.stderr}"
    return shell.stdout


def answers(printed: str) -> list[dict]:
    """One JSON text after the other, as several calls print them."""
    found = []
    while printed := printed.strip():
        answer, end = json.JSONDecoder().raw_decode(printed)
        found.append(answer)
        printed = printed[end:]
    return found


def standing(store: Store) -> tuple[Decimal, Decimal, Decimal]:
    wallets = {wallet.customer.email: wallet for wallet in store.wallets.select_related("customer")}
    ada, grace = wallets.get("ada@example.org"), wallets.get("grace@example.org")
    return (ada.balance if ada else 0, ada.pending if ada else 0, grace.balance if grace else 0)


def test_each_call_of_the_readme_shows_its_points_and_again_changes_nothing(demo, tmp_path):
    for block, expected in zip(BLOCKS, AFTERWARDS, strict=True):
        printed = paste(block, tmp_path, "fail")
        wait_until(lambda: standing(demo) == expected, 60, f"{expected}\n{block}\n{printed}")  # noqa: B023
    entries = demo.entries.count()
    printed = [paste(block, tmp_path) for block in BLOCKS]
    read = answers(printed[5])[0]
    assert (read["balance"], read["pending"]) == ("150", "300")
    wait_until(lambda: not demo.activities.exclude(due_at=None).exists(), 60, "all is applied")
    assert (standing(demo), demo.entries.count()) == (AFTERWARDS[-1], entries)
    [taken] = answers(printed[-1])[-1]["data"]
    assert (taken["state"], taken["order"]["external_id"]) == ("cancelled", "readme-8")
    call_command("check_ledger", store="demo")
