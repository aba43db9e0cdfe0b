"""The one place where the parts are joined: `create_app()` gives a whole portal."""

import os
from collections.abc import Callable, Mapping, MutableMapping
from datetime import timedelta
from importlib import import_module
from typing import Any

from flask import Flask
from flask.templating import Environment as JinjaEnvironment
from redis import Redis

import portal.models  # noqa: F401 - makes every table known
from portal import access, clock, errors, filters, logs, security
from portal.adapters import embedded_redis, mail
from portal.config import Config, Environment, load_config
from portal.crypto import Keyring, Signer
from portal.db import db, engine_options, prepare_engine
from portal.extensions import KEY, Parts, csrf, limiter, login_manager
from portal.providers.catalog import load_catalog

BLUEPRINTS = (
    "sign_in",
    "my_connections",
    "consent",
    "dashboard",
    "providers",
    "team",
    "members",
    "service_connections",
    "settings",
    "webhooks",
    "audit",
    "api",
    "health",
)
LARGEST_UPLOAD = 16 * 1024 * 1024
REDIS_TIMEOUT_S = 5


class Templates(JinjaEnvironment):
    """Jinja with a template's globals in one dictionary: every import compares them, and a chain of two is slow."""

    def make_globals(self, d: MutableMapping[str, Any] | None) -> MutableMapping[str, Any]:
        return {**self.globals, **(d or {})}


class Portal(Flask):
    """Flask without a question it asks before each call of a view or a hook: none of ours is asynchronous."""

    jinja_environment = Templates

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        return func


def create_app(environ: Mapping[str, str] | None = None) -> Flask:
    """A portal configured by `environ` (default: the process's own); raises ConfigurationInvalid with every problem."""
    config = load_config(os.environ if environ is None else environ)
    logs.configure(config)
    clock.follow(config.clock_path)
    app = Portal("portal")
    app.config.update(_flask_settings(config))
    app.extensions[KEY] = _parts(config)
    _join_extensions(app)
    _join_views(app, config)
    security.harden(app, config)
    access.guard_everything(app)
    return app


def _flask_settings(config: Config) -> dict[str, object]:
    name = "reconsent"
    return {
        "SECRET_KEY": config.secret_key.reveal(),
        "SQLALCHEMY_DATABASE_URI": config.database_url,
        "SQLALCHEMY_ENGINE_OPTIONS": engine_options(config.database_url),
        "SESSION_COOKIE_NAME": f"__Host-{name}" if config.is_https else name,
        "SESSION_COOKIE_SECURE": config.is_https,
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SESSION_REFRESH_EACH_REQUEST": False,  # else an answer begun before signing in could bring the old cookie back
        "PERMANENT_SESSION_LIFETIME": timedelta(days=8),  # longer than any session's row lives
        "MAX_CONTENT_LENGTH": LARGEST_UPLOAD,
        "SEND_FILE_MAX_AGE_DEFAULT": timedelta(days=1),  # addresses of our files carry a version of their content
        "TEMPLATES_AUTO_RELOAD": False,
        "WTF_CSRF_TIME_LIMIT": None,  # as long as the session: a page left open overnight still works
        "WTF_CSRF_SSL_STRICT": False,  # wants a Referer, and our pages send none: login links are in it
        "RATELIMIT_STRATEGY": "moving-window",
        "RATELIMIT_STORAGE_OPTIONS": {"socket_timeout": REDIS_TIMEOUT_S, "socket_connect_timeout": REDIS_TIMEOUT_S},
        "RATELIMIT_STORAGE_URI": "memory://" if config.env is Environment.TEST else _limits_url(config),
        **mail.flask_settings(config),
    }


def _redis_url(config: Config) -> str:
    return config.redis_url or embedded_redis.ensure_running(config.data_dir)


def _limits_url(config: Config) -> str:
    url = _redis_url(config)
    return url.replace("unix://", "redis+unix://", 1)


def _parts(config: Config) -> Parts:
    return Parts(
        config=config,
        keyring=Keyring(config.token_keys),
        signer=Signer(config.secret_key),
        catalog=load_catalog(config.providers_dir, config.environ, private_hosts=config.allowed_private_hosts),
        redis=Redis.from_url(
            _redis_url(config), socket_timeout=REDIS_TIMEOUT_S, socket_connect_timeout=REDIS_TIMEOUT_S
        ),
    )


def _join_extensions(app: Flask) -> None:
    db.init_app(app)
    with app.app_context():
        prepare_engine(db.engine)
    csrf.init_app(app)
    limiter.init_app(app)
    login_manager.init_app(app)
    login_manager.session_protection = None  # the session row decides, not the browser's name
    login_manager.user_loader(access.load_member)
    mail.init_app(app)
    filters.register(app)


def _join_views(app: Flask, config: Config) -> None:
    for name in BLUEPRINTS:
        app.register_blueprint(import_module(f"portal.blueprints.{name}").blueprint)
    csrf.exempt(app.blueprints["api"])  # keys, not cookies
    if config.env in (Environment.DEMO, Environment.DEVELOPMENT):
        import_module("portal.demo.pages").register(app)
    errors.register(app)
