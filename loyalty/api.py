"""The native API on one screen: every address, what each method does, and who answers."""

from django.urls import URLPattern, path, re_path
from drf_spectacular.views import SpectacularAPIView

from customers.api import AdjustmentViewSet, BalanceViewSet, EntryViewSet
from earning.api import ActivityViewSet, JoiningViewSet
from earning.fast_lane import with_fast_lane
from earning.order_api import OrderViewSet
from earning.rule_api import RuleKindViewSet, RuleViewSet
from loyalty.api_docs import ApiDocsView
from loyalty.erasing_api import ErasingViewSet
from loyalty.stores.problems import unknown_path
from spending.api import RedemptionViewSet
from spending.coupon_api import CodeViewSet, ImportViewSet, PoolViewSet
from spending.reward_api import RewardKindViewSet, RewardViewSet


def route(address: str, viewset: type, **actions: str) -> URLPattern:
    return path(address, viewset.as_view(actions))


# `path` parts may hold slashes, as shops' ids do; so the longer address comes first.
urlpatterns = [
    route("customers", JoiningViewSet, get="list", post="create"),
    route("customers/<path:reference>/balance", BalanceViewSet, get="retrieve"),
    route("customers/<path:reference>/entries", EntryViewSet, get="statement"),
    route("customers/<path:reference>/enrol", JoiningViewSet, post="enrol"),
    route("customers/<path:reference>/export", ErasingViewSet, get="export"),
    route("customers/<path:reference>/erase", ErasingViewSet, post="erase"),
    route("customers/<path:reference>", JoiningViewSet, get="retrieve", patch="partial_update"),
    route("balances", BalanceViewSet, get="list"),
    route("ledger-entries", EntryViewSet, get="list"),
    route("adjustments", AdjustmentViewSet, post="create"),
    path("activities", with_fast_lane(ActivityViewSet.as_view({"get": "list", "post": "create"}))),
    route("activities/batch", ActivityViewSet, post="batch"),
    route("activities/<uuid:public_id>", ActivityViewSet, get="retrieve"),
    route("activities/<uuid:public_id>/approve", ActivityViewSet, post="approve"),
    route("activities/<uuid:public_id>/decline", ActivityViewSet, post="decline"),
    route("activities/<uuid:public_id>/void", ActivityViewSet, post="void"),
    route("orders", OrderViewSet, post="create"),
    route("orders/<path:external_id>/refunds", OrderViewSet, post="refund"),
    route("orders/<path:external_id>/cancel", OrderViewSet, post="cancel"),
    route("orders/<path:external_id>", OrderViewSet, get="retrieve"),
    route("rules", RuleViewSet, get="list", post="create"),
    route("rules/<uuid:public_id>", RuleViewSet, get="retrieve", patch="partial_update"),
    route("rules/<uuid:public_id>/enable", RuleViewSet, post="enable"),
    route("rules/<uuid:public_id>/disable", RuleViewSet, post="disable"),
    route("rule-kinds", RuleKindViewSet, get="list"),
    route("rewards", RewardViewSet, get="list", post="create"),
    route("rewards/<uuid:public_id>", RewardViewSet, get="retrieve", patch="partial_update"),
    route("rewards/<uuid:public_id>/enable", RewardViewSet, post="enable"),
    route("rewards/<uuid:public_id>/disable", RewardViewSet, post="disable"),
    route("reward-kinds", RewardKindViewSet, get="list"),
    route("redemptions", RedemptionViewSet, get="list", post="create"),
    route("redemptions/check", RedemptionViewSet, post="check"),
    route("redemptions/<uuid:public_id>", RedemptionViewSet, get="retrieve"),
    route("redemptions/<uuid:public_id>/cancel", RedemptionViewSet, post="cancel"),
    route("redemptions/<uuid:public_id>/use", RedemptionViewSet, post="use"),
    route("code-pools", PoolViewSet, get="list", post="create"),
    route("code-pools/<uuid:public_id>", PoolViewSet, get="retrieve", patch="partial_update"),
    route("code-pools/<uuid:public_id>/codes", CodeViewSet, get="list"),
    route("code-pools/<uuid:public_id>/codes.csv", CodeViewSet, get="export"),
    route("code-pools/<uuid:public_id>/imports", ImportViewSet, get="list", post="create"),
    route("code-imports/<uuid:public_id>", ImportViewSet, get="retrieve"),
    route("code-imports/<uuid:public_id>/not-usable.csv", ImportViewSet, get="flaws"),
    route("code-imports/<uuid:public_id>/read-as", ImportViewSet, post="read_as"),
    route("code-imports/<uuid:public_id>/confirm", ImportViewSet, post="confirm"),
    route("code-imports/<uuid:public_id>/cancel", ImportViewSet, post="cancel"),
    route("code-imports/<uuid:public_id>/undo", ImportViewSet, post="undo"),
    path("schema", SpectacularAPIView.as_view(), name="api_schema"),
    path("docs", ApiDocsView.as_view(), name="api_docs"),
    re_path("", unknown_path),
]
