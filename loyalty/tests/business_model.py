"""What a programme should come to, in plain Python: no database, no product code, whole points and cents.

`loyalty.tests.business` does the same things to the product and compares.
"""

from dataclasses import dataclass, field

STATUSES = ("processing", "paid", "completed")
GIVEN = {"purchase": 2, "visit": 10, "read": 20, "review": 30, "sign_up": 50}  # points; of a purchase for each euro
MOST_VISITS = 4
SHIPPING = 500  # cents of each order that earn nothing


class Overdrawn(Exception):
    pass


@dataclass(eq=False)
class Person:
    name: str
    has_joined: bool
    is_blocked: bool = False
    balance: int = 0
    pending: int = 0
    earned: int = 0
    spent: int = 0

    @property
    def is_guest(self) -> bool:
        return not self.has_joined and not self.is_blocked


@dataclass(eq=False)
class Deed:
    """Something a customer did that may earn."""

    who: Person
    kind: str
    asked: str = ""
    order: "Bought | None" = None
    rate: int | None = None  # what was paid for one when it was first paid; kept for ever
    state: str = "pending"
    is_due: bool = True
    is_ripe: bool = False  # its days of waiting are over
    is_waiting: bool = False  # for them
    points: int = 0  # in the balance
    pending: int = 0
    forgiven: int = 0  # written off when it was taken back after it was spent

    @property
    def worth(self) -> int:
        if self.rate is None:
            return 0
        return self.order.worth(self.rate) if self.order else self.rate


@dataclass(frozen=True)
class Body:
    """A shop's account of an order."""

    identity: str
    status: str
    total: int
    day: str = ""
    code: str = ""
    is_registered: bool = False

    @property
    def precedence(self) -> tuple:
        return self.day, STATUSES.index(self.status), -self.total


