"""The two providers that live in this process, and the people who have logins there."""

from dataclasses import dataclass

from portal.demo.provider.knobs import ROTATING, STATIC, Knobs

DAY_S = 24 * 60 * 60


@dataclass(frozen=True)
class Scope:
    """One permission an app may ask for; the person may untick an optional one."""

    name: str
    words: str
    is_optional: bool


@dataclass(frozen=True)
class Account:
    """Something shareable behind a login: a page or a channel."""

    id: str
    name: str


@dataclass(frozen=True)
class Login:
    """Somebody who can sign in at a provider; `sub` never changes, the rest may."""

    sub: str
    label: str
    name: str
    email: str
    accounts: tuple[Account, ...]

    @property
    def initials(self) -> str:
        words = [word for word in self.name.split() if word[0].isalnum()]
        return "".join(word[0] for word in words[:2]).upper() or "?"


@dataclass(frozen=True)
class Issuer:
    """One provider: its face, its permissions, its people and how its tokens behave until a tester says otherwise."""

    slug: str
    name: str
    account_word: str
    scopes: tuple[Scope, ...]
    logins: tuple[Login, ...]
    knobs: Knobs

    def scope_names(self) -> frozenset[str]:
        return frozenset(scope.name for scope in self.scopes)


_IDENTITY_SCOPES = (
    Scope("openid", "Know which login you use", is_optional=False),
    Scope("profile", "See your name", is_optional=False),
    Scope("offline_access", "Stay connected while you are away", is_optional=False),
    Scope("email", "See your e-mail address", is_optional=True),
)

SOCIAL = Issuer(
    slug="social",
    name="Demo Social",
    account_word="pages",
    scopes=(
        *_IDENTITY_SCOPES,
        Scope("pages.read", "Read your pages and their posts", is_optional=True),
        Scope("pages.publish", "Publish posts on your pages", is_optional=True),
        Scope("insights.read", "See how your posts perform", is_optional=True),
    ),
    logins=(
        Login(
            "social-personal",
            "Personal",
            "Robin Ahlgren",
            "robin.ahlgren@example.com",
            (Account("page-robin", "Robin's travel photos"),),
        ),
        Login(
            "social-business",
            "Business",
            "Northwind Bakery",
            "hello@northwind-bakery.example",
            (
                Account("page-northwind", "Northwind Bakery"),
                Account("page-northwind-jobs", "Northwind Jobs"),
                Account("page-northwind-events", "Northwind Events"),
            ),
        ),
        Login(
            "social-agency",
            "Agency",
            "Brightside Agency",
            "team@brightside.example",
            (
                Account("page-northwind", "Northwind Bakery"),
                Account("page-harbour", "Harbour Hotel"),
                Account("page-velo", "Velo Repairs"),
            ),
        ),
        Login(
            "social-shared",
            "Shared team login",
            "Marketing Team",
            "marketing@northwind-bakery.example",
            (
                Account("page-northwind", "Northwind Bakery"),
                Account("page-northwind-events", "Northwind Events"),
            ),
        ),
        Login("social-empty", "Brand new", "Sam Okafor", "sam.okafor@example.com", ()),
    ),
    knobs=Knobs(rotation=ROTATING, consent_lifetime_s=60 * DAY_S, grace_s=30),
)

VIDEO = Issuer(
    slug="video",
    name="Demo Video",
    account_word="channels",
    scopes=(
        *_IDENTITY_SCOPES,
        Scope("channels.read", "See your channels and videos", is_optional=True),
        Scope("channels.upload", "Upload videos to your channels", is_optional=True),
        Scope("analytics.read", "See how your videos perform", is_optional=True),
    ),
    logins=(
        Login(
            "video-personal",
            "Personal",
            "Robin Ahlgren",
            "robin.ahlgren@example.com",
            (Account("channel-robin", "Robin on the road"),),
        ),
        Login(
            "video-business",
            "Business",
            "Northwind Studio",
            "studio@northwind-bakery.example",
            (
                Account("channel-northwind", "Northwind Bakery TV"),
                Account("channel-recipes", "Northwind Recipes"),
            ),
        ),
        Login(
            "video-agency",
            "Agency",
            "Brightside Agency",
            "team@brightside.example",
            (
                Account("channel-northwind", "Northwind Bakery TV"),
                Account("channel-harbour", "Harbour Hotel Live"),
                Account("channel-velo", "Velo Workshop"),
            ),
        ),
        Login(
            "video-archive",
            "Archive",
            "Northwind Archive",
            "archive@northwind-bakery.example",
            (Account("channel-archive", "Northwind 1998 to 2015"),),
        ),
    ),
    knobs=Knobs(rotation=STATIC, consent_lifetime_s=90 * DAY_S, grace_s=0),
)

ISSUERS = {issuer.slug: issuer for issuer in (SOCIAL, VIDEO)}
