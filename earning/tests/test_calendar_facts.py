from datetime import UTC, date, datetime

import pytest
import time_machine

from conftest import balance, make_customer
from earning import calendar_facts

LONG_AGO = datetime(2025, 1, 1, tzinfo=UTC)


def on(year, month, day, hour=12):
    return datetime(year, month, day, hour, tzinfo=UTC)


@pytest.fixture
def birthday_rule(store, add_rule):
    return add_rule(store, "birthday", 200, name="Birthday")


def test_a_birthday_pays_once_a_year_however_often_the_pass_runs(store, birthday_rule, work):
    born = make_customer(store, "b", birthday=date(1990, 5, 5), birthday_set_at=LONG_AGO)
    for moment in (on(2026, 5, 5), on(2026, 5, 5, 23), on(2026, 5, 7), on(2027, 5, 5)):
        calendar_facts.record_all(moment)
        work(store)
    assert balance(born) == 400


def test_days_that_a_stopped_scheduler_missed_are_made_up_for(store, birthday_rule, work):
    born = [make_customer(store, f"b{day}", birthday=date(1990, 5, day), birthday_set_at=LONG_AGO) for day in (5, 6, 7)]
    calendar_facts.record_all(on(2026, 5, 7))
    work(store)
    assert [balance(customer) for customer in born] == [200, 200, 200]


def test_a_changed_birthday_does_not_pay_twice_in_a_year(store, birthday_rule, work):
    born = make_customer(store, "b", birthday=date(1990, 5, 5), birthday_set_at=LONG_AGO)
    calendar_facts.record_all(on(2026, 5, 5))
    store.customers.filter(pk=born.pk).update(birthday=date(1990, 9, 9))
    calendar_facts.record_all(on(2026, 9, 9))
    work(store)
    assert balance(born) == 200


@pytest.mark.parametrize(("zone", "paid"), [("UTC", 0), ("Pacific/Auckland", 200)])
def test_the_day_is_the_stores_own(store, birthday_rule, work, zone, paid):
    store.timezone = zone
    store.save(update_fields=["timezone"])
    born = make_customer(store, "b", birthday=date(1990, 5, 6), birthday_set_at=LONG_AGO)
    calendar_facts.record_all(on(2026, 5, 5, 13))  # already the 6th in Auckland
    work(store)
    assert balance(born) == paid


@pytest.mark.parametrize(("moment", "paid"), [(on(2027, 2, 28), 200), (on(2028, 2, 28), 0), (on(2028, 2, 29), 200)])
def test_born_on_29_february(store, birthday_rule, work, moment, paid):
    born = make_customer(store, "b", birthday=date(1992, 2, 29), birthday_set_at=LONG_AGO)
    calendar_facts.record_all(moment)
    work(store)
    assert balance(born) == paid


def test_without_a_rule_no_facts_are_written(store):
    make_customer(store, "b", birthday=date(1990, 5, 5), birthday_set_at=LONG_AGO)
    calendar_facts.record_all(on(2026, 5, 5))
    assert store.activities.count() == 0


def test_the_anniversary_of_the_first_order_pays_yearly_but_not_on_the_day_itself(store, add_rule, work):
    add_rule(store, "anniversary", 100, name="Anniversary")
    loyal = make_customer(store, "b", first_order_at=on(2025, 5, 5))
    for moment in (on(2025, 5, 5), on(2026, 5, 4), on(2026, 5, 5), on(2027, 5, 5)):
        calendar_facts.record_all(moment)
    work(store)
    assert balance(loyal) == 200


def test_the_first_orders_day_is_the_stores_own(store, add_rule, work):
    store.timezone = "Asia/Tokyo"
    store.save(update_fields=["timezone"])
    add_rule(store, "anniversary", 100, name="Anniversary")
    loyal = make_customer(store, "b", first_order_at=on(2025, 5, 4, 20))  # the 5th in Tokyo
    calendar_facts.record_all(on(2026, 5, 5, 3))
    work(store)
    assert balance(loyal) == 100 and store.activities.get().occurred_at == on(2026, 5, 4, 15)


def test_an_anniversary_is_of_the_stores_day_whichever_zone_is_active(store, add_rule, work):
    add_rule(store, "anniversary", 100, name="A year")
    store.timezone = "Pacific/Auckland"
    store.save(update_fields=["timezone"])
    loyal = make_customer(store, "l", first_order_at=datetime(2025, 5, 4, 13, tzinfo=UTC))  # the 5th in Auckland
    assert calendar_facts.record(store, [date(2026, 5, 4)]) == 0
    assert calendar_facts.record(store, [date(2026, 5, 5)]) == 1
    work(store)
    assert balance(loyal) == 100


def test_a_birthday_typed_last_week_is_explained_not_paid(store, birthday_rule, work):
    with time_machine.travel(on(2026, 5, 5)):
        born = make_customer(store, "b", birthday=date(1990, 5, 5), birthday_set_at=on(2026, 4, 28))
        calendar_facts.record_all(on(2026, 5, 5))
        work(store)
    assert balance(born) == 0
    assert store.activities.get().decision["outcome"] == "refused"
