"""What every answer carries to keep browsers on our side, and which proxies and hosts are believed."""

from urllib.parse import urlsplit

from flask import Flask, Response, request
from werkzeug.middleware.proxy_fix import ProxyFix

from portal.config import Config
from portal.extensions import catalog

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",  # a login link's address must not travel on
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}
STRICT_TRANSPORT = "max-age=31536000; includeSubDomains"


def harden(app: Flask, config: Config) -> None:
    """Believe only our own proxies and our own host name, and set the security headers."""
    hops = config.trusted_proxies
    if hops:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=hops, x_proto=hops, x_host=hops)  # type: ignore[method-assign]
    if config.is_production:
        app.config["TRUSTED_HOSTS"] = [urlsplit(config.public_url).hostname]
    policy = _Policy(config)
    app.after_request(policy.apply)


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
            # A provider's page may lead on through further addresses of its own, and browsers hold forms to all of them.
            forms = " ".join(["'self'", "https:", *sorted(catalog().authorize_origins())])
            self._policy = (
                f"default-src 'self'; base-uri 'none'; frame-ancestors 'none'; object-src 'none'; form-action {forms}"
            )
        return self._policy
