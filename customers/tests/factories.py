"""Customers by the dozen, for tests where the number matters and the person does not."""

from typing import Any

import factory
from django.utils import timezone

from customers.models import Customer, Wallet


class CustomerFactory(factory.django.DjangoModelFactory):
    """An enrolled customer with a wallet: `CustomerFactory.create_batch(30, store=store)`."""

    class Meta:
        model = Customer
        skip_postgeneration_save = True

    external_id = factory.Sequence(lambda number: f"many-{number}")
    email = factory.LazyAttribute(lambda customer: f"{customer.external_id}@shop.example")
    first_name = factory.Faker("first_name")
    last_name = factory.Faker("last_name")
    state = Customer.State.ENROLLED
    enrolled_at = factory.LazyFunction(timezone.now)

    @factory.post_generation
    def wallet(self: Customer, create: bool, extracted: Any, **kwargs: Any) -> None:
        Wallet.objects.create(store_id=self.store_id, customer=self)
