"""What the files say beside the requests: clocks, rotation, consent, as the providers' documentation has them.

The table is written by hand; a fact that is not verified is not in it, and what is not in it has to be the schema's
default, so that nothing slips in unseen.
"""

from datetime import date
from typing import Any

import pytest

from portal.providers.catalog import BUILT_IN, load_catalog
from portal.providers.endpoints import Refresh
from portal.providers.schema import Clocks, ConsentStyle, Provider
from portal.providers.words import Kind

CATALOG = load_catalog(None, {})
HOUR, DAY = 3600, 86400
YEAR = 365 * DAY

FACTS: dict[str, dict[str, Any]] = {
    "linkedin": {
        "refresh.rotation": "static",
        "clocks.access_s": 60 * DAY,
        "clocks.refresh_absolute_s": YEAR,
        "clocks.refresh_absolute_from": "first_grant",
        "clocks.human_at": "refresh_absolute",
        "consent.scopes": "all_or_nothing",
    },
    "facebook": {
        "refresh.mode": "exchange",
        "refresh.trust_only_later_expiry": True,
        "clocks.access_s": 60 * DAY,
        "clocks.human_at": "access",
    },
    "instagram": {"refresh.mode": "exchange", "refresh.min_age_s": DAY, "clocks.access_s": 60 * DAY},
    "google": {
        "refresh.rotation": "static",
        "clocks.access_s": HOUR,
        "clocks.refresh_idle_s": 180 * DAY,
        "consent.accounts": "selectable",
    },
    "vimeo": {"refresh.mode": "none"},
    "tiktok": {
        "refresh.rotation": "rotating",
        "clocks.access_s": 2 * HOUR,
        "clocks.refresh_absolute_s": 180 * DAY,
        "clocks.human_at": "refresh_absolute",
    },
    "x": {"refresh.rotation": "rotating", "clocks.access_s": 2 * HOUR, "consent.single_link_per_login": True},
    "microsoft": {"refresh.rotation": "rotating", "refresh.grace_s": 90 * DAY, "clocks.refresh_idle_s": 90 * DAY},
    "ringcentral": {
        "refresh.rotation": "rotating",
        "refresh.grace_s": 10,
        "refresh.old_access_dies": True,
        "clocks.access_s": HOUR,
        "clocks.refresh_absolute_s": 7 * DAY,
        "consent.scopes": "fixed_by_app",
    },
    "atlassian": {
        "refresh.rotation": "rotating",
        "refresh.grace_s": 600,
        "refresh.old_access_dies": True,
        "clocks.access_s": HOUR,
        "clocks.refresh_absolute_s": YEAR,
        "clocks.refresh_absolute_from": "first_grant",
        "clocks.refresh_idle_s": 90 * DAY,
        "clocks.human_at": "refresh_absolute",
        "consent.accounts": "selectable",
    },
    "github": {"refresh.mode": "none"},
    "github-app": {
        "refresh.rotation": "rotating",
        "refresh.old_access_dies": True,
        "clocks.access_s": 8 * HOUR,
        "clocks.refresh_absolute_s": 180 * DAY,
        "consent.scopes": "fixed_by_app",
    },
    "gitlab": {
        "refresh.rotation": "rotating",
        "refresh.old_access_dies": True,
        "refresh.send_redirect_uri": True,
        "clocks.access_s": 2 * HOUR,
    },
    "okta": {
        "refresh.rotation": "policy",
        "refresh.grace_s": 30,
        "clocks.access_s": HOUR,
        "clocks.refresh_absolute_s": 90 * DAY,
        "clocks.refresh_absolute_from": "first_grant",
        "clocks.human_at": "refresh_absolute",
    },
    "okta-custom": {
        "refresh.rotation": "policy",
        "refresh.grace_s": 30,
        "clocks.access_s": HOUR,
        "clocks.refresh_idle_s": 7 * DAY,
    },
    "auth0": {"refresh.rotation": "policy"},
    "akoya": {
        "clocks.access_s": DAY,
        "clocks.human_at": "refresh_absolute",
        "consent.accounts": "selectable",
        "consent.single_link_per_login": True,
    },
    "salesforce": {"refresh.rotation": "policy", "clocks.access_s": HOUR},
    "slack": {"refresh.rotation": "rotating"},
    "slack-bot": {"refresh.rotation": "rotating"},
    "zoom": {
        "refresh.rotation": "rotating",
        "clocks.access_s": HOUR,
        "clocks.refresh_idle_s": 90 * DAY,
        "consent.single_link_per_login": True,
    },
    "dropbox": {"refresh.rotation": "static", "clocks.access_s": 4 * HOUR},
    "hubspot": {"clocks.access_s": HOUR // 2},
    "oidc": {},
    "google-service": {
        "refresh.mode": "jwt_bearer",
        "refresh.rotation": "static",
        "clocks.access_s": HOUR,
        "consent.scopes": "fixed_by_app",
    },
    "ringcentral-jwt": {
        "refresh.mode": "jwt_bearer",
        "refresh.rotation": "static",
        "clocks.access_s": HOUR,
        "consent.scopes": "fixed_by_app",
    },
    "salesforce-jwt": {
        "refresh.mode": "jwt_bearer",
        "refresh.rotation": "static",
        "clocks.access_s": HOUR,
        "consent.scopes": "fixed_by_app",
    },
    "jwt-bearer": {"refresh.mode": "jwt_bearer", "refresh.send_scope": True, "consent.scopes": "fixed_by_app"},
    "twilio": {"refresh.mode": "none"},
    "plaid": {"refresh.mode": "none"},
}
SCOPES: dict[str, tuple[str, str, str]] = {  # asked for; of these optional; needed for a refresh token
    "linkedin": ("openid profile email", "", ""),
    "facebook": ("public_profile email", "email", ""),
    "instagram": ("instagram_business_basic", "", "instagram_business_basic"),
    "google": ("openid email profile https://www.googleapis.com/auth/youtube.readonly", "email profile", ""),
    "tiktok": ("user.info.basic", "", ""),
    "x": ("tweet.read users.read offline.access", "", "offline.access"),
    "microsoft": ("openid profile email offline_access", "profile email offline_access", "offline_access"),
    "atlassian": ("read:me offline_access", "offline_access", "offline_access"),
    "github": ("read:user", "", ""),
    "gitlab": ("read_user", "", ""),
    "okta": ("openid profile email offline_access", "profile email", "offline_access"),
    "okta-custom": ("openid profile email offline_access", "profile email", "offline_access"),
    "auth0": ("openid profile email offline_access", "profile email offline_access", "offline_access"),
    "akoya": ("openid offline_access", "", ""),
    "salesforce": ("api refresh_token openid", "", "refresh_token"),
    "slack": ("users:read", "", ""),
    "slack-bot": ("users:read", "", ""),
    "hubspot": ("oauth", "", ""),
    "oidc": ("openid profile email offline_access", "profile email offline_access", "offline_access"),
}
ASKED_ELSEWHERE = {"url", "method", "body", "auth", "params", "map", "app_deadlines"}  # seen in requests, or below
SHIPPED = sorted(path.stem for path in BUILT_IN.glob("*.toml") if not path.stem.startswith("demo-"))


@pytest.mark.parametrize("provider_id", SHIPPED)
def test_a_file_says_what_is_known_and_nothing_more(provider_id: str) -> None:
    said = facts_of(CATALOG.providers[provider_id])
    usual = {
        f"{name}.{key}": value
        for name, table in (("refresh", Refresh()), ("clocks", Clocks()), ("consent", ConsentStyle()))
        for key, value in members(table)
    }
    assert said == usual | FACTS[provider_id]


@pytest.mark.parametrize("provider_id", SHIPPED)
def test_a_file_asks_for_the_scopes_its_provider_documents(provider_id: str) -> None:
    scope = CATALOG.providers[provider_id].authorize.scope
    asked = tuple(" ".join(names) for names in (scope.default, scope.optional, scope.required_for_refresh))
    assert asked == SCOPES.get(provider_id, ("", "", ""))


def facts_of(provider: Provider) -> dict[str, Any]:
    tables = ("refresh", "clocks", "consent")
    return {f"{name}.{key}": value for name in tables for key, value in members(getattr(provider, name))}


def members(table: Any) -> list[tuple[str, Any]]:
    names = (name for name in type(table).__dataclass_fields__ if name not in ASKED_ELSEWHERE)
    return [(name, getattr(table, name)) for name in names]


@pytest.mark.parametrize("provider_id", sorted(set(SHIPPED) - {"oidc", "jwt-bearer"}))
def test_a_file_says_how_old_it_is_and_where_it_was_read(provider_id: str) -> None:
    provider = CATALOG.providers[provider_id]
    assert date(2026, 11, 1) <= date.fromisoformat(provider.as_of) <= date(2026, 11, 20)
    assert provider.docs


def test_the_end_of_hubspots_old_endpoints_is_known_to_admins() -> None:
    (deadline,) = CATALOG.providers["hubspot"].clocks.app_deadlines
    assert (deadline.on, deadline.to) == (date(2027, 2, 16), "admins")
    assert "/oauth/v1/" not in (BUILT_IN / "hubspot.toml").read_text(encoding="utf-8")


def test_key_connections_are_known_by_their_faults_alone() -> None:
    environ = {"PORTAL_PROVIDER_TWILIO_CLIENT_ID": "x", "PORTAL_PROVIDER_TWILIO_CLIENT_SECRET": "y"}
    catalog = load_catalog(None, environ)
    for provider_id, kind in (("twilio", Kind.API_KEY), ("plaid", Kind.CUSTOM)):
        provider = catalog.providers[provider_id]
        assert provider.kind is kind
        assert provider.errors
        assert catalog.app(provider_id) is None
    assert catalog.offered == ()
    assert [problem.text for problem in catalog.problems] == [
        f"{name} belongs to no provider of the catalog" for name in sorted(environ)
    ]
