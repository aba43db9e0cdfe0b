"""What refreshing remembers: previous tokens, what a grant has beside its tokens, incidents, paces"""

import sqlalchemy as sa
from alembic import op

from portal.db import Moment, SealedBytes

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

IS_FAILING = sa.text("last_fault IS NOT NULL")
HAS_PREVIOUS = sa.text("previous_until IS NOT NULL")
STILL_OPEN = sa.text("healed_at IS NULL")


def upgrade() -> None:
    op.add_column("grants", sa.Column("previous_refresh_token", SealedBytes(), nullable=True))
    op.add_column("grants", sa.Column("previous_until", Moment(timezone=True), nullable=True))
    op.add_column("grants", sa.Column("rotated_at", Moment(timezone=True), nullable=True))
    op.add_column("grants", sa.Column("extra", sa.JSON(none_as_null=True), nullable=True))
    op.add_column("pending_grants", sa.Column("extra", sa.JSON(none_as_null=True), nullable=True))
    op.create_index(
        "ix_grants_failing",
        "grants",
        ["provider_id", "last_fault", "last_fault_at"],
        sqlite_where=IS_FAILING,
        postgresql_where=IS_FAILING,
    )
    op.create_index(
        "ix_grants_previous", "grants", ["previous_until"], sqlite_where=HAS_PREVIOUS, postgresql_where=HAS_PREVIOUS
    )
    _create_incidents()


def _create_incidents() -> None:
    op.create_table(
        "incidents",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("provider_id", sa.String(length=60), nullable=False),
        sa.Column("fault", sa.String(length=32), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("began_at", Moment(timezone=True), nullable=False),
        sa.Column("last_failure_at", Moment(timezone=True), nullable=False),
        sa.Column("next_trial_at", Moment(timezone=True), nullable=False),
        sa.Column("successes", sa.Integer(), nullable=False),
        sa.Column("healed_at", Moment(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incidents")),
    )
    op.create_index(op.f("ix_incidents_began_at"), "incidents", ["began_at"])
    op.create_index(
        "uq_incidents_open",
        "incidents",
        ["provider_id"],
        unique=True,
        sqlite_where=STILL_OPEN,
        postgresql_where=STILL_OPEN,
    )
    op.create_table(
        "incident_releases",
        sa.Column("incident_id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("released_at", Moment(timezone=True), nullable=False),
        sa.Column("released_by", sa.String(length=80), nullable=False),
        sa.ForeignKeyConstraint(["incident_id"], ["incidents.id"], name=op.f("fk_incident_releases_incident_id")),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_incident_releases_organization_id")
        ),
        sa.PrimaryKeyConstraint("incident_id", "organization_id", name=op.f("pk_incident_releases")),
    )
    op.create_table(
        "provider_paces",
        sa.Column("provider_id", sa.String(length=60), nullable=False),
        sa.Column("rests_until", Moment(timezone=True), nullable=True),
        sa.Column("next_slot_at", Moment(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("provider_id", name=op.f("pk_provider_paces")),
    )


def downgrade() -> None:
    op.drop_table("provider_paces")
    op.drop_table("incident_releases")
    op.drop_index("uq_incidents_open", table_name="incidents")
    op.drop_index(op.f("ix_incidents_began_at"), table_name="incidents")
    op.drop_table("incidents")
    op.drop_index("ix_grants_previous", table_name="grants")
    op.drop_index("ix_grants_failing", table_name="grants")
    op.drop_column("pending_grants", "extra")
    for name in ("extra", "rotated_at", "previous_until", "previous_refresh_token"):
        op.drop_column("grants", name)
