"""A loop that needs no broker and no beat: it finds facts that lie due, and applies them when nobody else can."""

import logging
import time
from typing import Any

from django.core.management.base import BaseCommand
from django.db import DatabaseError, connection

from loyalty.stores import broker
from loyalty.sweeping import Sweeper

logger = logging.getLogger(__name__)

EVERY = 2.0  # seconds


class Command(BaseCommand):
    help = "Nudge workers about what lies due, every two seconds; do their work while the broker is away."

    def handle(self, *args: Any, **options: Any) -> None:
        sweeper = Sweeper()
        while True:
            try:
                sweeper.look()
            except (DatabaseError, *broker.UNREACHABLE) as error:
                logger.warning("Looking for what lies due failed: %s", error)
                connection.close()
            time.sleep(EVERY)
