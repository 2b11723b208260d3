from django.urls import include, path

from . import image_views, redemption_views, reward_views, taking_views

app_name = "spending"
urlpatterns = [
    path("spending/", reward_views.RewardListView.as_view(), name="reward_list"),
    path("spending/add/", reward_views.KindListView.as_view(), name="reward_kinds"),
    path("spending/add/<slug:kind>/", reward_views.RewardCreateView.as_view(), name="reward_create"),
    path("spending/add/<slug:kind>/preview/", reward_views.reward_preview, name="reward_preview_new"),
    path("spending/images/", image_views.image_create, name="image_create"),
    path("spending/codes/", include("spending.coupon_urls")),
    path("spending/<uuid:public_id>/", reward_views.RewardUpdateView.as_view(), name="reward_update"),
    path("spending/<uuid:public_id>/preview/", reward_views.reward_preview, name="reward_preview"),
    path("spending/<uuid:public_id>/switch/", reward_views.reward_switch, name="reward_switch"),
    path("spending/<uuid:public_id>/move/", reward_views.reward_move, name="reward_move"),
    path("spending/<uuid:public_id>/versions/", reward_views.RewardVersionsView.as_view(), name="reward_versions"),
    path("redemptions/", redemption_views.RedemptionListView.as_view(), name="redemption_list"),
    path("redemptions/add/<uuid:customer>/<uuid:reward>/", taking_views.redemption_create, name="redemption_create"),
    path("redemptions/<uuid:public_id>/", redemption_views.RedemptionDetailView.as_view(), name="redemption_detail"),
    path("redemptions/<uuid:public_id>/cancel/", redemption_views.redemption_cancel, name="redemption_cancel"),
    path("redemptions/<uuid:public_id>/use/", redemption_views.redemption_use, name="redemption_use"),
    path("redemptions/<uuid:public_id>/reissue/", redemption_views.redemption_reissue, name="redemption_reissue"),
]
