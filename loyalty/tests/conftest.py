from collections.abc import Iterator

import pytest

from loyalty.tests.running import Product, running


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "faults: kills running processes; the quick size is part of every run")


@pytest.fixture
def product(transactional_db, tmp_path) -> Iterator[Product]:
    """Web, worker and beat on the test's database."""
    with running(tmp_path / "state") as product:
        yield product
