"""Every address on one screen. Native routes come first, then the dialects' own."""

from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from integrations import registry
from loyalty import attention_views, audit_views, demo_shop_views, metrics, views
from loyalty.account_records import RenamePasskeyView, SessionsView
from loyalty.stores import two_steps
from loyalty.stores.problems import unknown_path
from spending.image_views import reward_image

admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]
admin.site.admin_view = two_steps.guard(admin.site.admin_view)  # type: ignore[method-assign]

handler500 = "loyalty.views.failed"

urlpatterns = [
    path("api/v1/", include("loyalty.api")),
    path("api/v1", unknown_path),
    path("", views.home, name="home"),
    path("livez", views.livez, name="livez"),
    path("readyz", views.readyz, name="readyz"),
    path("metrics", metrics.metrics, name="metrics"),
    path("accounts/sessions/", SessionsView.as_view(), name="usersessions_list"),
    path("accounts/2fa/webauthn/keys/<int:pk>/edit/", RenamePasskeyView.as_view(), name="mfa_edit_webauthn"),
    path("accounts/", include("allauth.urls")),
    path("admin", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/", admin.site.urls),
    path("images/<slug:slug>/<uuid:public_id>", reward_image, name="reward_image"),
    path("", include("loyalty.stores.urls")),
    path("s/<slug:slug>/", views.OverviewView.as_view(), name="overview"),
    path("s/<slug:slug>/settings/changes/", audit_views.AuditListView.as_view(), name="audit_list"),
    path("s/<slug:slug>/settings/changes/export/", audit_views.audit_export, name="audit_export"),
    path("visit/end/", audit_views.visit_end, name="visit_end"),
    path("s/<slug:slug>/attention/", attention_views.AttentionListView.as_view(), name="attention_list"),
    path("s/<slug:slug>/attention/<uuid:public_id>/", attention_views.item_resolve, name="item_resolve"),
    path("s/<slug:slug>/", include("earning.urls")),
    path("s/<slug:slug>/", include("spending.urls")),
    path("s/<slug:slug>/customers/", include("loyalty.customer_urls")),
    path("s/<slug:slug>/integrations/", include("integrations.urls")),
    path("s/<slug:slug>/display/", include("integrations.widget.urls")),
    path("", include("integrations.widget.public_urls")),
    path("demo/shop/", demo_shop_views.shop, name="demo_shop"),
    path("demo/shop/shopper/", demo_shop_views.choose, name="demo_shop_choose"),
    path("demo/shop/order/", demo_shop_views.order, name="demo_shop_order"),
    path("demo/shop/refund/", demo_shop_views.refund, name="demo_shop_refund"),
    path("demo/shop/review/", demo_shop_views.review, name="demo_shop_review"),
    *registry.urlpatterns(),
]
