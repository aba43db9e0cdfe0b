"""What every answer carries to keep browsers on our side, and which proxies and hosts are believed."""

from collections.abc import Callable
from urllib.parse import urlsplit

from flask import Flask, Response, current_app, request
from werkzeug.exceptions import BadRequest
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.sansio.utils import host_is_trusted

from portal.access import Mark, mark_of
from portal.config import Config
from portal.extensions import catalog

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


def harden(app: Flask, config: Config) -> None:
    """Believe only our own proxies and our own host name, and set the security headers."""
    hops = config.trusted_proxies
    if hops:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]
    if config.is_production:
        app.before_request(_refusal_of_other_hosts(urlsplit(config.public_url).hostname or ""))
    policy = _Policy(config)
    app.after_request(policy.apply)


def _refusal_of_other_hosts(own: str) -> Callable[[], None]:
    """A check of the Host header. Monitoring is let in under any name: probes ask by an address inside the network."""

    def refuse() -> None:
        view = current_app.view_functions.get(request.endpoint or "")
        is_probe = view is not None and mark_of(view) is Mark.MONITORING
        if not is_probe and not host_is_trusted(request.host, [own]):
            raise BadRequest

    return refuse


class _Policy:
    """Sets the headers; the content security policy names the providers' origins, to which a form may lead on."""

    def __init__(self, config: Config) -> None:
        self._is_https = config.is_https
        self._policy: str | None = None

    def apply(self, response: Response) -> Response:
        for name, value in HEADERS.items():
            response.headers.setdefault(name, value)  # a stricter or narrower one of the view's own stays
        response.headers.setdefault("Content-Security-Policy", self._content_policy())
        if self._is_https:
            response.headers["Strict-Transport-Security"] = STRICT_TRANSPORT
        if request.endpoint != "static" and "Cache-Control" not in response.headers:
            response.headers["Cache-Control"] = "no-store"
        return response

    def _content_policy(self) -> str:
        if self._policy is None:
            # A provider's page may lead on through more addresses of its own; browsers hold forms to all of them.
            forms = " ".join(["'self'", "https:", *sorted(catalog().authorize_origins())])
            self._policy = (
                f"default-src 'self'; base-uri 'none'; frame-ancestors 'none'; object-src 'none'; form-action {forms}"
            )
        return self._policy
