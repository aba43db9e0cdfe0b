"""What is told of servers that do not answer as they should."""

import pytest
from redis import AuthenticationError, ResponseError
from redis import TimeoutError as NoAnswer
from redis.exceptions import NoPermissionError, OutOfMemoryError, ReadOnlyError

from portal.adapters.probes import why_redis_fails

HIDDEN = "s3cret"
REFUSALS = [
    (AuthenticationError("invalid username-password pair or user is disabled."), "wrong user or password"),
    (AuthenticationError("Authentication required."), "wrong user or password"),
    (AuthenticationError("AUTH <password> called without any password configured for the default user."), "wrong user"),
    (NoPermissionError(f"User {HIDDEN} has no permissions to run the 'time' command"), "may not do what is needed"),
    (ResponseError("DB index is out of range"), "no database of that number"),
    (ResponseError("DENIED Redis is running in protected mode because protected mode is enabled"), "protected mode"),
    (ResponseError("MISCONF Errors writing to the AOF file: No space left on device"), "cannot write to its disk"),
    (OutOfMemoryError("command not allowed when used memory > 'maxmemory'."), "its memory is full"),
    (ReadOnlyError("You can't write against a read only replica."), "replica that takes no writes"),
]


@pytest.mark.parametrize(("error", "words"), REFUSALS, ids=[words for _, words in REFUSALS])
def test_why_redis_refuses_us_is_said_in_words(error, words):
    told = why_redis_fails(error)
    assert told.startswith("it refuses us: ")
    assert words in told
    assert HIDDEN not in told


@pytest.mark.parametrize("error", [NoAnswer(f"redis://:{HIDDEN}@host"), ResponseError(f"unknown {HIDDEN}")])
def test_what_nobody_knows_is_called_by_its_kind(error):
    told = why_redis_fails(error)
    assert told.endswith(type(error).__name__)
    assert HIDDEN not in told
