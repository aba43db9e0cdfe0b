"""The doctor: looks at everything this portal needs and says of each part whether it is well, and what to do if not."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError

from portal.adapters import probes
from portal.adapters.probes import Silent
from portal.crypto import SealBroken, Sealed
from portal.db import Moment, db, reading
from portal.extensions import catalog, config, keyring
from portal.models import Grant
from portal.models.grant import seal_context
from portal.providers.apps import missing_names
from portal.rules.problems import DatabaseNewer
from portal.services import app_secrets, deadlines, heartbeats, schema, storage

SAMPLED_GRANTS = 20
KEY_MISSING = "it is missing from PORTAL_TOKEN_KEYS. Put it back, behind the first."
CLOCKS_APART = timedelta(seconds=5)
SEEN_LATELY = timedelta(minutes=2)
NO_PROVIDER = "No app of yours is configured, so people can connect nothing. `portal providers` says what is missing."


class Health(StrEnum):
    """How a part is: `warning` is worth a look and fails nothing."""

    WELL = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Finding:
    """One part, how it is, and a sentence about it that holds no secret."""

    part: str
    health: Health
    words: str


Outcome = tuple[Health, str]


def examine(*, machine_now: Callable[[], datetime]) -> Iterator[Finding]:
    """Look at one part after the other; what fails keeps nobody from looking at the next.

    `machine_now` tells the machine's own time, asked when it is needed: a part may take its time to fail, and a moved
    demo clock is no fault.
    """
    checks: tuple[tuple[str, Callable[[], Outcome]], ...] = (
        ("configuration", _configuration),
        ("database", _database),
        ("schema", _schema),
        ("redis", _redis),
        ("smtp", _smtp),
        ("keys", _keys),
        ("providers", _providers),
        ("deadlines", lambda: _app_deadlines(machine_now())),
        ("clock", lambda: _clock(machine_now)),
        ("worker", lambda: _seen(heartbeats.WORKER, machine_now())),
        ("scheduler", lambda: _seen(heartbeats.SCHEDULER, machine_now())),
    )
    for part, check in checks:
        try:
            health, words = check()
        except DBAPIError as error:
            health, words = Health.FAILED, _unanswered(error)
        yield Finding(part, health, words)


def _unanswered(error: DBAPIError) -> str:
    if storage.is_not_migrated(error):
        return "The tables to look at are missing: see the line about the schema."
    if refusal := storage.why_refused(error):
        return f"The database refuses us: {refusal}."
    return f"The database does not answer ({type(error).__name__})."


def _configuration() -> Outcome:
    words = f"{config().env.value}, reached at {config().public_url}, data in {config().data_dir}"
    strange = ", ".join(config().strange_names)
    return (Health.WARNING, f"{words}. Without effect: {strange}") if strange else (Health.WELL, words)


@reading
def _database() -> Outcome:
    db.session.execute(select(1))
    return Health.WELL, f"{db.engine.dialect.name} answers"


def _schema() -> Outcome:
    try:
        version = schema.version()
    except DatabaseNewer as newer:
        return Health.FAILED, f"{newer.title}. {newer.advice}"
    if version.is_current:
        return Health.WELL, f"at version {version.found}"
    found = version.found or "empty"
    return Health.FAILED, f"The database is {found}, this Reconsent wants {version.wanted}: run `portal migrate`."


def _redis() -> Outcome:
    try:
        probes.redis_clock()
    except Silent as silent:
        return Health.FAILED, f"Redis cannot be used ({silent}): check PORTAL_REDIS_URL. Tokens stay fresh without it."
    return Health.WELL, "answers" if config().redis_url else "the portal's own answers"


def _smtp() -> Outcome:
    if config().smtp is None:
        return Health.WELL, f"none set: mails are kept in {config().mailbox_dir}"
    try:
        probes.greet_mail_server()
    except Silent as silent:
        return Health.FAILED, f"The SMTP server cannot be used ({silent}): check PORTAL_SMTP_URL."
    return Health.WELL, "the server lets us in"


@reading
def _keys() -> Outcome:
    """Whether stored tokens can be opened: no key may be missing, and some of the tokens are tried."""
    for column in (Grant.access_token, Grant.refresh_token):
        begins = [func.substr(column, 1, len(key_id) + 1) != f"{key_id}:".encode() for key_id, _ in config().token_keys]
        strange = db.session.scalar(select(column).where(column.is_not(None), *begins).limit(1))
        if strange is not None:
            return Health.FAILED, f"Stored tokens are sealed with the key {strange.key_id!r}: {KEY_MISSING}"
    columns = select(Grant.connection_id, Grant.access_token)
    for order in (Grant.connection_id.asc(), Grant.connection_id.desc()):
        rows = db.session.execute(columns.order_by(order).limit(SAMPLED_GRANTS)).all()
        for reason in (_why_shut(connection_id, sealed) for connection_id, sealed in rows if sealed is not None):
            if reason:
                return Health.FAILED, f"A stored token cannot be opened ({reason}): check PORTAL_TOKEN_KEYS."
    return Health.WELL, f"{len(config().token_keys)} known, {keyring().first_id} seals"


def _why_shut(connection_id: UUID, sealed: Sealed) -> str:
    try:
        keyring().open(sealed, seal_context(connection_id, "access_token"))
    except SealBroken as broken:
        return str(broken)
    return ""


def _providers() -> Outcome:
    known = catalog()
    if known.problems:
        first = f"{len(known.problems)} to put right, the first: {known.problems[0]}."
        return Health.FAILED, f"{first} `portal providers` names them all."
    of_operators = {provider.id for provider in known.all if missing_names(provider, {})}
    configured = of_operators & known.apps.keys()
    if not configured:
        return Health.WARNING, NO_PROVIDER
    return Health.WELL, f"{len(configured)} of {len(of_operators)} configured"


def _app_deadlines(now: datetime) -> Outcome:
    """Ends of our apps' secrets and of what providers announce, and secrets that a provider does not take any more."""
    told = [deadline.title(today=now.date()) for deadline in deadlines.near(now=now)]
    for provider in (catalog().providers[provider_id] for provider_id in catalog().apps):
        told += [f"{provider.name}: {words}" for words in app_secrets.in_words(provider.id)]
    if not told:
        return Health.WELL, "none of our apps' secrets or providers' endpoints ends soon, as far as is known"
    return Health.WARNING, f"{'; '.join(told)}. docs/operations.md says how to replace a secret without an outage."


