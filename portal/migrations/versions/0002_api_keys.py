"""Limits of API keys, who uses them, and secrets that are shown once"""

import sqlalchemy as sa
from alembic import op

from portal.db import Moment, SealedBytes

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("api_keys", sa.Column("providers", sa.Text(), nullable=True))
    op.add_column("api_keys", sa.Column("replaced_at", Moment(timezone=True), nullable=True))
    op.create_table(
        "key_uses",
        sa.Column("api_key_id", sa.Uuid(), nullable=False),
        sa.Column("connection_id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("uses", sa.BigInteger(), nullable=False),
        sa.Column("first_used_at", Moment(timezone=True), nullable=False),
        sa.Column("last_used_at", Moment(timezone=True), nullable=False),
        sa.Column("week", sa.Integer(), nullable=False),
        sa.Column("week_uses", sa.Integer(), nullable=False),
        sa.Column("earlier_uses", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("api_key_id", "connection_id", name=op.f("pk_key_uses")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_key_uses_connection_id"), "key_uses", ["connection_id"], unique=False)
    op.create_table(
        "one_time_views",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("secret", SealedBytes(), nullable=False),
        sa.Column("expires_at", Moment(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["session_id"], ["sessions.id"], name=op.f("fk_one_time_views_session_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_one_time_views")),
    )
    op.create_index(op.f("ix_one_time_views_expires_at"), "one_time_views", ["expires_at"], unique=False)


def downgrade() -> None:
    op.drop_table("one_time_views")
    op.drop_table("key_uses")
    op.drop_column("api_keys", "replaced_at")
    op.drop_column("api_keys", "providers")
