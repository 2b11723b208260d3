import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from loyalty.tests.running import Product, running


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "faults: kills running processes; the quick size is part of every run")


@pytest.fixture
def product(transactional_db, tmp_path) -> Iterator[Product]:
    """Web, worker and beat on the test's database."""
    with running(tmp_path / "state") as product:
        yield product


@pytest.fixture(scope="module")
def running_product(django_db_setup, tmp_path_factory) -> Iterator[Product]:
    """The same for several tests, which each find empty tables."""
    with running(tmp_path_factory.mktemp("product") / "state") as product:
        yield product


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")  # Playwright's own loop runs in this thread
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        yield browser
        browser.close()
