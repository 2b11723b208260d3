"""How points are earned, what customers did, and what it was worth."""

from .activities import Activity
from .orders import Order, OrderFact
from .rules import MAX_POINTS, EarningRule, EarningRuleVersion

__all__ = ["MAX_POINTS", "Activity", "EarningRule", "EarningRuleVersion", "Order", "OrderFact"]
