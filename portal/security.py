"""What every answer carries to keep browsers on our side, and which proxies and hosts are believed."""

from collections.abc import Callable
from functools import cached_property
from urllib.parse import urlsplit

import structlog
from flask import Flask, Request, Response, current_app, request
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.sansio.utils import host_is_trusted

from portal.access import Mark, mark_of
from portal.config import Config
from portal.extensions import catalog
from portal.rules.problems import HostUnknown, InvalidRequest

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",  # a login link's address must not travel on
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Robots-Tag": "noindex, nofollow",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
STRICT_TRANSPORT = "max-age=31536000; includeSubDomains"
API_PREFIX = "/api/"
LONGEST_HOST = 100

log = structlog.get_logger(__name__)


def harden(app: Flask, config: Config) -> None:
    """Believe only our own proxies and our own host name, and set the security headers."""
    hops = config.trusted_proxies
    if hops:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]
    if config.is_production:
        app.before_request(_refusal_of_other_hosts(urlsplit(config.public_url).hostname or ""))
    app.before_request(_refuse_nul)
    app.session_interface = _PageSessions()
    policy = _Policy(config)
    app.after_request(policy.apply)


class _PageSessions(SecureCookieSessionInterface):
    """Cookies are for pages: a backend shows its key, and whatever cookie it sends is not even looked at."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        return None if request.path.startswith(API_PREFIX) else super().open_session(app, request)


def _refusal_of_other_hosts(own: str) -> Callable[[], None]:
    """A check of the Host header. Monitoring is let in under any name: probes ask by an address inside the network."""

    def refuse() -> None:
        view = current_app.view_functions.get(request.endpoint or "")
        is_probe = view is not None and mark_of(view) is Mark.MONITORING
        if not is_probe and not host_is_trusted(request.host, [own]):
            log.warning("asked under another host", host=request.host[:LONGEST_HOST])
            raise HostUnknown

    return refuse


def _refuse_nul() -> None:
    """No text of ours holds a NUL and PostgreSQL takes none: such a query string is nothing to search for."""
    if b"%00" in request.query_string:
        holding = {name for name, value in request.args.items(multi=True) if "\0" in value}
        raise InvalidRequest(dict.fromkeys(sorted(holding) or ["query"], "Leave out the NUL character."))


class _Policy:
    """Sets the headers; the content security policy names the providers' origins, to which a form may lead on."""

    def __init__(self, config: Config) -> None:
        self._is_https = config.is_https

    def apply(self, response: Response) -> Response:
        """Add what is missing; a stricter or narrower header of the view's own stays."""
        headers = response.headers
        given = {name.lower() for name, _ in headers}
        if request.endpoint == "static":
            given.add("cache-control")
        for lower, name, value in self._wanted:
            if lower not in given:
                headers.add(name, value)
        return response

    @cached_property
    def _wanted(self) -> tuple[tuple[str, str, str], ...]:
        """Made at the first answer: then the catalog is there."""
        wanted = HEADERS | {"Content-Security-Policy": _content_policy(), "Cache-Control": "no-store"}
        if self._is_https:
            wanted["Strict-Transport-Security"] = STRICT_TRANSPORT
        return tuple((name.lower(), name, value) for name, value in wanted.items())


def _content_policy() -> str:
    # A provider's page may lead on through more addresses of its own; browsers hold forms to all of them.
    forms = " ".join(["'self'", "https:", *sorted(catalog().authorize_origins())])
    return f"default-src 'self'; base-uri 'none'; frame-ancestors 'none'; object-src 'none'; form-action {forms}"
