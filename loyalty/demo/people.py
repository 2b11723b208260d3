"""The demo store's customers: invented, the same each time, at addresses that belong to nobody."""

import random
import unicodedata
from dataclasses import dataclass
from datetime import date, timedelta

FIRST = (
    "Ada Alice Amina Anders Andrea Anna Ben Bruno Carla Carmen Cem Chiara Chloé Clara Daniel Diego Elena Elif Emil "
    "Emma Erik Eva Felix Finn Freya Giulia Greta Hana Hugo Ida Ines Isabel Jakub James Jana João Johanna Jonas Julia "
    "Jürgen Karim Katarzyna Klara Lars Laura Lea Leila Leo Lina Lisa Luca Lucía Łukasz Maja Marco Maria Marta Mateo "
    "Mia Mila Milan Nadia Nina Noah Nora Oliver Omar Oscar Paul Pavel Petra Pia Rosa Ruth Samir Sara Sofia Søren Tim "
    "Tomás Vera Viktor Yara Zoë"
)
LAST = (
    "Ahmed Andersen Bauer Becker Bianchi Björk Brandt Brown Carvalho Costa Dahl Davies Díaz Dubois Evans Fernández "
    "Ferrari Fischer Fontaine García Gruber Haas Hansen Herrera Hofmann Horvat Ivanova Jansen Jensen Kaya Keller Klein "
    "Koch Kowalska König Larsen Laurent Lehmann Lind López Marino Martin Meyer Moreau Moretti Müller Nguyen Nielsen "
    "Novák Nowak Okafor Olsen Pereira Petrov Ramos Ricci Richter Romano Rossi Roth Rousseau Sánchez Santos Schmidt "
    "Schulz Silva Smith Svoboda Taylor Thomsen Torres Varga Vogel Wagner Walker Weber Weiß Winter Wolf Yılmaz Zimmer"
)
FIRST_NAMES, LAST_NAMES = FIRST.split(), LAST.split()
DOMAINS = ("example.com", "example.net", "example.org")
PLAIN = str.maketrans({"ß": "ss", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "ı": "i"})


@dataclass(frozen=True, slots=True)
class Person:
    """`external_id` is the shop's number of the account; a guest has none."""

    external_id: str | None
    email: str
    first_name: str
    last_name: str
    birthday: date | None
    tags: tuple[str, ...]

    @property
    def is_guest(self) -> bool:
        return self.external_id is None


def invent(count: int, today: date, rng: random.Random) -> list[Person]:
    taken: set[str] = set()
    return [invent_one(1000 + number, today, rng, taken) for number in range(1, count + 1)]


def invent_one(number: int, today: date, rng: random.Random, taken: set[str]) -> Person:
    first_name, last_name = rng.choice(FIRST_NAMES), rng.choice(LAST_NAMES)
    is_guest = rng.random() < 0.1
    age = timedelta(days=int(rng.triangular(18, 75, 32) * 365.25))
    return Person(
        external_id=None if is_guest else str(number),
        email=address(first_name, last_name, rng, taken),
        first_name=first_name,
        last_name=last_name,
        birthday=today - age if not is_guest and rng.random() < 0.7 else None,
        tags=() if is_guest else tags(rng),
    )


def address(first_name: str, last_name: str, rng: random.Random, taken: set[str]) -> str:
    """An e-mail address from the name that nobody else has."""
    name, domain, number = f"{plain(first_name)}.{plain(last_name)}", rng.choice(DOMAINS), 1
    email = f"{name}@{domain}"
    while email in taken:
        number += 1
        email = f"{name}{number}@{domain}"
    taken.add(email)
    return email


def plain(name: str) -> str:
    letters = unicodedata.normalize("NFKD", name.translate(PLAIN))
    return letters.encode("ascii", "ignore").decode().lower()


def tags(rng: random.Random) -> tuple[str, ...]:
    dice = rng.random()
    return ("wholesale",) if dice < 0.03 else ("barista-club",) if dice < 0.15 else ()
