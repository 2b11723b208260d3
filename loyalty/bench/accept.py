"""POST of one activity on the native API, against a bare view with one INSERT under the same server."""

import json
from collections.abc import Iterator

from uuid_utils.compat import uuid7

from loyalty.stores.models import ApiKey

from .client import post, requests_per_second
from .report import per_second
from .servers import granian
from .stock import CUSTOMERS, open_store, owner

SECONDS = 5.0

FLOOR = """
CREATE SCHEMA IF NOT EXISTS floor;
DROP TABLE IF EXISTS floor.activity;
CREATE TABLE floor.activity (LIKE public.earning_activity INCLUDING ALL);
GRANT USAGE ON SCHEMA floor TO loyalty_app;
GRANT INSERT, SELECT ON floor.activity TO loyalty_app;
"""


def run(rounds: int) -> Iterator[str]:
    store = open_store("accept")
    _, key = ApiKey.issue(store, "bench")
    with owner() as owning:
        owning.execute(FLOOR)
        owning.execute("ANALYZE")
    ours, floor = [], []
    with granian("loyalty.wsgi:application") as product, granian("loyalty.bench.floor:application") as bare:
        for _ in range(rounds):
            ours.append(requests_per_second(product, activity(product, "/api/v1/activities", key), SECONDS, (201,)))
            floor.append(requests_per_second(bare, activity(bare, "/accept", key), SECONDS, (201,)))
    yield per_second("accept: POST activity / bare view, one INSERT", ours, floor, 0.5)


def activity(url: str, path: str, key: str):
    run_id = uuid7().hex[-12:]

    def request(number: int) -> bytes:
        body = {
            "action": "bench", "customer": {"external_id": f"c{number % CUSTOMERS}"},
            "external_id": f"{run_id}-{number}", "properties": {"page": "/guide", "seconds": 12},
        }  # fmt: skip
        return post(url, path, key, json.dumps(body).encode())

    return request
