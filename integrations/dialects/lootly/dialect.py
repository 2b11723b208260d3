from integrations.dialects import Dialect

from . import events
from .authentication import DIALECT
from .settings import LootlySettingsForm


class Lootly(Dialect):
    key = DIALECT
    label = "Lootly"
    prefix = "integrations/webhooks/"
    urlconf = "integrations.dialects.lootly.urls"
    settings_form = LootlySettingsForm

    def process(self, inbound):
        events.process(inbound)
