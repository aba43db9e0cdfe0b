"""The sample organization's people and what each of them has connected: made by rule, the same in every demo."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import cycle, islice

from portal.rules.roles import Role
from portal.rules.status import Status

ORGANIZATION = "Northwind Bakery"
SLUG = "northwind"
TIME_ZONE = "Europe/Berlin"
DOMAIN = "northwind-bakery.example"
TEAMS = ("Marketing", "Press", "Shops", "Events", "People", "Finance")
FIRST = (
    "Amelie", "Bruno", "Carla", "David", "Elif", "Farid", "Greta", "Hugo", "Ines", "Jonas", "Keiko", "Liam", "Mara",
    "Nils", "Olga", "Pablo", "Quentin", "Rosa", "Samir",
)  # fmt: skip
LAST = (
    "Abbott",
    "Bianchi",
    "Costa",
    "Dubois",
    "Eriksen",
    "Fischer",
    "Garcia",
    "Haddad",
    "Ivanova",
    "Jensen",
    "Kowalski",
)
PEOPLE = 57
PAGES = (
    "Company page",
    "Careers page",
    "Recipes",
    "Events calendar",
    "Customer stories",
    "Shop news",
    "Behind the counter",
)
CHANNELS = ("Bakery channel", "Recipes channel", "Training videos", "Press room", "Live from the oven", "Archive")


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody of the sample organization."""

    name: str
    role: Role = Role.MEMBER
    team: str | None = None

    @property
    def email(self) -> str:
        return f"{self.name.lower().replace(' ', '.')}@{DOMAIN}"


@dataclass(frozen=True, slots=True)
class Link:
    """A connection of the sample: what state it is in, and for how many more days its consent lives."""

    owner: Person
    slug: str  # of the provider: social or video
    nickname: str
    sub: str
    status: Status
    days_left: float = 0.0
    login_name: str = ""
    accounts: tuple[str, ...] = field(default=())

    @property
    def provider_id(self) -> str:
        return f"demo-{self.slug}"


ADMIN = Person("Chloe Martin", Role.ORG_ADMIN, "People")
TEAM_OWNER = Person("Dmitri Novak", Role.TEAM_OWNER, "Press")
EMPLOYEE = Person("Ana Silva", Role.MEMBER, "Marketing")
COLLEAGUE = Person("Ben Okoye", Role.MEMBER, "Marketing")
LIFETIME_DAYS = {"social": 60, "video": 90}

# How the rest of the connections stand: the end in days (from - to by turns) and how many of them.
MIX = (
    (Status.ENDED, (-6.0, -0.2), 9),
    (Status.NEEDS_RECONSENT, (20.0, 45.0), 7),
    (Status.ENDING, (0.3, 13.7), 30),
    (Status.ACTIVE, (14.6, 58.0), 84),
    (Status.DISPLACED, (20.0, 50.0), 4),
    (Status.DISCONNECTED, (20.0, 50.0), 5),
    (Status.INVITED, (0.0, 0.0), 7),
)


def people() -> tuple[Person, ...]:
    """Everybody: the four to sign in as, and the others."""
    names = (f"{first} {last}" for first, last in zip(cycle(FIRST), cycle(LAST), strict=False))
    others = (Person(name, team=team) for name, team in zip(names, cycle(TEAMS), strict=False))
    return (ADMIN, TEAM_OWNER, EMPLOYEE, COLLEAGUE, *islice(others, PEOPLE - 1))


def links() -> tuple[Link, ...]:
    """Every connection: the ones the tour is about, and the others."""
    tour = (
        Link(EMPLOYEE, "social", "Bakery page", "social-business", Status.ENDING, 9.4),
        Link(EMPLOYEE, "video", "Bakery channel", "video-business", Status.ENDING, 3.4),
        Link(EMPLOYEE, "video", "Archive", "video-archive", Status.ACTIVE, 71.0),
        Link(COLLEAGUE, "social", "Team login", "social-shared", Status.ACTIVE, 33.0),
    )
    return (*tour, *_others())


def _others() -> Iterator[Link]:
    owners, number = cycle(people()[4:]), 0
    for status, (least, most), count in MIX:
        for step in range(count):
            number += 1
            slug = "social" if number % 5 < 3 else "video"
            nickname = (PAGES if slug == "social" else CHANNELS)[number % (7 if slug == "social" else 6)]
            days_left = least + (most - least) * step / max(1, count - 1)
            owner = next(owners)
            yield Link(owner, slug, nickname, f"{slug}-{number:03}", status, days_left, f"{owner.name} {nickname}")
