"""Housekeeping: what nobody needs any more is forgotten."""

from datetime import datetime, timedelta

from sqlalchemy import delete

from portal.db import rows_changed, transaction
from portal.models import LoginLink

KEEP_DEAD_LINKS = timedelta(days=90)  # somebody opening an old e-mail is still told what became of its link


@transaction
def forget_old(*, now: datetime) -> int:
    """Delete login links that ended long ago; returns how many. The audit log keeps what was done with them."""
    dead = delete(LoginLink).where(LoginLink.expires_at < now - KEEP_DEAD_LINKS)
    return rows_changed(dead.execution_options(synchronize_session=False))
