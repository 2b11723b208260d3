"""A loop that needs no broker and no beat: it finds facts that lie due, and applies them when nobody else can."""

import faulthandler
import logging
import time
from typing import Any

from django.core.management.base import BaseCommand
from django.db import DatabaseError, connection

from loyalty.stores import broker
from loyalty.sweeping import Sweeper

logger = logging.getLogger(__name__)

EVERY = 2.0  # seconds
STUCK = 600.0  # seconds of one look: it ends with a traceback, and the supervisor starts a new one


class Command(BaseCommand):
    help = "Nudge workers about what lies due, every two seconds; do what none of them takes."

    def handle(self, *args: Any, **options: Any) -> None:
        sweeper = Sweeper()
        while True:
            faulthandler.dump_traceback_later(STUCK, exit=True)
            try:
                sweeper.look()
            except (DatabaseError, *broker.UNREACHABLE) as error:
                logger.warning("Looking for what lies due failed: %s", error)
                connection.close()
            time.sleep(EVERY)
