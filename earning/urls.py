from django.urls import path

from . import rule_views, views

app_name = "earning"
urlpatterns = [
    path("earning/", rule_views.RuleListView.as_view(), name="rule_list"),
    path("earning/add/", rule_views.KindListView.as_view(), name="rule_kinds"),
    path("earning/add/<slug:kind>/", rule_views.RuleCreateView.as_view(), name="rule_create"),
    path("earning/add/<slug:kind>/preview/", rule_views.rule_preview, name="rule_preview_new"),
    path("earning/<uuid:public_id>/", rule_views.RuleUpdateView.as_view(), name="rule_update"),
    path("earning/<uuid:public_id>/preview/", rule_views.rule_preview, name="rule_preview"),
    path("earning/<uuid:public_id>/switch/", rule_views.rule_switch, name="rule_switch"),
    path("activity/", views.ActivityListView.as_view(), name="activity_list"),
    path("activity/retry/", views.stuck_retry, name="stuck_retry"),
    path("activity/facts/<int:pk>/retry/", views.order_fact_retry, name="order_fact_retry"),
    path("activity/<uuid:public_id>/", views.ActivityDetailView.as_view(), name="activity_detail"),
    path("activity/<uuid:public_id>/retry/", views.activity_retry, name="activity_retry"),
    path("activity/<uuid:public_id>/decide/", views.activity_decide, name="activity_decide"),
]
