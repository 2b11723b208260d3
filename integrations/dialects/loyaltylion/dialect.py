from integrations.dialects import Dialect

from .authentication import DIALECT, issue_key
from .settings import LoyaltyLionSettingsForm


class LoyaltyLion(Dialect):
    key = DIALECT
    label = "LoyaltyLion"
    urlconf = "integrations.dialects.loyaltylion.urls"
    settings_form = LoyaltyLionSettingsForm
    summary = "For programs that report activities and read points the LoyaltyLion way."
    key_label, secret_label = "site token", "site secret"
    issues_keys = True

    def issue_key(self, connection, name, user):
        return issue_key(connection, name)
