from django.urls import path

from . import views

app_name = "customers"
urlpatterns = [
    path("", views.CustomerListView.as_view(), name="customer_list"),
    path("<uuid:public_id>/edit/", views.CustomerUpdateView.as_view(), name="customer_update"),
    path("<uuid:public_id>/adjust/", views.CustomerAdjustView.as_view(), name="customer_adjust"),
    path("<uuid:public_id>/block/", views.customer_block, name="customer_block"),
    path("<uuid:public_id>/entries/<int:seq>/", views.EntryDetailView.as_view(), name="entry_detail"),
    path("<uuid:public_id>/entries/<int:seq>/undo/", views.entry_undo, name="entry_undo"),
]
