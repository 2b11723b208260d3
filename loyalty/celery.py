import gc
import os

from celery import Celery
from celery.signals import worker_process_init

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
