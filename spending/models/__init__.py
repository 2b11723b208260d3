"""What points buy, the codes handed out for it, and each taking of it."""

from .codes import CODE_LENGTH, CodePool, CouponCode, CouponImport, CouponImportPart, code_key, code_keys
from .redemptions import Fulfilment, Redemption
from .rewards import Reward, RewardImage, RewardVersion

__all__ = [
    "CODE_LENGTH", "CodePool", "CouponCode", "CouponImport", "CouponImportPart", "Fulfilment", "Redemption", "Reward",
    "RewardImage", "RewardVersion", "code_key", "code_keys",
]  # fmt: skip
