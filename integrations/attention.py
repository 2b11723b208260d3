"""What of integrations waits for a person, whatever the wire."""

from collections.abc import Sequence

from customers.attention import Choice, Item, Link, NotPossible
from loyalty.stores import broker, facts
from spending import redemptions
from spending.models import Fulfilment, Redemption


class FulfilmentFailed(Item):
    """The store's own system did not take on a reward that it should hand over."""

    whats = ("fulfilment_failed",)

    @property
    def row(self) -> Fulfilment:
        return self.store.fulfilments.select_related("redemption").get(pk=self.data["fulfilment"])

    @property
    def title(self) -> str:
        return f"Your system did not take on “{self.data['reward']}”, which a customer paid for. {self.data['why']}"

    @property
    def help(self) -> str:
        if not self.is_open:
            return "It was handed over or taken back since."
        return "Try again when your system is mended, or hand it over yourself and say so."

    @property
    def is_open(self) -> bool:
        return self.row.redemption.state == Redemption.State.ISSUED

    @property
    def links(self) -> list[Link]:
        return [*super().links, Link("The webhook", self.url("integrations:fulfilment"))]

    @property
    def choices(self) -> Sequence[Choice]:
        if not self.is_open:
            return [self.dismissal()]
        return [
            Choice("retry", "Try again", self.retry, icon="refresh"),
            Choice("hand_over", "We handed it over", self.hand_over),
            self.dismissal(),
        ]

    def retry(self, actor: str) -> str:
        if not facts.retry(self.store.fulfilments.filter(pk=self.row.pk)):
            raise NotPossible("It is being tried already.")
        broker.nudge(redemptions.FULFIL, self.store.pk)
        return "Your system is told again now."

    def hand_over(self, actor: str) -> str:
        redemptions.hand_over(self.store, self.row.redemption)
        return "Marked as handed over."


KINDS: tuple[type[Item], ...] = (FulfilmentFailed,)
