"""The requests our app makes at one provider, written the way its file says."""

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from time import monotonic
from urllib.parse import quote, urlencode

from authlib.common.urls import add_params_to_uri

from portal.adapters import assertions, dead_secrets
from portal.adapters.discovery import Library, Published, library, wrongly_set_up
from portal.adapters.hooks import hooked
from portal.adapters.token_answers import judged
from portal.adapters.web import DEADLINE, NoAnswer, Request, outgoing
from portal.crypto import Secret
from portal.providers.apps import ProviderApp
from portal.providers.schema import Provider
from portal.providers.words import Body, ClientAuth, Method, RevokeStyle
from portal.rules.answers import Answer
from portal.rules.verdicts import Fault, Phase

Params = Mapping[str, str]
LEAST_TIME = timedelta(milliseconds=250)
SECRET_WAS_TAKEN = frozenset({Fault.OK, Fault.EXPIRED, Fault.REVOKED, Fault.SCOPE_MISSING})
CLIENT_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"  # RFC 7523 section 2.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One request with parameters, before it is written down."""

    url: str
    params: Params = field(repr=False)
    method: Method = Method.POST
    body: Body = Body.FORM
    auth: ClientAuth = ClientAuth.NONE
    headers: Params = field(repr=False)


class Deadline:
    """One span of time that several calls share."""

    def __init__(self, length: timedelta = DEADLINE) -> None:
        self._end = monotonic() + length.total_seconds()

    @property
    def left(self) -> timedelta:
        return timedelta(seconds=self._end - monotonic())


