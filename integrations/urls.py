from django.urls import include, path

from . import call_views, fulfilment_views, secret_views, views

app_name = "integrations"
connection_urls = [
    path("", views.ConnectionDetailView.as_view(), name="connection_detail"),
    path("settings/", views.ConnectionUpdateView.as_view(), name="connection_update"),
    path("rotate/", secret_views.connection_rotate, name="connection_rotate"),
    path("switch/", views.connection_switch, name="connection_switch"),
    path("keys/", secret_views.token_create, name="token_create"),
    path("keys/<int:pk>/revoke/", secret_views.token_revoke, name="token_revoke"),
]
urlpatterns = [
    path("", views.ConnectionListView.as_view(), name="connection_list"),
    path("connect/<slug:dialect>/", views.ConnectionCreateView.as_view(), name="connection_create"),
    path("fulfilment/", fulfilment_views.FulfilmentView.as_view(), name="fulfilment"),
    path("fulfilment/secret/", fulfilment_views.secret_rotate, name="fulfilment_secret_rotate"),
    path("calls/", call_views.CallListView.as_view(), name="call_list"),
    path("calls/<int:pk>/", call_views.CallDetailView.as_view(), name="call_detail"),
    path("calls/<int:pk>/apply/", call_views.call_apply, name="call_apply"),
    path("<uuid:public_id>/", include(connection_urls)),
]
