"""Secrets that are shown exactly once, right after they were made, to the browser session that made them.

A page that follows its form's POST must survive being loaded again without making a second secret, so the secret has to
wait for that page somewhere: sealed, in a row that the first look takes away.
"""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete

from portal.crypto import Secret
from portal.db import db, transaction
from portal.extensions import keyring
from portal.models import OneTimeView
from portal.models.columns import new_id
from portal.models.one_time_view import seal_context
from portal.rules.problems import Forbidden
from portal.services.asker import Asker

WAITS = timedelta(minutes=5)


@transaction
def keep(asker: Asker, subject_id: UUID, secret: Secret, *, now: datetime) -> None:
    """Let the asker's browser session see this secret of `subject_id` once; raises Forbidden where there is none."""
    if asker.session_id is None:
        raise Forbidden
    view_id = new_id()
    db.session.add(
        OneTimeView(
            id=view_id,
            session_id=asker.session_id,
            subject_id=subject_id,
            secret=keyring().seal(secret, seal_context(view_id)),
            expires_at=now + WAITS,
        )
    )


@transaction
def take(asker: Asker, subject_id: UUID, *, now: datetime) -> Secret | None:
    """The secret, for the first look within five minutes; None for every other, however many come at once."""
    waiting = delete(OneTimeView).where(OneTimeView.subject_id == subject_id, OneTimeView.expires_at > now)
    own = waiting.where(OneTimeView.session_id == asker.session_id)
    row = db.session.execute(own.returning(OneTimeView.id, OneTimeView.secret)).first()
    return None if row is None else keyring().open(row.secret, seal_context(row.id))
