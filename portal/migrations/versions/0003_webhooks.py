"""Webhooks: endpoints, deliveries, how far events are published, and which ends are announced"""

import sqlalchemy as sa
from alembic import op

from portal.db import Moment, MomentOrNever, SealedBytes

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

BIG_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
END_UNANNOUNCED = "state = 'active' AND (announced_end_at IS NULL OR announced_end_at <> consent_expires_at)"
END_AHEAD = "state = 'active' AND announced = 'ending'"
DEAD = "status = 'dead'"


def upgrade() -> None:
    _announced_ends()
    _feed()
    _endpoints()
    _deliveries()


def downgrade() -> None:
    op.drop_table("webhook_deliveries")
    op.drop_table("webhook_endpoints")
    op.drop_table("event_feed")
    op.drop_index("ix_connections_end_ahead", table_name="connections")
    op.drop_index("ix_connections_end_unannounced", table_name="connections")
    op.drop_column("connections", "announced_end_at")
    op.drop_column("connections", "announced")


def _announced_ends() -> None:
    stage = sa.Enum("ending", "ended", name="endstage", native_enum=False, length=32)
    op.add_column("connections", sa.Column("announced", stage, nullable=True))
    op.add_column("connections", sa.Column("announced_end_at", Moment(timezone=True), nullable=True))
    columns = ["organization_id", "state", "consent_expires_at"]
    _partial_index("ix_connections_end_unannounced", "connections", columns, END_UNANNOUNCED)
    _partial_index("ix_connections_end_ahead", "connections", ["consent_expires_at"], END_AHEAD)


def _feed() -> None:
    feed = op.create_table(
        "event_feed",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("published_id", BIG_NUMBER, nullable=False),
        sa.Column("candidate_id", BIG_NUMBER, nullable=False),
        sa.Column("writers", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_event_feed")),
    )
    op.bulk_insert(feed, [{"id": 1, "published_id": 0, "candidate_id": 0, "writers": []}])


def _endpoints() -> None:
    state = sa.Enum("active", "paused", "off", name="endpointstate", native_enum=False, length=32)
    op.create_table(
        "webhook_endpoints",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("url", sa.String(length=1000), nullable=False),
        sa.Column("description", sa.String(length=100), nullable=False),
        sa.Column("types", sa.Text(), nullable=False),
        sa.Column("state", state, nullable=False),
        sa.Column("state_since", Moment(timezone=True), nullable=False),
        sa.Column("off_reason", sa.String(length=200), nullable=True),
        sa.Column("secret", SealedBytes(), nullable=False),
        sa.Column("secret_made_at", Moment(timezone=True), nullable=False),
        sa.Column("previous_secret", SealedBytes(), nullable=True),
        sa.Column("previous_until", Moment(timezone=True), nullable=True),
        sa.Column("created_at", Moment(timezone=True), nullable=False),
        sa.Column("last_delivered_at", Moment(timezone=True), nullable=True),
        sa.Column("last_failed_at", Moment(timezone=True), nullable=True),
        sa.Column("last_failure", sa.String(length=200), nullable=True),
        sa.Column("failing_since", Moment(timezone=True), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("rest_until", Moment(timezone=True), nullable=True),
        sa.Column("lease_owner", sa.String(length=64), nullable=True),
        sa.Column("lease_until", Moment(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_webhook_endpoints_organization_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_endpoints")),
    )
    op.create_index(
        op.f("ix_webhook_endpoints_organization_id_created_at"), "webhook_endpoints", ["organization_id", "created_at"]
    )


def _deliveries() -> None:
    status = sa.Enum("waiting", "delivered", "dead", name="deliverystatus", native_enum=False, length=32)
    op.create_table(
        "webhook_deliveries",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("endpoint_id", sa.Uuid(), nullable=False),
        sa.Column("event_id", BIG_NUMBER, nullable=True),
        sa.Column("type", sa.String(length=60), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("status", status, nullable=False),
        sa.Column("created_at", Moment(timezone=True), nullable=False),
        sa.Column("next_attempt_at", MomentOrNever(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("last_attempt_at", Moment(timezone=True), nullable=True),
        sa.Column("last_status", sa.Integer(), nullable=True),
        sa.Column("last_error", sa.String(length=200), nullable=True),
        sa.Column("settled_at", Moment(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_webhook_deliveries_organization_id")
        ),
        sa.ForeignKeyConstraint(
            ["endpoint_id"],
            ["webhook_endpoints.id"],
            name=op.f("fk_webhook_deliveries_endpoint_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_deliveries")),
        sa.UniqueConstraint("endpoint_id", "event_id", name=op.f("uq_webhook_deliveries_endpoint_id_event_id")),
    )
    table = "webhook_deliveries"
    op.create_index(op.f("ix_webhook_deliveries_endpoint_id_id"), table, ["endpoint_id", "id"])
    op.create_index(
        op.f("ix_webhook_deliveries_endpoint_id_next_attempt_at_id"), table, ["endpoint_id", "next_attempt_at", "id"]
    )
    op.create_index(op.f("ix_webhook_deliveries_settled_at"), table, ["settled_at"])
    _partial_index("ix_webhook_deliveries_dead", table, ["endpoint_id", "id"], DEAD)


def _partial_index(name: str, table: str, columns: list[str], condition: str) -> None:
    where = sa.text(condition)
    op.create_index(name, table, columns, unique=False, sqlite_where=where, postgresql_where=where)
