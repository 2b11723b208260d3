from django.urls import include, path, re_path, register_converter

from . import credential_views, event_views, member_views, views


class StoreCode:
    """A store's slug in any case. The native API's own path is not a store's."""

    regex = r"(?!v1/)[^/\x00]+"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


register_converter(StoreCode, "store_code")

store_urls = [
    path("settings", views.SettingsDetail.as_view()),
    path("settings/activation", views.Activation.as_view()),
    path("settings/choices/<str:what>", views.Choices.as_view()),
    path("member", member_views.MemberList.as_view()),
    path("member/<str:member>", member_views.MemberDetail.as_view()),
    path("member/<str:member>/wallet", member_views.WalletList.as_view()),
    path("member/<str:member>/wallet/<str:wallet>", member_views.WalletDetail.as_view()),
    path("customEvent/schema", event_views.SchemaList.as_view()),
    path("customEvent/schema/<str:event_type>", event_views.SchemaDetail.as_view()),
    path("customEvent/schema/<str:event_type>/active", event_views.SchemaActive.as_view()),
    path("customEvent", event_views.EventList.as_view()),
    path("customEvent/<str:event>", event_views.EventDetail.as_view()),
]

urlpatterns = [
    path("api", views.About.as_view()),
    path("api/healthcheck", views.Healthcheck.as_view()),
    path("api/admin/login_check", credential_views.LoginCheck.as_view()),
    path("api/admin/<str:admin_id>/api-key", credential_views.KeyList.as_view()),
    path("api/admin/<str:admin_id>/api-key/<str:key_id>", credential_views.KeyDetail.as_view()),
    path("api/token/refresh", credential_views.TokenRefresh.as_view()),
    path("api/token/revoke", credential_views.TokenRevoke.as_view()),
    path("api/store", views.StoreList.as_view()),
    path("api/<store_code:code>/", include(store_urls)),
    re_path(r"^api/(?!v1(?:/|$))", views.not_found),
]
