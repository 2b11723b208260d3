"""Activities and rules in the support admin, to read: what was reported, what came of it, and why."""

from django.contrib import admin
from django.utils.html import format_html_join
from unfold.decorators import display

from customers.admin import SHOWN, CustomerAdmin, link_to, list_of
from customers.models import Customer
from loyalty.stores.admin import STATE_TONES, StoreRowAdmin
from loyalty.stores.numbers import points

from . import explaining, phrases
from .models import Activity, EarningRule

admin.site.unregister(Customer)


@admin.register(Customer)
class CustomerWithActivitiesAdmin(CustomerAdmin):
    def sections(self, customer):
        store = customer.store
        rows = [
            [
                link_to(activity, f"{store.local(activity.occurred_at):%-d %b %Y, %H:%M}"), activity.title,
                activity.get_state_display(), points(activity.points, store),
                explaining.headline(activity.decision, store),
            ]
            for activity in store.activities.filter(customer=customer).select_related("rule").order_by("-id")[:SHOWN]
        ]  # fmt: skip
        table = {"headers": ["When", "What", "State", "Worth", "Why"], "rows": rows}
        href = list_of(Activity, store=store.pk, customer=customer.pk)
        return [*super().sections(customer), {"title": "Newest activities", "table": table, "href": href}]


@admin.register(Activity)
class ActivityAdmin(StoreRowAdmin):
    list_display = ["occurred_at", "customer", "title", "worth", "shown_state", "headline", "of_store"]
    list_select_related = ["store", "customer", "rule"]
    list_filter = ["state"]
    fieldsets = [
        (None, {"fields": ["of_store", "customer", "title", "state", "worth", "why"]}),
        ("Reported", {"fields": ["external_id", "order", "came", "occurred_at", "received_at"]}),
        ("Applied", {"fields": ["applied_at", "rule", "rule_version", "attempts", "quarantined_at", "error"]}),
        ("As data", {"classes": ["collapse"], "fields": ["action", "properties", "decision"]}),
    ]

    @display(description="State", label=STATE_TONES)
    def shown_state(self, activity):
        return activity.state, activity.get_state_display()

    @admin.display(description="What")
    def title(self, activity):
        return activity.title

    @admin.display(description="Came")
    def came(self, activity):
        return phrases.came(activity.source)

    @admin.display(description="Worth")
    def worth(self, activity):
        return points(activity.points, activity.store)

    @admin.display(description="Why")
    def headline(self, activity):
        return explaining.headline(activity.decision, activity.store)

    @admin.display(description="Why")
    def why(self, activity):
        sentences = explaining.explain(activity.decision, activity.store)
        return format_html_join("", "<p>{}</p>", ((sentence,) for sentence in sentences))


@admin.register(EarningRule)
class EarningRuleAdmin(StoreRowAdmin):
    list_display = ["name", "kind", "gives", "is_enabled", "version", "of_store"]
    list_filter = ["kind", "is_enabled"]
    search_fields = ["name"]
    readonly_fields = ["of_store"]
    fields = [
        "of_store", "kind", "identifier", "action_id", "name", "text", "gives", "is_enabled", "runs", "limits", "who",
        "approves", "chosen", "version", "created_at", "updated_at",
    ]  # fmt: skip

    @admin.display(description="Gives")
    def gives(self, rule):
        return phrases.gives(rule, rule.store)

    @admin.display(description="Runs")
    def runs(self, rule):
        return phrases.dates(rule, rule.store)

    @admin.display(description="Limit")
    def limits(self, rule):
        return phrases.limit(rule, rule.store)

    @admin.display(description="For")
    def who(self, rule):
        return phrases.who(rule, rule.store)

    @admin.display(description="Counts")
    def approves(self, rule):
        return phrases.approval(rule, rule.store)

    @admin.display(description="Settings")
    def chosen(self, rule):
        told = phrases.settings_in_words(rule).items()
        return format_html_join("", "<p>{}: {}</p>", told) or "–"
