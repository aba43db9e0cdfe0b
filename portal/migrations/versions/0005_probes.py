"""Probes, deadlines and notices of them"""

import sqlalchemy as sa
from alembic import op

from portal.db import Moment, MomentOrNever

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "notices",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("raised_at", Moment(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["organization_id"], ["organizations.id"], name=op.f("fk_notices_organization_id")),
        sa.PrimaryKeyConstraint("organization_id", "key", name=op.f("pk_notices")),
    )
    op.create_table(
        "probes",
        sa.Column("connection_id", sa.Uuid(), nullable=False),
        sa.Column("provider_id", sa.String(length=60), nullable=False),
        sa.Column("due_at", MomentOrNever(timezone=True), nullable=False),
        sa.Column("claimed_until", Moment(timezone=True), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("last_ok_at", Moment(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["connection_id"], ["connections.id"], name=op.f("fk_probes_connection_id")),
        sa.PrimaryKeyConstraint("connection_id", name=op.f("pk_probes")),
    )
    op.create_index(op.f("ix_probes_claimed_until"), "probes", ["claimed_until"], unique=False)
    op.create_index(op.f("ix_probes_due_at"), "probes", ["due_at"], unique=False)
    op.create_index(op.f("ix_probes_provider_id_due_at"), "probes", ["provider_id", "due_at"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_probes_provider_id_due_at"), table_name="probes")
    op.drop_index(op.f("ix_probes_due_at"), table_name="probes")
    op.drop_index(op.f("ix_probes_claimed_until"), table_name="probes")
    op.drop_table("probes")
    op.drop_table("notices")
