from django.apps import AppConfig
from django.contrib.admin import apps as admin


class LoyaltyConfig(AppConfig):
    name = "loyalty"

    def ready(self) -> None:
        from . import account_records  # models are there only now

        account_records.connect()


class SupportAdminConfig(admin.AdminConfig):
    """`django.contrib.admin` with our site."""

    default = False  # it is not the configuration of the package "loyalty"
    default_site = "loyalty.support.SupportSite"
