from django.urls import re_path

from . import views

app_name = "lootly"

urlpatterns = [
    re_path(r"^(?P<integration>[^/]+)/(?P<event>[A-Za-z0-9_.-]{1,60})/?$", views.receive, name="receive"),
    re_path("", views.unknown, name="unknown"),
]
