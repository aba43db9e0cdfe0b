"""What backends report of refused tokens"""

import sqlalchemy as sa
from alembic import op

from portal.db import Moment

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "rejections",
        sa.Column("connection_id", sa.Uuid(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column(
            "step",
            sa.Enum("tell", "refresh", "join", "probe", "rest", name="step", native_enum=False, length=32),
            nullable=False,
        ),
        sa.Column("checks", sa.Integer(), nullable=False),
        sa.Column("rests_until", Moment(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["connection_id"], ["connections.id"], name=op.f("fk_rejections_connection_id_connections")
        ),
        sa.PrimaryKeyConstraint("connection_id", name=op.f("pk_rejections")),
    )


def downgrade() -> None:
    op.drop_table("rejections")
