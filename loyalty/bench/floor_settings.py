"""The product's settings without what the product adds to a request."""

from loyalty.settings import *  # noqa: F403
from loyalty.settings import DATABASES

ROOT_URLCONF = "loyalty.bench.floor"
MIDDLEWARE: list[str] = []
DATABASES["default"]["ATOMIC_REQUESTS"] = False
INSTALLED_APPS: list[str] = []