def _clock(machine_now: Callable[[], datetime]) -> Outcome:
    """Machines whose clocks disagree take fresh tokens for old ones, and the other way round."""
    compared = []
    for name, ask in (("Redis", probes.redis_clock), ("the database", _database_clock)):
        try:
            theirs = ask()
        except (Silent, DBAPIError):
            continue  # told in its own line
        if theirs is None:
            continue
        apart = abs(theirs - machine_now())
        if apart > CLOCKS_APART:
            return Health.FAILED, f"This machine and {name} are {apart.total_seconds():.0f} s apart: set both by NTP."
        compared.append(name)
    return Health.WELL, f"agrees with {' and '.join(compared)}" if compared else "no other clock to compare with"


@reading
def _database_clock() -> datetime | None:
    """What time it is for the database; None where that is this machine itself."""
    if db.engine.dialect.name == "sqlite":
        return None
    return db.session.scalar(select(func.clock_timestamp(type_=Moment)))


def _seen(part: str, machine_now: datetime) -> Outcome:
    seen_at = heartbeats.seen(part)
    if seen_at is None:
        return Health.WARNING, f"None has been at work yet: start `portal {part}`."
    if machine_now - seen_at > SEEN_LATELY:
        return Health.WARNING, f"Last at work {seen_at:%Y-%m-%d %H:%M} UTC: is `portal {part}` running?"
    return Health.WELL, "at work"
