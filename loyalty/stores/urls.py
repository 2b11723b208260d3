from django.urls import include, path

from . import two_steps_views, views

app_name = "stores"
settings_urls = [
    path("", views.StoreUpdateView.as_view(), name="store_update"),
    path("keys/", views.KeyListView.as_view(), name="key_list"),
    path("keys/<int:pk>/revoke/", views.key_revoke, name="key_revoke"),
    path("people/", views.StaffListView.as_view(), name="staff_list"),
    path("people/<int:pk>/remove/", views.staff_remove, name="staff_remove"),
    path("people/two-steps/", two_steps_views.two_steps_switch, name="two_steps_switch"),
]
urlpatterns = [
    path("accounts/two-steps/", two_steps_views.TwoStepsView.as_view(), name="two_steps"),
    path("stores/", views.StoreListView.as_view(), name="store_list"),
    path("stores/add/", views.StoreCreateView.as_view(), name="store_create"),
    path("s/<slug:slug>/settings/", include(settings_urls)),
]
