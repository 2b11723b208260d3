from integrations.dialects import Dialect

from .credentials import issue_key
from .settings import OpenLoyaltySettingsForm


class OpenLoyalty(Dialect):
    key = "openloyalty"
    label = "Open Loyalty"
    urlconf = "integrations.dialects.openloyalty.urls"
    settings_form = OpenLoyaltySettingsForm
    summary = "For programs that keep members and send custom events the Open Loyalty way."
    key_label = secret_label = ""  # people sign in as here, programs use keys
    issues_keys = is_single = True

    def issue_key(self, connection, name, user):
        return issue_key(user, name, connection)
