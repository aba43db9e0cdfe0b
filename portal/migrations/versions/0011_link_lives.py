"""From when on a login link's life is counted: a retried e-mail counts it anew, and its page says how long it was"""

import sqlalchemy as sa
from alembic import op

from portal.db import Moment

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("login_links", sa.Column("counted_from", Moment(timezone=True), nullable=True))


def downgrade() -> None:
    op.drop_column("login_links", "counted_from")
