"""The spending cast: a reward and codes to hand out."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from loyalty.stores.models import Store
from spending import rewarding
from spending.models import CodePool, CouponCode, CouponImport, Reward


@pytest.fixture
def add_reward(store) -> Callable[..., Reward]:
    """add_reward(), add_reward("percentage", points=300): a live reward with generated codes unless told otherwise."""

    def add(
        kind: str = "fixed_amount", *, of: Store = store, settings: dict[str, Any] | None = None, **values
    ) -> Reward:
        values = {"name": "5 off", "points": 500, "code_source": "generated"} | values
        values["points"] = Decimal(values["points"])
        return rewarding.create(
            of, kind, actor="test", settings=rewarding.clean_settings(kind, settings or {}), **values
        )

    return add


@pytest.fixture
def add_codes(store) -> Callable[..., list[CouponCode]]:
    """add_codes(pool, 3): free codes C1, C2, C3."""

    def add(pool: CodePool, count: int = 1, start: int = 1, **fields) -> list[CouponCode]:
        batch = CouponImport.objects.create(
            store=pool.store, pool=pool, state="done", file_name="codes.csv", digest=b"", due_at=None
        )
        return CouponCode.objects.bulk_create(
            [
                CouponCode(store=pool.store, pool=pool, coupon_import=batch, code=f"C{n}", **fields)
                for n in range(start, start + count)
            ]
        )

    return add
