import gc
import os

from celery import Celery
from celery.signals import task_prerun, worker_process_init

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "loyalty.settings")

app = Celery("loyalty")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@worker_process_init.connect
def keep_start_up_out_of_the_collector(**kwargs: object) -> None:
    """What was loaded at the start stays: collecting it again and again took a fifth of a worker's time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


@worker_process_init.connect
def watch_over_links(**kwargs: object) -> None:
    task_prerun.connect(begin_outside_of_transactions)


def begin_outside_of_transactions(**kwargs: object) -> None:
    """A time limit may strike while a transaction is being opened or closed: its link must not stay in it for ever."""
    from django.db import connection  # this module is imported before there are settings

    if connection.in_atomic_block:
        connection.in_atomic_block = connection.closed_in_transaction = False
        connection.close()
