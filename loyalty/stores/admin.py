"""The support admin's pages of stores, their people and keys; and what pages of store rows share."""

from collections.abc import Callable

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import Group
from django.db.models import DateTimeField
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.formats import date_format
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import action, display
from unfold.paginator import InfinitePaginator
from unfold.widgets import UnfoldAdminTextInputWidget

from . import audit, visits
from .mixins import rendered
from .models import ApiKey, StaffMember, Store, User

admin.site.disable_action("delete_selected")
# Roles are per store; the rest holds secrets, or is how a person signs in.
admin.site.unregister([Group, Authenticator, UserSession, EmailAddress])

STATE_TONES = {
    "enrolled": "success", "approved": "success", "applied": "success", "active": "success",
    "pending": "warning", "waiting": "warning", "guest": "info", "void": "info",
    "blocked": "danger", "declined": "danger", "rejected": "danger", "unknown": "danger", "revoked": "danger",
}  # fmt: skip


class AuditedAdmin(ModelAdmin):
    """What is changed here is written down as everywhere, see audit.py."""

    def get_object(self, request, object_id, from_field=None):
        found = super().get_object(request, object_id, from_field)
        return audit.about(request, found) if found else None

    def log_addition(self, request, obj, message):
        audit.made(request, obj)
        return super().log_addition(request, obj, message)


class ReadOnlyAdmin(AuditedAdmin):
    """Looked at by support staff, changed by nobody here."""

    list_fullwidth = True

    def has_view_permission(self, request, obj=None):
        return request.user.is_staff

    def has_module_permission(self, request):
        return request.user.is_staff

    def has_add_permission(self, request):
        return False

    def has_change_permission(self, request, obj=None):
        return False

    def has_delete_permission(self, request, obj=None):
        return False


def local_time(field: str) -> Callable:
    """A column of moments, each in the zone of its row's store."""

    @admin.display(description=field.replace("_", " ").capitalize())
    def shown(row):
        moment = getattr(row, field)
        return date_format(row.store.local(moment), "DATETIME_FORMAT") if moment else "–"

    return shown


class StoreRowAdmin(ReadOnlyAdmin):
    """Rows of the stores that the person may support, each in its store's time. Pages without a count: tables are
    large."""

    paginator = InfinitePaginator
    show_full_result_count = False
    list_per_page = 50
    list_select_related = ["store"]
    sortable_by: list[str] = []
    ordering = ["-id"]

    def get_queryset(self, request):
        rows = super().get_queryset(request).select_related("store")
        return rows if request.user.is_superuser else rows.filter(store__staff__user=request.user)

    def get_list_display(self, request):
        moments = {field.name for field in self.opts.fields if isinstance(field, DateTimeField)}
        return [local_time(name) if name in moments else name for name in super().get_list_display(request)]

    def changeform_view(self, request, object_id=None, form_url="", extra_context=None):
        row = self.get_object(request, object_id) if object_id else None
        with timezone.override(row.store.tz if row else None):
            return rendered(super().changeform_view(request, object_id, form_url, extra_context))

    @admin.display(description="Store")
    def of_store(self, row):
        return row.store.name


class PeopleInline(TabularInline):
    model = StaffMember
    extra = 0

    def has_add_permission(self, request, obj=None):
        return False  # each has a page of its own, where what is changed is written down

    has_change_permission = has_delete_permission = has_add_permission


class VisitForm(forms.Form):
    reason = forms.CharField(
        max_length=255, help_text="The merchant reads it. Name no customer.", widget=UnfoldAdminTextInputWidget
    )


@admin.register(Store)
class StoreAdmin(AuditedAdmin):
    list_display = ["name", "slug", "domain", "currency", "timezone", "created_at"]
    search_fields = ["name", "slug", "domain"]
    readonly_fields = ["slug", "points_decimals", "is_demo", "created_at"]
    inlines = [PeopleInline]
    actions_detail = ["visit"]

    def get_queryset(self, request):
        return super().get_queryset(request).filter(pk__in=request.user.supported_stores)

    def has_module_permission(self, request):
        return request.user.is_staff

    def has_view_permission(self, request, obj=None):
        return request.user.is_staff

    def has_add_permission(self, request):
        return False  # a store is opened on its own page, with its owner

    @action(description="Look as its owner", url_path="visit", permissions=["view"], icon="visibility")
    def visit(self, request, object_id):
        store = self.get_object(request, object_id)
        if store is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        form = VisitForm(request.POST or None)
        if form.is_valid():
            visits.begin(request, store, form.cleaned_data["reason"])
            return redirect("overview", store.slug)
        context = self.admin_site.each_context(request) | {
            "title": "Look as its owner", "store": store, "form": form, "opts": self.opts,
            "minutes": visits.TIME.seconds // 60,
        }  # fmt: skip
        return TemplateResponse(request, "stores/admin_visit.html", context)

    def has_delete_permission(self, request, obj=None):
        return False


@admin.register(User)
class UserAdmin(AuditedAdmin):
    list_display = ["email", "name", "is_staff", "is_active", "date_joined"]
    list_filter = ["is_staff", "is_active"]
    search_fields = ["email", "name"]
    fields = ["email", "name", "is_active", "is_staff", "last_login", "date_joined"]
    readonly_fields = ["email", "last_login", "date_joined"]

    def has_add_permission(self, request):
        return False  # people sign up themselves

    def has_delete_permission(self, request, obj=None):
        return False


@admin.register(StaffMember)
class StaffMemberAdmin(AuditedAdmin):
    list_display = ["user", "role", "store", "created_at"]
    list_filter = ["role"]
    list_select_related = ["user", "store"]
    search_fields = ["user__email", "store__name", "store__slug"]
    autocomplete_fields = ["user", "store"]


@admin.register(ApiKey)
class ApiKeyAdmin(AuditedAdmin):
    list_display = ["name", "store", "key", "state", "last_used_at", "created_at"]
    list_select_related = ["store"]
    search_fields = ["name", "store__name", "store__slug"]
    fields = readonly_fields = [
        "store", "name", "key", "scopes", "state", "created_by", "created_at", "expires_at", "revoked_at",
        "last_used_at",
    ]  # fmt: skip
    actions = ["revoke"]

    def has_add_permission(self, request):
        return False

    def has_delete_permission(self, request, obj=None):
        return False

    @admin.display(description="Key")
    def key(self, key):
        return f"{key.prefix}…{key.last_four}"

    @display(description="State", label=STATE_TONES)
    def state(self, key):
        return "revoked" if key.revoked_at else "expired" if key.has_expired else "active"

    @admin.action(description="Revoke selected keys", permissions=["change"])
    def revoke(self, request, keys):
        live = list(keys.filter(revoked_at=None))
        for key in live:
            audit.about(request, key)
            ApiKey.objects.filter(pk=key.pk).update(revoked_at=timezone.now())
            audit.finish(request)
        self.message_user(request, f"{len(live)} revoked. Calls with them are refused from now on.", messages.SUCCESS)
