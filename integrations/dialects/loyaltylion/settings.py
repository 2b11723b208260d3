"""What a merchant may choose for a LoyaltyLion connection."""

from django import forms


class LoyaltyLionSettingsForm(forms.Form):
    guests_earn = forms.ChoiceField(
        label="Customers without an account earn",
        initial="all",
        choices=[("all", "Like members"), ("built_in", "By built-in actions only, not by custom ones")],
        help_text="What they did by a custom action before they joined stays without points.",
    )
