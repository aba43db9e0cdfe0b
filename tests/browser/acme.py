"""An organization of its own for each test, with logins at the demo's providers that nobody else has."""

from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Any
from uuid import UUID, uuid4

import requests

from portal.crypto import Secret
from portal.models.email import EmailKind
from portal.rules.comparison import SharedAccount
from portal.rules.reminders import ReminderPolicy
from portal.rules.roles import Role
from portal.services import api_keys, offers, policy, reminders
from portal.services.new_grants import NewGrant
from tests import consents
from tests.browser.demo import Demo, link_in
from tests.factories import Person, make_connection, make_member, make_organization
from tests.links import delivered_link

CONSENT_LASTS = timedelta(days=60)
ROUND_THE_CLOCK = ReminderPolicy(14, 2, time(0), time.max, "Europe/Berlin")
TIMEOUT_S = 20


@dataclass(frozen=True)
class Login:
    """Somebody's login at a provider; `label` is what its page calls it."""

    sub: str
    label: str
    name: str
    accounts: tuple[SharedAccount, ...]
    slug: str

    @property
    def email(self) -> str:
        return f"{self.sub}@example.com"


@dataclass
class Acme:
    """Ana and Ben (members) and Chloe (org admin), and what they have at the providers."""

    demo: Demo
    mark: str = field(default_factory=lambda: uuid4().hex[:8])
    ana: Person = field(init=False)
    ben: Person = field(init=False)
    chloe: Person = field(init=False)

    def __post_init__(self) -> None:
        with self.demo.app.app_context():
            now = self.demo.now()
            organization_id = make_organization(f"Acme {self.mark}", f"acme-{self.mark}", now=now)
            self.ana = make_member(organization_id, "Ana Alvarez", self.address("ana"), team="Press", now=now)
            self.ben = make_member(organization_id, "Ben Brandt", self.address("ben"), team="Shops", now=now)
            self.chloe = make_member(organization_id, "Chloe Chen", self.address("chloe"), Role.ORG_ADMIN, now=now)
            policy.change(self.chloe.asker, ROUND_THE_CLOCK, policy_period_days=None, now=now)

    def address(self, name: str) -> str:
        return f"{name}.{self.mark}@acme.example"

    def add_member(self, name: str, *, team: str | None = None, role: Role = Role.MEMBER) -> Person:
        address = self.address(name.lower().replace(" ", "."))
        with self.demo.app.app_context():
            return make_member(self.chloe.organization_id, name, address, role, team=team, now=self.demo.now())

    def login(self, label: str, *, slug: str = "social", accounts: tuple[str, ...] = ("Bakery", "Jobs")) -> Login:
        """A new login at a provider, offered on its page."""
        sub = f"{slug}-{label.lower()}-{self.mark}"
        shared = tuple(SharedAccount(f"{sub}-{name.lower()}", name) for name in accounts)
        login = Login(sub, f"{label} {self.mark}", f"{label} of Acme", shared, slug)
        given = {"sub": sub, "label": login.label, "name": login.name, "email": login.email}
        listed = [{"id": account.id, "name": account.name} for account in shared]
        self.demo.provider.control(f"{slug}/logins", **given, accounts=listed)
        return login

    def connect(self, who: Person, login: Login, nickname: str, *, days_left: float = 25) -> UUID:
        """A connection as a consent of long ago has left it; with more than 14 days left nobody is reminded of it."""
        then = self.demo.now() + timedelta(days=days_left) - CONSENT_LASTS
        with self.demo.app.app_context():
            new = self._grant(login, then)
            asker, provider_id = who.asker, f"demo-{login.slug}"
            finished = consents.come_back(
                asker, new, provider_id=provider_id, nickname=nickname, began_at=then, now=then
            )
        assert finished.connection_id is not None
        return finished.connection_id

    def connect_on_paper(self, who: Person, nickname: str, **facts: Any) -> UUID:
        """A connection no provider knows of, for lists; its tokens never need to be refreshed."""
        with self.demo.app.app_context():
            return make_connection(who, nickname=nickname, access_ends_in=None, now=self.demo.now(), **facts)

    def link(self, who: Person, place: str, *, kind: EmailKind = EmailKind.REMINDER) -> str:
        """The address of a login link just delivered; earlier ones are superseded by it."""
        with self.demo.app.app_context():
            return f"{self.demo.url}/login/{delivered_link(who, now=self.demo.now(), kind=kind, place=place)}"

    def remind(self, connection_id: UUID, owner: Person) -> str:
        """The link in the reminder that an admin has just sent."""
        number = len(self.demo.mails(owner.email, "reminder")) + 1
        with self.demo.app.app_context():
            reminders.remind_now(self.chloe.asker, connection_id, now=self.demo.now())
        return link_in(self.demo.wait_for_mail(owner.email, "reminder", number=number))

    def ask_token(self, connection_id: UUID, *, min_ttl: int | None = None) -> requests.Response:
        """What a backend with a key of its own is answered; a `min_ttl` of a whole life makes the portal refresh."""
        with self.demo.app.app_context():
            _, key = api_keys.create(self.chloe.asker, "Backend", now=self.demo.now())
        return ask_token(self.demo, key.reveal(), connection_id, min_ttl=min_ttl)

    def living_grants(self, login: Login) -> int:
        """How many consents of the login count at the provider at this moment."""
        address = f"{self.demo.provider.url}/control/api/{login.slug}/grants"
        grants = requests.get(address, params={"sub": login.sub}, timeout=TIMEOUT_S).json()["grants"]
        return len([grant for grant in grants if grant["ended_at"] is None])

    def _grant(self, login: Login, then: datetime) -> NewGrant:
        provider, _ = offers.offered(f"demo-{login.slug}")
        wanted = {
            "sub": login.sub,
            "scopes": provider.authorize.scope.default,
            "consented_at": then.isoformat(),
            "consent_lifetime_s": int(CONSENT_LASTS.total_seconds()),
        }
        given = self.demo.provider.control(f"{login.slug}/grants", grants=[wanted])["grants"][0]
        return NewGrant(
            subject=login.sub,
            label=f"{login.name} ({login.email})",
            scopes=frozenset(given["scope"].split()),
            accounts=login.accounts,
            token_type="Bearer",
            access_token=Secret(given["access_token"]),
            refresh_token=Secret(given["refresh_token"]),
            issued_at=then,
            access_expires_at=datetime.fromisoformat(given["access_expires_at"]),
            refresh_expires_at=then + CONSENT_LASTS,
        )


def ask_token(demo: Demo, key: str, connection_id: UUID, *, min_ttl: int | None = None) -> requests.Response:
    """POST /api/v1/connections/<id>/token with a key."""
    address = f"{demo.url}/api/v1/connections/{connection_id}/token"
    body = {} if min_ttl is None else {"min_ttl": min_ttl}
    return requests.post(address, json=body, headers={"Authorization": f"Bearer {key}"}, timeout=TIMEOUT_S)
