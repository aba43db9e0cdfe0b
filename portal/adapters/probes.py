"""Looking whether the servers we rely on answer, without asking anything of them that anybody would notice."""

from datetime import UTC, datetime
from smtplib import SMTPException

from flask import current_app
from redis import AuthenticationError, RedisError, ResponseError
from redis.exceptions import NoPermissionError

from portal.adapters.smtp import KeptConnection
from portal.extensions import redis


class Silent(Exception):
    """The server does not answer as it should; says so in plain words, without address or password."""


def redis_clock() -> datetime:
    """What time it is for Redis; raises Silent."""
    try:
        seconds, microseconds = redis().time()
    except RedisError as error:
        refused = isinstance(error, AuthenticationError | ResponseError | NoPermissionError)
        raise Silent("it refuses us: wrong user or password" if refused else type(error).__name__) from error
    return datetime.fromtimestamp(seconds + microseconds / 1_000_000, UTC)


def greet_mail_server() -> None:
    """Connect, protect the connection and sign in as for a mail, and hang up; raises Silent."""
    try:
        host = KeptConnection(current_app.extensions["mail"]).configure_host()
        host.quit()
    except (SMTPException, OSError) as error:
        raise Silent(_in_words(error)) from error


def _in_words(error: Exception) -> str:
    code = getattr(error, "smtp_code", None)
    return f"{type(error).__name__} {code}" if code else type(error).__name__
