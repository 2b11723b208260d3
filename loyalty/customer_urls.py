"""The customers' pages: their app's own, and those that show what other apps know of them."""

from django.urls import path

from customers import urls as customers

from . import customer_views as views
from . import erasing_views

app_name = customers.app_name
urlpatterns = [
    *customers.urlpatterns,
    path("add/", views.CustomerCreateView.as_view(), name="customer_create"),
    path("<uuid:public_id>/", views.CustomerDetailView.as_view(), name="customer_detail"),
    path("<uuid:public_id>/enrol/", views.customer_enrol, name="customer_enrol"),
    path("<uuid:public_id>/export/", erasing_views.customer_export, name="customer_export"),
    path("<uuid:public_id>/erase/", erasing_views.CustomerEraseView.as_view(), name="customer_erase"),
]
