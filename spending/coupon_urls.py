"""Lists of codes and their imports, below `spending/codes/`; spending.urls takes them in."""

from django.urls import path

from . import coupon_views, import_views

urlpatterns = [
    path("", coupon_views.PoolListView.as_view(), name="pool_list"),
    path("add/", coupon_views.PoolCreateView.as_view(), name="pool_create"),
    path("imports/<uuid:public_id>/", import_views.import_detail, name="import_detail"),
    path("imports/<uuid:public_id>/not-usable/", import_views.import_flaws, name="import_flaws"),
    path("imports/<uuid:public_id>/confirm/", import_views.import_confirm, name="import_confirm"),
    path("imports/<uuid:public_id>/cancel/", import_views.import_cancel, name="import_cancel"),
    path("imports/<uuid:public_id>/undo/", import_views.import_undo, name="import_undo"),
    path("imports/<uuid:public_id>/retry/", import_views.import_retry, name="import_retry"),
    path("imports/<uuid:public_id>/encoding/", import_views.import_encoding, name="import_encoding"),
    path("imports/<uuid:public_id>/layout/", import_views.import_layout, name="import_layout"),
    path("<uuid:public_id>/", coupon_views.PoolDetailView.as_view(), name="pool_detail"),
    path("<uuid:public_id>/settings/", coupon_views.PoolUpdateView.as_view(), name="pool_update"),
    path("<uuid:public_id>/export/", coupon_views.pool_export, name="pool_export"),
    path("<uuid:public_id>/import/", import_views.import_create, name="import_create"),
]
