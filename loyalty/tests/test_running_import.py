"""Codes imported with everything running, as a shop's own program would: by the API, while the worker is killed."""

import json
import socket
import time
import urllib.request
from typing import Any

import pytest

from conftest import open_store
from loyalty.stores.models import ApiKey
from loyalty.stores.tenancy import acting_for
from loyalty.tests.running import Product, wait_until
from loyalty.wsgi import MOST_TAKEN
from spending.models import CodePool, CouponImport

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.faults]

ROWS = 200_000
PATIENCE = 120


class Shop:
    def __init__(self, product: Product) -> None:
        self.product, self.store = product, open_store("acme")
        _, self.key = ApiKey.issue(self.store, "Web shop")
        with acting_for(self.store.pk):
            self.pool = CodePool.objects.create(store=self.store, name="Five off")

    @property
    def imports(self) -> str:
        return f"/api/v1/code-pools/{self.pool.public_id}/imports"

    def call(self, path: str, body: bytes | None = None, kind: str = "application/json") -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": kind}
        request = urllib.request.Request(self.product.url + path, body, headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read())

    def row(self) -> CouponImport:
        with acting_for(self.store.pk):
            return CouponImport.objects.get()

    def is_at(self, state: str) -> bool:
        return self.row().state == state


@pytest.fixture
def shop(product) -> Shop:
    product.start()
    return Shop(product)


def test_an_import_survives_its_worker_while_the_site_answers(shop):
    file = b"".join(b"CODE-%08d\n" % number for number in range(ROWS))
    address = f"/api/v1/code-imports/{shop.call(shop.imports, file, 'text/csv')['id']}"
    wait_until(lambda: shop.is_at("checked"), PATIENCE, "the file is checked")
    assert shop.call(address)["new"] == ROWS
    shop.call(f"{address}/confirm", b"")
    wait_until(lambda: shop.row().loaded > 0, PATIENCE, "codes come in")
    shop.product.kill_worker()
    slowest = 0.0
    while not shop.is_at("done"):
        began = time.monotonic()
        shop.call(f"/api/v1/code-pools/{shop.pool.public_id}")
        slowest = max(slowest, time.monotonic() - began)
        time.sleep(0.2)
    assert shop.row().loaded == ROWS
    with acting_for(shop.store.pk):
        assert shop.pool.codes.count() == ROWS
    assert slowest < 5


def test_two_gigabytes_are_refused_by_what_they_announce(shop):
    head = (
        f"POST {shop.imports} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {shop.key}\r\n"
        f"Content-Type: text/csv\r\nContent-Length: {2 << 30}\r\n"
    )
    for more, sent in (("Expect: 100-continue\r\n", 0), ("", MOST_TAKEN)):  # who asks first, and who just sends
        with socket.create_connection(("127.0.0.1", shop.product.port), timeout=20) as line:
            line.sendall(f"{head}{more}\r\n".encode())
            for _ in range(sent >> 20):
                line.sendall(b"CODE-12\n" * (1 << 17))
            assert b" 413 " in line.recv(4096).split(b"\r\n")[0]
    with acting_for(shop.store.pk):
        assert not CouponImport.objects.exists()