@dataclass(frozen=True, slots=True)
class Calls:
    """One provider seen through our app."""

    provider: Provider
    app: ProviderApp

    @property
    def library(self) -> Library:
        return library(self.app.private_hosts)

    def published(self) -> Published | None:
        """What the provider publishes about itself; None for one that publishes nothing."""
        return self.library.published(self.provider, self.app) if self.provider.is_oidc else None

    def endpoint(self, url: str, published_as: str) -> str:
        """An endpoint of the file with its variables filled in, or else the published one; may be empty."""
        if url:
            return self.app.expand(url)
        published = self.published()
        return str(getattr(published, published_as)) if published else ""

    def needed_endpoint(self, url: str, published_as: str) -> str:
        """The same where nothing works without it."""
        found = self.endpoint(url, published_as)
        if not found:
            raise wrongly_set_up(f"the provider publishes no {published_as}")
        return found

    @property
    def app_auth(self) -> ClientAuth:
        """How our app proves itself: as the file says, else as the document that names the token endpoint does."""
        rules = self.provider.token
        published = self.published() if rules.auth is None and not rules.url else None
        return rules.auth or (published.app_auth if published else ClientAuth.BASIC)

    def expanded(self, params: Params, **more: str) -> dict[str, str]:
        return {name: self.app.expand(value, **more) for name, value in params.items()}

    def send_as_app(self, ask: Ask, deadline: Deadline, *, now: datetime, phase: Phase = Phase.TOKEN) -> Answer:
        """Ask as our app, showing its secrets (or signing by its keys) in turn while the app is what is refused."""
        is_signed = ask.auth is ClientAuth.PRIVATE_KEY_JWT
        proofs = self.app.client_keys if is_signed else self.app.client_secrets
        return self.with_secrets(
            lambda secret: self.send(self._proven(ask, secret, now), secret, deadline, phase=phase), proofs
        )

    def with_secrets(self, send: Callable[[Secret | None], Answer], proofs: tuple[Secret, ...] | None = None) -> Answer:
        """The answer to the first of the app's secrets that is not refused: one may just have been replaced."""
        first, *others = (self.app.client_secrets if proofs is None else proofs) or (None,)
        answer = send(first)
        for number, secret in enumerate(others, start=1):
            if judged(self.provider, answer).fault is not Fault.APP_CONFIG:
                break
            answer = send(secret)
            if judged(self.provider, answer).fault in SECRET_WAS_TAKEN:
                dead_secrets.note(self.provider.id, number)
        return answer

    def _proven(self, ask: Ask, key: Secret | None, now: datetime) -> Ask:
        """The request with our app's own assertion, signed anew for each, if that is how the app proves itself."""
        if ask.auth is not ClientAuth.PRIVATE_KEY_JWT or key is None:
            return ask
        rules = self.provider.token
        audience = self.app.expand(rules.client_audience) or self.needed_endpoint(rules.url, "token_endpoint")
        shown = assertions.for_client(self.app, key, audience=audience, now=now).reveal()
        return replace(ask, params={**ask.params, "client_assertion_type": CLIENT_ASSERTION, "client_assertion": shown})

    def send(self, ask: Ask, secret: Secret | None, deadline: Deadline, *, phase: Phase = Phase.TOKEN) -> Answer:
        """Ask as our app, showing one of its secrets; not at all when there is no time to wait for the answer.

        A rotating refresh token whose answer nobody reads is lost.
        """
        if deadline.left < LEAST_TIME:
            return NoAnswer(phase, reason="no time left to ask")
        request = self.written(ask, secret)
        return outgoing(self.app.private_hosts).send(request, phase=phase, deadline=deadline.left)

    def written(self, ask: Ask, secret: Secret | None) -> Request:
        """The request as it goes out, our app's proof in it."""
        shown = secret.reveal() if secret else ""
        params, headers = dict(ask.params), dict(ask.headers)
        if ask.auth is ClientAuth.BASIC:
            headers["Authorization"] = "Basic " + basic(self.app.client_id, shown)
        elif ask.auth in {ClientAuth.POST, ClientAuth.NONE, ClientAuth.PRIVATE_KEY_JWT}:
            params.setdefault(self.provider.authorize.client_id_param, self.app.client_id)
        if ask.auth is ClientAuth.POST:
            params["client_secret"] = shown
        return _placed(ask, params, headers)

    def show_bearer(self, url: str, token: Secret, *, method: Method = Method.GET, deadline: timedelta) -> Answer:
        """Ask an API with the person's token."""
        rules, end = self.provider.api, Deadline(deadline)
        headers = {**self.expanded(rules.headers), "Authorization": f"Bearer {token.reveal()}"}
        request = Request(self.app.expand(url), method=method, headers=headers)

        def send(secret: Secret | None) -> Answer:
            asked = hooked(request, rules.hooks, token=token, secret=secret)
            return outgoing(self.app.private_hosts).send(asked, phase=Phase.USERINFO, deadline=end.left)

        return self.with_secrets(send) if rules.hooks else send(None)

    def revocation_endpoint(self) -> str:
        """Where grants are ended; empty where the provider has no such place."""
        if self.provider.revoke.style is RevokeStyle.NONE:
            return ""
        return self.endpoint(self.provider.revoke.url, "revocation_endpoint")


def basic(client_id: str, secret: str) -> str:
    """The credentials of HTTP Basic as RFC 6749 section 2.3.1 wants them: both parts form-encoded first."""
    return base64.b64encode(f"{quote(client_id, safe='')}:{quote(secret, safe='')}".encode()).decode("ascii")


def _placed(ask: Ask, params: Params, headers: dict[str, str]) -> Request:
    """The request with its parameters where the provider wants them; without any there is no body: some refuse one."""
    if not params:
        return Request(ask.url, method=ask.method, headers=headers)
    if ask.body is Body.QUERY:
        return Request(add_params_to_uri(ask.url, list(params.items())), method=ask.method, headers=headers)
    if ask.body is Body.JSON:
        headers.setdefault("Content-Type", "application/json")
        return Request(ask.url, method=ask.method, headers=headers, body=json.dumps(dict(params)).encode())
    headers.setdefault("Content-Type", "application/x-www-form-urlencoded")
    return Request(ask.url, method=ask.method, headers=headers, body=urlencode(dict(params)).encode())
