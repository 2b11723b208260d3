"""The dashboard's pages; what shops' pages ask for is in public_urls."""

from django.urls import path

from . import views

app_name = "display"

urlpatterns = [
    path("", views.LookView.as_view(), name="look"),
    path("set-up/", views.set_up, name="set_up"),
    path("preview/", views.preview, name="preview"),
    path("texts/", views.TextsView.as_view(), name="texts"),
    path("domains/", views.DomainsView.as_view(), name="domains"),
    path("domains/<int:pk>/verify/", views.origin_verify, name="origin_verify"),
    path("domains/<int:pk>/remove/", views.origin_remove, name="origin_remove"),
    path("install/", views.InstallView.as_view(), name="install"),
    path("install/secrets/", views.secret_create, name="secret_create"),
    path("install/secrets/<int:pk>/retire/", views.secret_retire, name="secret_retire"),
    path("install/legacy/", views.legacy_update, name="legacy_update"),
]
