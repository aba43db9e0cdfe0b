"""The doctor: looks at everything this portal needs and says of each part whether it is well, and what to do if not."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError

from portal.adapters import probes
from portal.adapters.probes import Silent
from portal.crypto import Secret, SealBroken
from portal.db import db, reading
from portal.extensions import catalog, config, keyring
from portal.models import Grant
from portal.models.grant import seal_context
from portal.rules.problems import DatabaseNewer
from portal.services import heartbeats, schema

SAMPLED_GRANTS = 20
CLOCKS_APART = timedelta(seconds=5)
SEEN_LATELY = timedelta(minutes=2)


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


def examine(*, machine_now: datetime) -> Iterator[Finding]:
    """Look at one part after the other; what fails keeps nobody from looking at the next.

    `machine_now` is the machine's own time: a moved demo clock is no fault.
    """
    checks: tuple[tuple[str, Callable[[], Outcome]], ...] = (
        ("configuration", _configuration),
        ("database", _database),
        ("schema", _schema),
        ("redis", _redis),
        ("smtp", _smtp),
        ("keys", _keys),
        ("providers", _providers),
        ("clock", lambda: _clock(machine_now)),
        ("worker", lambda: _seen(heartbeats.WORKER, machine_now)),
        ("scheduler", lambda: _seen(heartbeats.SCHEDULER, machine_now)),
    )
    for part, check in checks:
        try:
            health, words = check()
        except DBAPIError as error:
            health, words = Health.FAILED, f"The database does not answer ({type(error).__name__})."
        yield Finding(part, health, words)


def _configuration() -> Outcome:
    return Health.WELL, f"{config().env.value}, reached at {config().public_url}, data in {config().data_dir}"


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
        return Health.FAILED, f"Redis does not answer ({silent}): check PORTAL_REDIS_URL. Tokens stay fresh without it."
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
    """Whether stored tokens of every age can be opened, the oldest and the newest of them looked at."""
    columns = select(Grant.connection_id, Grant.access_token).where(Grant.access_token.is_not(None))
    for order in (Grant.issued_at.asc(), Grant.issued_at.desc()):
        for connection_id, sealed in db.session.execute(columns.order_by(order).limit(SAMPLED_GRANTS)):
            try:
                keyring().open(sealed, seal_context(connection_id, "access_token"))
            except SealBroken as broken:
                return Health.FAILED, f"A stored token cannot be opened ({broken}): check PORTAL_TOKEN_KEYS."
    return Health.WELL, f"{len(config().token_keys)} known, {keyring().first_id} seals"
