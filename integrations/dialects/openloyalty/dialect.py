from integrations.dialects import Dialect

from .settings import OpenLoyaltySettingsForm


class OpenLoyalty(Dialect):
    key = "openloyalty"
    label = "Open Loyalty"
    urlconf = "integrations.dialects.openloyalty.urls"
    settings_form = OpenLoyaltySettingsForm
