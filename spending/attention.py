"""Items about rewards and codes that wait for a person."""

from customers.attention import Item, Link


class RewardsPaused(Item):
    """A pool ran out, and its rewards were switched off as the merchant wanted."""

    whats = ("rewards_paused",)

    @property
    def title(self) -> str:
        names = ", ".join(f"“{name}”" for name in self.data["rewards"])
        return f"Paused, since the list “{self.data['pool_name']}” has no code left: {names}."

    @property
    def help(self) -> str:
        return "Upload codes, then switch on what was paused."

    @property
    def links(self) -> list[Link]:
        to_list = Link(f"Codes of “{self.data['pool_name']}”", self.url("spending:pool_detail", self.data["pool"]))
        return [to_list, Link("Rewards", self.url("spending:reward_list"))]


class CancelledCodeUsed(Item):
    """A code that was cancelled here, and its points given back, was still good in the shop."""

    whats = ("cancelled_code_used",)

    @property
    def title(self) -> str:
        return f"Order {self.data['order']} used the code {self.data['code']}, which was cancelled before."

    @property
    def help(self) -> str:
        return (
            f"The {self.store.points_name_plural} were given back, and your shop took the code all the same. "
            "Delete cancelled codes in your shop too; here you may take the points back with an adjustment."
        )


KINDS: tuple[type[Item], ...] = (RewardsPaused, CancelledCodeUsed)
