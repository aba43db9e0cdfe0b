"""Since when a grant's refreshes have failed, so that its admins hear of it after a day"""

import sqlalchemy as sa
from alembic import op

from portal.db import Moment

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

IS_UNREFRESHED = sa.text("failing_since IS NOT NULL")


def upgrade() -> None:
    op.add_column("grants", sa.Column("failing_since", Moment(timezone=True), nullable=True))
    op.create_index(
        "ix_grants_unrefreshed",
        "grants",
        ["failing_since"],
        sqlite_where=IS_UNREFRESHED,
        postgresql_where=IS_UNREFRESHED,
    )
    op.execute(
        "UPDATE grants SET failing_since = last_fault_at WHERE failures > 0 AND last_fault IS NOT NULL"
        " AND connection_id IN (SELECT id FROM connections WHERE state = 'active')"
    )


def downgrade() -> None:
    op.drop_index("ix_grants_unrefreshed", table_name="grants")
    op.drop_column("grants", "failing_since")
