from django.urls import re_path

from . import views

app_name = "loyaltylion"

urlpatterns = [
    # Old PHP clients say “events”.
    re_path(r"^v2/(?:activities|events)/?$", views.Activities.as_view(), name="activities"),
    # A merchant_id may hold slashes.
    re_path(
        r"^v2/(?:activities|events)/(?P<name>[^/]+)/(?P<merchant_id>.+)$",
        views.ActivityState.as_view(),
        name="activity",
    ),
    re_path(r"^v2/rewards/?$", views.Rewards.as_view(), name="rewards"),
    re_path(
        r"^v2/customers/(?P<merchant_id>.+)/available_rewards/?$",
        views.AvailableRewards.as_view(),
        name="available_rewards",
    ),
    re_path(
        r"^v2/customers/(?P<merchant_id>.+)/claimed_rewards/?$", views.ClaimedRewards.as_view(), name="claimed_rewards"
    ),
    re_path(
        r"^v2/customers/(?P<merchant_id>.+)/claimed_rewards/(?P<claimed_reward_id>[0-9]+)/refund/?$",
        views.ClaimedRewardRefund.as_view(),
        name="claimed_reward_refund",
    ),
    re_path(r"^v2/whoami/?$", views.WhoAmI.as_view(), name="whoami"),
    re_path(r"^v2/sites/?$", views.Sites.as_view(), name="sites"),
    re_path(r"^v2/", views.Unknown.as_view(), name="unknown"),
]
