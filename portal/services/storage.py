"""What it means when the database or Redis fails under whoever uses them."""

import re
from datetime import timedelta

from sqlalchemy.exc import DBAPIError, OperationalError

from portal.adapters.probes import why_redis_fails
from portal.adapters.queue import QueueGone

FAILURES: tuple[type[Exception], ...] = (QueueGone, DBAPIError)
BACK_SOON = timedelta(seconds=10)  # a database that restarts is back by then
TABLES_MISSING = ("no such table", "no such column", "UndefinedTable", "UndefinedColumn")
REFUSALS = {  # what PostgreSQL says when it lets nobody in, and what that means
    r"authentication failed|no password supplied|role .+ does not exist": "wrong user or password",
    r"database .+ does not exist": "there is no database of that name: create it",
    r"no pg_hba.conf entry": "its pg_hba.conf does not let us in",
    r"too many (?:clients|connections)|connection slots": "it has no connection left",
}


def is_not_migrated(failure: Exception) -> bool:
    """Whether the database answers but has not the tables of this version."""
    return any(sign in str(failure) for sign in TABLES_MISSING)


def is_away(failure: Exception) -> bool:
    """Whether the same may succeed in a moment: a database or Redis that restarts, is busy or out of reach."""
    return isinstance(failure, QueueGone | OperationalError) and not is_not_migrated(failure)


def why_refused(failure: Exception) -> str:
    """Why a database that does answer lets nobody in, in plain words; empty for everything else."""
    said = str(failure)
    return next((words for pattern, words in REFUSALS.items() if re.search(pattern, said)), "")


def in_words(failure: Exception) -> str:
    """One of `FAILURES` as a sentence that says what to do."""
    if isinstance(failure, QueueGone):
        return f"Redis cannot be used ({why_redis_fails(failure)}). Check PORTAL_REDIS_URL, or run `portal doctor`."
    if is_not_migrated(failure):
        return "The database is not ready for this version. Run `portal migrate` first."
    why = why_refused(failure) or type(failure).__name__
    return f"The database cannot be used ({why}). Check PORTAL_DATABASE_URL, or run `portal doctor`."
