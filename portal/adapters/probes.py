"""Looking whether the servers we rely on answer, without asking anything of them that anybody would notice."""

import re
from datetime import UTC, datetime
from smtplib import SMTPException

from flask import current_app
from redis import AuthenticationError, RedisError, ResponseError

from portal.adapters.smtp import KeptConnection
from portal.extensions import redis

REDIS_REFUSALS = {  # what Redis says when it does answer and refuses, and what that means
    r"username-password|invalid password|[Aa]uthentication required|without any password": "wrong user or password",
    r"has no permissions|NOPERM": "this user may not do what is needed",
    r"DB index is out of range": "it has no database of that number",
    r"protected mode": "it runs in protected mode, without a password, and then takes nobody from another host",
    r"MISCONF|Errors writing": "it cannot write to its disk",
    r"OOM|maxmemory": "its memory is full",
    r"read only replica|READONLY": "it is a replica that takes no writes",
}


class Silent(Exception):
    """The server does not answer as it should; says so in plain words, without address or password."""


def redis_clock() -> datetime:
    """What time it is for Redis; raises Silent."""
    try:
        seconds, microseconds = redis().time()
    except RedisError as error:
        raise Silent(why_redis_fails(error)) from error
    return datetime.fromtimestamp(seconds + microseconds / 1_000_000, UTC)


def why_redis_fails(error: RedisError) -> str:
    """What Redis has against us, in plain words; the error's kind where it says nothing we know."""
    if not isinstance(error, AuthenticationError | ResponseError):
        return type(error).__name__
    said = str(error)
    why = next((words for pattern, words in REDIS_REFUSALS.items() if re.search(pattern, said)), type(error).__name__)
    return f"it refuses us: {why}"


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