@dataclass(eq=False)
class Bought:
    """An order: what was told of it, and how it stood when that was last looked at."""

    who: Person
    bodies: list[Body] = field(default_factory=list)
    refunds: dict[str, int] = field(default_factory=dict)
    said: set[str] = field(default_factory=set)  # cancelled, closed, reopened
    is_due: bool = False
    is_known: bool = False
    is_awarded: bool = False
    is_undone: bool = False
    total: int = 0
    refunded: int = 0
    code: str = ""
    is_registered: bool = False
    deed: Deed | None = None

    def fold(self) -> None:
        trusted = sorted(sorted(self.bodies, key=lambda body: body.identity), key=lambda b: b.precedence, reverse=True)
        self.is_known = bool(trusted)
        self.is_awarded = any(body.status == "completed" for body in trusted)
        self.total = trusted[0].total if trusted else 0
        refunded = self.total if "closed" in self.said else sum(self.refunds.values())
        self.refunded = min(refunded, self.total) if trusted else refunded
        is_cancelled = "cancelled" in self.said and "reopened" not in self.said
        has_refund = bool(self.refunds) or "closed" in self.said
        self.is_undone = is_cancelled or (has_refund and self.refunded >= self.total)
        self.code = next((body.code for body in trusted if body.code), "")
        self.is_registered = bool(trusted) and trusted[0].is_registered

    def worth(self, rate: int) -> int:
        granted = rate * max(self.total - SHIPPING, 0) // 100
        return granted - (granted * self.refunded // self.total if self.refunded else 0)


@dataclass(eq=False)
class Taken:
    """A reward that was taken."""

    who: Person
    cost: int
    state: str = "issued"
    order: str = ""


@dataclass(eq=False)
class Given:
    """An adjustment."""

    who: Person
    points: int
    is_undone: bool = False


class Model:
    def __init__(self, names: dict[str, bool], prices: dict[str, int], codes: int, *, writes_off: bool) -> None:
        self.people = {name: Person(name, has_joined) for name, has_joined in names.items()}
        self.rates, self.is_on = dict(GIVEN), dict.fromkeys(GIVEN, True)
        self.prices, self.free, self.writes_off = dict(prices), codes, writes_off
        self.deeds: list[Deed] = []
        self.orders: dict[str, Bought] = {}
        self.notices: dict[str, tuple] = {}  # of orders that carry a code, as last written
        self.unread: set[str] = set()
        self.taken: dict[str, Taken] = {}  # by code

    # --- Points ---

    def earn(self, deed: Deed, points: int, pending: int) -> None:
        who, change = deed.who, points - deed.points
        who.pending += pending - deed.pending
        deed.points, deed.pending = points, pending
        who.balance += change
        who.earned += change
        if not self.writes_off:
            return
        forgiven = -min(who.balance, 0) if change < 0 else -max(min(change, deed.forgiven, who.balance), 0)
        deed.forgiven += forgiven
        who.earned += forgiven
        who.balance += forgiven

    def move(self, who: Person, points: int) -> None:
        if points < 0 and who.balance + points < 0:
            raise Overdrawn
        who.balance += points

    def undo(self, given: Given) -> bool:
        if given.is_undone:
            return False
        self.move(given.who, -given.points)
        given.is_undone = True
        return True

    # --- Deeds ---

    def join(self, who: Person) -> None:
        if who.is_guest:
            who.has_joined = True
            for deed in self.deeds:
                if deed.who is who and deed.asked == "enrolled" and deed.state == "pending":
                    deed.is_due = True

    def settle_deeds(self) -> None:
        visits = {who.name: self.visits(who) for who in self.people.values()}
        for deed in [deed for deed in self.deeds if deed.is_due]:
            deed.is_due = False
            if is_new := deed.rate is None and self.may_pay(deed, visits):
                deed.rate = self.rates[deed.kind]
            standing = self.standing(deed)
            deed.is_waiting, deed.state = standing == "waiting", "pending" if standing == "waiting" else standing
            self.earn(deed, deed.worth * (deed.state == "approved"), deed.worth * (deed.state == "pending"))
            visits[deed.who.name] += is_new and deed.kind == "visit" and deed.state in ("approved", "pending")

    def visits(self, who: Person) -> int:
        return sum(
            deed.who is who and deed.kind == "visit" and deed.rate is not None and deed.state in ("approved", "pending")
            for deed in self.deeds
        )

    def may_pay(self, deed: Deed, visits: dict[str, int]) -> bool:
        is_left = deed.kind != "visit" or visits[deed.who.name] < MOST_VISITS
        return self.is_on[deed.kind] and not deed.who.is_blocked and is_left

    def standing(self, deed: Deed) -> str:
        if deed.rate is None:  # nobody pays, so nobody holds it back
            return deed.asked if deed.asked not in ("", "enrolled") else "approved"
        if deed.order and deed.order.is_undone:
            return "void"
        if deed.order and not deed.order.is_awarded and deed.asked not in ("declined", "void", "approved"):
            return "pending"
        if deed.asked == "enrolled":
            if deed.who.is_guest:
                return "pending"
        elif deed.asked:
            return deed.asked
        if deed.kind == "review" and not deed.is_ripe:
            return "waiting"
        return "pending" if deed.kind == "read" else "approved"

    def wait(self) -> None:
        """The days go by that a review waits for."""
        for deed in self.deeds:
            if deed.kind == "review":
                deed.is_ripe = True
                deed.is_due |= deed.is_waiting

    # --- Orders ---

    def order(self, name: str, who: Person) -> Bought:
        return self.orders.setdefault(name, Bought(who))

    def fold_orders(self) -> None:
        due = [(name, order) for name, order in sorted(self.orders.items()) if order.is_due]
        for _, order in due:
            was_known, order.is_due = order.is_known, False
            order.fold()
            if order.is_known and not was_known and order.is_registered:
                self.join(order.who)
        for name, order in due:
            self.write_notice(name, order)
        for _, order in due:
            if order.is_known:
                if order.deed is None:
                    order.deed = Deed(order.who, "purchase", order=order)
                    self.deeds.append(order.deed)
                order.deed.is_due = True

    def write_notice(self, name: str, order: Bought) -> None:
        told = (order.code, order.total, order.is_undone)
        if order.code and self.notices.get(name) != told:
            self.notices[name] = told
            self.unread.add(name)

    def read_notices(self) -> None:
        for name, (code, _, is_undone) in self.notices.items():
            taken = self.taken.get(code)
            if name in self.unread and taken:
                if taken.state in ("issued", "expired"):
                    taken.state, taken.order = "used", name
                if is_undone and taken.state == "used" and taken.order == name:
                    self.give_back(taken)
        self.unread.clear()

    # --- Rewards ---

    def refusal(self, who: Person, reward: str) -> str:
        if who.is_blocked:
            return "blocked"
        if not who.has_joined:
            return "not_enrolled"
        if who.balance < self.prices[reward]:
            return "insufficient_points"
        return "out_of_codes" if reward == "pooled" and not self.free else ""

    def take(self, who: Person, reward: str, code: str) -> Taken:
        cost = self.prices[reward]
        self.move(who, -cost)
        who.spent += cost
        self.free -= reward == "pooled"
        self.taken[code] = Taken(who, cost)
        return self.taken[code]

    def give_back(self, taken: Taken) -> None:
        taken.state = "cancelled"
        taken.who.balance += taken.cost
        taken.who.spent -= taken.cost
