from django.urls import include, path

from . import views

app_name = "integrations"
connection_urls = [
    path("", views.ConnectionDetailView.as_view(), name="connection_detail"),
    path("settings/", views.ConnectionUpdateView.as_view(), name="connection_update"),
    path("rotate/", views.connection_rotate, name="connection_rotate"),
    path("switch/", views.connection_switch, name="connection_switch"),
    path("keys/", views.token_create, name="token_create"),
    path("keys/<int:pk>/revoke/", views.token_revoke, name="token_revoke"),
]
urlpatterns = [
    path("", views.ConnectionListView.as_view(), name="connection_list"),
    path("connect/<slug:dialect>/", views.ConnectionCreateView.as_view(), name="connection_create"),
    path("calls/", views.CallListView.as_view(), name="call_list"),
    path("calls/<int:pk>/", views.CallDetailView.as_view(), name="call_detail"),
    path("calls/<int:pk>/apply/", views.call_apply, name="call_apply"),
    path("<uuid:public_id>/", include(connection_urls)),
]
