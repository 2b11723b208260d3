from importlib import import_module

from celery import shared_task
from django.conf import settings

from . import idempotency
from .models import Store


@shared_task
def forget_answers() -> None:
    """Named calls are free to be made anew after their time."""
    for store_id in Store.objects.values_list("pk", flat=True):
        idempotency.forget_old(store_id)


@shared_task
def forget_sessions() -> None:
    """Those that have run out."""
    import_module(settings.SESSION_ENGINE).SessionStore.clear_expired()
