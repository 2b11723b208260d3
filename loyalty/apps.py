from django.contrib.admin import apps as admin


class SupportAdminConfig(admin.AdminConfig):
    """`django.contrib.admin` with our site."""

    default = False  # it is not the configuration of the package "loyalty"
    default_site = "loyalty.support.SupportSite"
