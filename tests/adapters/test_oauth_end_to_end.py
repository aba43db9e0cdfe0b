"""The built-in files of the demo's two providers and our OAuth calls against the real provider process."""

from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import urlsplit

import pytest

from portal.adapters import oauth
from portal.adapters.oauth import OAuthFailed, RevocationState, TokenAnswer
from portal.crypto import Secret
from portal.demo.provider.knobs import ID_TOKENS
from portal.providers.apps import ProviderApp
from portal.providers.catalog import load_catalog
from portal.providers.schema import Provider
from portal.rules.problems import IdentityUnverified
from portal.rules.verdicts import Fault
from tests.demo_provider import Client, DemoProvider, callback_of, running

LEGAL = ID_TOKENS[: ID_TOKENS.index("without_kid") + 1]
LIES = ID_TOKENS[len(LEGAL) :]


@pytest.fixture(scope="module")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoProvider]:
    with running(tmp_path_factory.mktemp("provider")) as provider:
        yield provider


@pytest.fixture(params=["social", "video"])
def client(process: DemoProvider, request: pytest.FixtureRequest) -> Client:
    process.reset()
    process.http.cookies.clear()
    return Client(process, request.param)


@pytest.fixture
def social(process: DemoProvider) -> Client:
    process.reset()
    process.http.cookies.clear()
    return Client(process, "social")


def configured(client: Client) -> tuple[Provider, ProviderApp]:
    """The demo provider as the portal knows it: its built-in file and three names in the environment."""
    name = f"PORTAL_PROVIDER_DEMO_{client.slug.upper()}_"
    environ = {
        name + "CLIENT_ID": client.client_id,
        name + "CLIENT_SECRET": f"replaced-long-ago,{client.secret}",
        name + "BASE_URL": client.issuer,
    }
    catalog = load_catalog(None, environ, private_hosts=frozenset({urlsplit(client.issuer).netloc}))
    provider, app = catalog.get(f"demo-{client.slug}"), catalog.app(f"demo-{client.slug}")
    assert catalog.problems == ()
    assert provider is not None
    assert app is not None
    return provider, app


def connect(client: Client, provider: Provider, app: ProviderApp, login: str = "business") -> TokenAnswer:
    """A whole consent; the callback is checked as it must be."""
    client.provider.control(f"{client.slug}/next-consent", sub=f"{client.slug}-{login}")
    url = oauth.authorization_url(
        provider,
        app,
        redirect_uri=client.redirect_uri,
        state="state-1",
        nonce="nonce-1",
        code_challenge=oauth.code_challenge(provider, client.verifier),
        scopes=provider.authorize.scope.default,
        reconsent=True,
    )
    callback = callback_of(client.provider.http.get(url, allow_redirects=False, timeout=20))
    issuer, is_required = oauth.expected_callback_issuer(provider, app)
    assert is_required
    oauth.check_callback(callback.parameters, expected_issuer=issuer, iss_required=is_required)
    assert callback.parameters["state"] == "state-1"
    return oauth.exchange_code(
        provider,
        app,
        code=callback.parameters["code"],
        redirect_uri=client.redirect_uri,
        code_verifier=client.verifier,
        now=client.provider.now(),
    )


def test_a_connection_lives_from_consent_to_revocation(client: Client) -> None:
    provider, app = configured(client)
    now = client.provider.now()
    tokens = connect(client, provider, app)

    assert tokens.refresh_token is not None
    assert tokens.expires_at is not None
    assert tokens.refresh_expires_at is not None
    assert timedelta(minutes=59) < tokens.expires_at - now < timedelta(minutes=61)
    assert tokens.refresh_expires_at - now > timedelta(days=59)
    assert tokens.scopes == frozenset(provider.authorize.scope.default)

    identity = oauth.identify(provider, app, tokens, nonce="nonce-1", now=client.provider.now())
    assert identity.subject == f"{client.slug}-business"
    assert identity.label.startswith("Northwind")
    accounts = oauth.shared_accounts(provider, app, tokens.access_token)
    assert "Northwind Bakery" in accounts[0].name

    fresh = oauth.refresh(provider, app, refresh_token=tokens.refresh_token, now=client.provider.now())
    assert fresh.access_token != tokens.access_token
    assert (fresh.refresh_token is None) is (client.slug == "video")
    assert oauth.identify(provider, app, fresh, nonce=None, now=client.provider.now()) == identity
    assert oauth.is_alive(provider, app, fresh.access_token, now=client.provider.now())

    newest = fresh.refresh_token or tokens.refresh_token
    ended = oauth.revoke(
        provider, app, access_token=fresh.access_token, refresh_token=newest, now=client.provider.now()
    )
    assert ended.state is RevocationState.DONE
    assert not oauth.is_alive(provider, app, fresh.access_token, now=client.provider.now())
    with pytest.raises(OAuthFailed) as failed:
        oauth.refresh(provider, app, refresh_token=newest, now=client.provider.now())
    assert failed.value.verdict.fault is Fault.REVOKED


@pytest.mark.parametrize("kind", LEGAL)
def test_every_legal_id_token_is_believed(social: Client, kind: str) -> None:
    provider, app = configured(social)
    social.provider.control("social/knobs", id_token=kind)
    tokens = connect(social, provider, app)
    assert (
        oauth.identify(provider, app, tokens, nonce="nonce-1", now=social.provider.now()).subject == "social-business"
    )


@pytest.mark.parametrize("kind", LIES)
def test_every_lie_of_an_id_token_is_seen_through(social: Client, kind: str) -> None:
    provider, app = configured(social)
    social.provider.control("social/knobs", id_token=kind)
    tokens = connect(social, provider, app)
    with pytest.raises(IdentityUnverified):
        oauth.identify(provider, app, tokens, nonce="nonce-1", now=social.provider.now())


@pytest.mark.parametrize("kind", ["wrong_iss", "without_iss"])
def test_a_callback_of_another_provider_is_refused(social: Client, kind: str) -> None:
    provider, app = configured(social)
    social.provider.control("social/knobs", callback=kind)
    with pytest.raises(IdentityUnverified):
        connect(social, provider, app)


def test_a_code_is_worth_nothing_without_the_verifier_that_belongs_to_it(social: Client) -> None:
    provider, app = configured(social)
    code = social.consent("social-business").parameters["code"]
    with pytest.raises(OAuthFailed) as failed:
        oauth.exchange_code(
            provider,
            app,
            code=code,
            redirect_uri=social.redirect_uri,
            code_verifier="x" * 43,
            now=social.provider.now(),
        )
    assert failed.value.verdict.fault is Fault.REVOKED


def test_a_wrong_secret_is_the_apps_fault_and_nobodys_grant(social: Client) -> None:
    provider, app = configured(social)
    wrong = ProviderApp(app.client_id, (Secret("wrong"),), app.vars, app.private_hosts)
    with pytest.raises(OAuthFailed) as failed:
        oauth.refresh(provider, wrong, refresh_token=Secret("whatever"), now=social.provider.now())
    assert failed.value.verdict.fault is Fault.APP_CONFIG
