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
    re_path(r"^v2/whoami/?$", views.WhoAmI.as_view(), name="whoami"),
    re_path(r"^v2/sites/?$", views.Sites.as_view(), name="sites"),
    re_path(r"^v2/", views.Unknown.as_view(), name="unknown"),
]
