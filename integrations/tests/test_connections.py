import threading
import time
from datetime import timedelta

import pytest
from django.db import connection as database
from django.db import transaction
from django.forms import BooleanField, ChoiceField, Form
from django.utils import timezone

from integrations import connections, registry
from integrations.dialects import Dialect
from integrations.models import Connection


class ChattySettings(Form):
    language = ChoiceField(choices=[("en", "English"), ("fr", "French")], initial="fr")
    is_loud = BooleanField(required=False, initial=True)


class Chatty(Dialect):
    key, label, settings_form = "chatty", "Chatty", ChattySettings


def test_connecting_starts_with_the_dialects_defaults_and_a_secret_of_its_own(store):
    first, secret = connections.connect(store, Chatty())
    second, other = connections.connect(store, Chatty(), "The outlet", language="en")
    assert (first.name, first.settings) == ("Chatty", {"language": "fr", "is_loud": True})
    assert (second.name, second.settings) == ("The outlet", {"language": "en", "is_loud": True})
    assert first.key != second.key and secret != other
    assert len(secret) == 64 and Connection.objects.get(pk=first.pk).secret == secret


def test_rotating_keeps_the_old_secret_alive_for_a_day(store, time_machine):
    time_machine.move_to(timezone.now())
    connection, old = connections.connect(store, Chatty())
    new = connections.rotate(connection)
    connection.refresh_from_db()
    assert connection.live_secrets == [new, old]
    time_machine.shift(timedelta(hours=24, seconds=1))
    assert connection.live_secrets == [new]


def test_a_setting_is_changed_beside_a_stale_copy(store):
    connection, _ = connections.connect(store, Chatty())
    stale = Connection.objects.get(pk=connection.pk)
    connections.configure(connection, language="en")
    connections.configure(stale, is_loud=False)
    assert Connection.objects.get(pk=connection.pk).settings == {"language": "en", "is_loud": False}


def test_calls_and_errors_are_noted_once_a_minute(store, time_machine, django_assert_num_queries):
    time_machine.move_to(timezone.now())
    connection, _ = connections.connect(store, Chatty())
    connections.note_call(connection, "hello")
    connections.note_error(connection, "x" * 400)
    connection.refresh_from_db()
    assert (connection.last_call, len(connection.last_error)) == ("hello", 255)
    with django_assert_num_queries(0):
        connections.note_call(connection, "again")
        connections.note_error(connection, "again")
    time_machine.shift(61)
    connections.note_call(connection, "later")
    connection.refresh_from_db()
    assert connection.last_call == "later"


def test_every_dialect_is_named_once_and_its_defaults_are_valid():
    for key, dialect in registry.DIALECTS.items():
        assert dialect.key == key and dialect.label and registry.get(key) is dialect
        form = dialect.settings_form(dialect.default_settings())
        assert form.is_valid(), form.errors


@pytest.mark.django_db(transaction=True)
def test_no_call_waits_for_its_note(store):
    connection, _ = connections.connect(store, Chatty())
    held, done = threading.Event(), threading.Event()

    def hold():
        with transaction.atomic():
            Connection.objects.select_for_update().get(pk=connection.pk)
            held.set()
            done.wait(10)
        database.close()

    holder = threading.Thread(target=hold)
    holder.start()
    held.wait(10)
    started = time.monotonic()
    connections.note_call(connection, "hello")
    assert time.monotonic() - started < 2
    done.set()
    holder.join()
