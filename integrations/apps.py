from django.apps import AppConfig


class IntegrationsConfig(AppConfig):
    name = "integrations"

    def ready(self) -> None:
        from spending import code_sources

        from .dialects.lootly.shop_codes import ShopCodes

        code_sources.register(ShopCodes)
