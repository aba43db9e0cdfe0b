"""The provider's WSGI application: both providers, the consent pages and the control page, joined."""

from flask import Flask, Response

from portal import clock
from portal.demo.provider import clients, keys, logins
from portal.demo.provider.desk import Desk
from portal.demo.provider.forms import csrf_token
from portal.demo.provider.issuers import ISSUERS
from portal.demo.provider.settings import Settings
from portal.demo.provider.store import Store, secret
from portal.demo.provider.views import consent, control, control_api, control_shortcuts, errors, oauth

# No form-action on purpose: Chromium applies it to the redirect after a form, and consent ends at another site.
SECURITY_POLICY = "default-src 'self'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'"


def create_provider(settings: Settings) -> Flask:
    """The stand-in provider as a WSGI app; its state lives in `settings.data_dir` and outlives the process."""
    clock.follow(settings.clock_file)
    store = Store(settings.data_dir / "provider.sqlite")
    app = Flask(__name__, static_folder="static", static_url_path="/static", template_folder="templates")
    app.config.update(
        SECRET_KEY=_prepare(store, settings),
        SESSION_COOKIE_NAME="demo_provider",  # cookies ignore ports: it must not be the portal's name
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_HTTPONLY=True,
        MAX_CONTENT_LENGTH=16 * 1024 * 1024,
        MAX_FORM_MEMORY_SIZE=16 * 1024 * 1024,
    )
    app.extensions["desk"] = Desk(store=store, public_url=settings.public_url.rstrip("/"))
    app.jinja_env.globals["csrf_token"] = csrf_token
    for blueprint in (oauth.blueprint, consent.blueprint, control.blueprint, control_api.blueprint):
        app.register_blueprint(blueprint)
    app.register_blueprint(control_shortcuts.blueprint)
    errors.register(app)
    app.after_request(_protect)
    return app


def _prepare(store: Store, settings: Settings) -> str:
    with store.transaction() as db:
        for issuer in ISSUERS.values():
            logins.prepare(db, issuer)
            keys.prepare(db, issuer.slug, now=clock.now())
        clients.register(db, settings.registered_clients())
        return secret(db, "session")


def _protect(response: Response) -> Response:
    response.headers.setdefault("Content-Security-Policy", SECURITY_POLICY)
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("Referrer-Policy", "no-referrer")
    if not response.cache_control:
        response.headers["Cache-Control"] = "no-store"
    return response
