from django.urls import include, path, re_path, register_converter

from . import views


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
    path("member", views.MemberList.as_view()),
    path("member/<str:member>", views.MemberDetail.as_view()),
    path("member/<str:member>/wallet", views.WalletList.as_view()),
    path("member/<str:member>/wallet/<str:wallet>", views.WalletDetail.as_view()),
    path("customEvent/schema", views.SchemaList.as_view()),
    path("customEvent/schema/<str:event_type>", views.SchemaDetail.as_view()),
    path("customEvent/schema/<str:event_type>/active", views.SchemaActive.as_view()),
    path("customEvent", views.EventList.as_view()),
    path("customEvent/<str:event>", views.EventDetail.as_view()),
]

urlpatterns = [
    path("api", views.About.as_view()),
    path("api/healthcheck", views.Healthcheck.as_view()),
    path("api/admin/login_check", views.LoginCheck.as_view()),
    path("api/admin/<str:admin_id>/api-key", views.KeyList.as_view()),
    path("api/admin/<str:admin_id>/api-key/<str:key_id>", views.KeyDetail.as_view()),
    path("api/token/refresh", views.TokenRefresh.as_view()),
    path("api/token/revoke", views.TokenRevoke.as_view()),
    path("api/store", views.StoreList.as_view()),
    path("api/<store_code:code>/", include(store_urls)),
    re_path(r"^api/(?!v1(?:/|$))", views.not_found),
]
