"""Every provider file that ships is right, and says what its provider's documentation says."""

import json
import re
from pathlib import Path

import pytest

from portal.providers.catalog import BUILT_IN, load_catalog, read_file
from portal.providers.words import ClientAuth, HumanClock, Pkce, RefreshMode
from portal.rules.answers import Answer
from portal.rules.faults import classify
from portal.rules.verdicts import Phase

FILES = sorted(BUILT_IN.glob("*.toml"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_shipped_file_has_nothing_to_complain_about(path: Path) -> None:
    reading = read_file(path)
    assert reading.problems == ()
    assert reading.provider_id == path.stem


def test_without_any_setting_nothing_is_offered_and_nothing_is_wrong() -> None:
    catalog = load_catalog(None, {})
    assert catalog.offered == ()
    assert catalog.problems == ()
    assert {"linkedin", "google", "oidc", "demo-social", "demo-video"} <= {provider.id for provider in catalog.all}


def test_linkedin_shows_its_secret_in_the_body_and_echoes_no_nonce() -> None:
    linkedin = load_catalog(None, {}).providers["linkedin"]
    assert linkedin.token.auth is ClientAuth.POST
    assert linkedin.authorize.pkce is Pkce.OFF
    assert not linkedin.identity.oidc.nonce
    assert linkedin.clocks.human_at is HumanClock.REFRESH_ABSOLUTE
    assert linkedin.clocks.refresh_absolute_s == 365 * 86_400


def test_google_asks_for_offline_access_at_every_consent() -> None:
    google = load_catalog(None, {}).providers["google"]
    assert google.authorize.params == {"access_type": "offline", "prompt": "consent"}
    assert google.refresh.mode is RefreshMode.REFRESH_TOKEN
    assert google.clocks.human_at is HumanClock.NONE


def test_each_of_oktas_servers_has_its_file() -> None:
    """The org's issuer is a host alone, a custom server's names the server; both speak the same language."""
    known = load_catalog(None, {}).providers
    org, custom = known["okta"], known["okta-custom"]
    issuers = ("https://acme.okta.com", "https://acme.okta.com/oauth2/default")
    assert [bool(re.fullmatch(org.vars["issuer"].pattern, one)) for one in issuers] == [True, False]
    assert [bool(re.fullmatch(custom.vars["issuer"].pattern, one)) for one in issuers] == [False, True]
    assert custom.errors == org.errors


ANSWERS = [
    ("google", Phase.TOKEN, 400, {"error": "invalid_grant", "error_subtype": "invalid_rapt"}, "expired"),
    ("google", Phase.TOKEN, 400, {"error": "internal_failure"}, "transient"),
    ("google", Phase.API, 403, {"error": {"errors": [{"reason": "quotaExceeded"}]}}, "rate-limited"),
    ("google", Phase.API, 403, {"error": {"errors": [{"reason": "insufficientPermissions"}]}}, "scope-missing"),
    ("linkedin", Phase.API, 401, {"message": "Empty oauth2_access_token", "status": 401}, "app-config"),
    ("linkedin", Phase.API, 403, {"serviceErrorCode": 100, "status": 403}, "scope-missing"),
]


@pytest.mark.parametrize(("provider_id", "phase", "status", "body", "fault"), ANSWERS)
def test_a_providers_own_way_of_failing_is_understood(
    provider_id: str, phase: Phase, status: int, body: dict[str, object], fault: str
) -> None:
    provider = load_catalog(None, {}).providers[provider_id]
    assert classify(Answer(phase, status, {}, json.dumps(body)), provider.errors).fault == fault
