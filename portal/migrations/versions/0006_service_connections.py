"""Server-to-server connections"""

import sqlalchemy as sa
from alembic import op

from portal.db import Moment, MomentOrNever, SealedBytes

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

CHOSEN_IN = ("connections", "consent_attempts", "pending_grants")


def upgrade() -> None:
    for table in CHOSEN_IN:  # nullable and without a default: no row is rewritten
        op.add_column(table, sa.Column("connector", sa.String(length=60), nullable=True))
        op.add_column(table, sa.Column("vars", sa.JSON(none_as_null=True), nullable=True))
    op.create_table(
        "service_keys",
        sa.Column("connection_id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("secret", SealedBytes(), nullable=False),
        sa.Column("algorithm", sa.String(length=10), nullable=False),
        sa.Column("key_id", sa.String(length=255), nullable=False),
        sa.Column("fingerprint", sa.String(length=60), nullable=False),
        sa.Column("ends_at", MomentOrNever(timezone=True), nullable=False),
        sa.Column(
            "end_source",
            sa.Enum("certificate", "jwt", "entered", native_enum=False, create_constraint=False, length=32),
            nullable=True,
        ),
        sa.Column("uploaded_at", Moment(timezone=True), nullable=False),
        sa.Column("uploaded_by_id", sa.Uuid(), nullable=True),
        sa.ForeignKeyConstraint(
            ["connection_id"], ["connections.id"], name=op.f("fk_service_keys_connection_id_connections")
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_service_keys_organization_id_organizations")
        ),
        sa.ForeignKeyConstraint(
            ["uploaded_by_id"], ["members.id"], name=op.f("fk_service_keys_uploaded_by_id_members")
        ),
        sa.PrimaryKeyConstraint("connection_id", name=op.f("pk_service_keys")),
    )
    op.create_index(op.f("ix_service_keys_ends_at"), "service_keys", ["ends_at"], unique=False)


def downgrade() -> None:
    op.drop_table("service_keys")
    for table in reversed(CHOSEN_IN):
        op.drop_column(table, "vars")
        op.drop_column(table, "connector")
