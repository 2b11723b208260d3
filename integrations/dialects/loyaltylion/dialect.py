from integrations.dialects import Dialect

from .authentication import DIALECT
from .settings import LoyaltyLionSettingsForm


class LoyaltyLion(Dialect):
    key = DIALECT
    label = "LoyaltyLion"
    urlconf = "integrations.dialects.loyaltylion.urls"
    settings_form = LoyaltyLionSettingsForm
