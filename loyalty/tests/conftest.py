import shutil
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from loyalty.tests.one_of_each import theirs  # noqa: F401
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


@pytest.fixture
def open_page(chromium, live_server) -> Iterator[Callable[..., Page]]:
    """Pages of a browser in which nothing may be refused by the policy and no script may fail."""
    complaints: list[str] = []
    contexts = []

    def opened(**options) -> Page:
        usual = {"base_url": live_server.url, "viewport": {"width": 1280, "height": 900}}
        context = chromium.new_context(**(usual | options))
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(8000)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda line: complaints.append(line.text) if line.type == "error" else None)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert complaints == []
