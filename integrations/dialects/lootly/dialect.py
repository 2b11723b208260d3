from integrations.dialects import Dialect

from . import attention, events, profiles
from .authentication import DIALECT
from .settings import LootlySettingsForm


class Lootly(Dialect):
    key = DIALECT
    label = "Lootly"
    prefix = "integrations/webhooks/"
    urlconf = "integrations.dialects.lootly.urls"
    settings_form = LootlySettingsForm
    summary = "For WooCommerce and Magento shops, and PHP programs, that were written for Lootly."
    items = attention.KINDS

    def process_many(self, rows):
        return events.process_many(rows)

    def look_up_profiles(self, store):
        profiles.look_up(store)
