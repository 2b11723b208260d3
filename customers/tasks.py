from celery import shared_task

from loyalty.stores.models import Store

from . import seals


@shared_task
def seal_ledgers() -> None:
    for store in Store.objects.all():
        seals.seal(store)
