"""The foundation: people, connections, grants, reminders, e-mails, the audit log"""

import sqlalchemy as sa
from alembic import op

from portal.db import Moment, MomentOrNever, SealedBytes
from portal.migrations.search import create_search, drop_search

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "heartbeats",
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("seen_at", Moment(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_heartbeats")),
    )
    op.create_table(
        "organizations",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.String(length=60), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("time_zone", sa.String(length=64), nullable=False),
        sa.Column("reminder_lead_days", sa.Integer(), nullable=False),
        sa.Column("reminder_rhythm_days", sa.Integer(), nullable=False),
        sa.Column("window_opens_minute", sa.Integer(), nullable=False),
        sa.Column("window_closes_minute", sa.Integer(), nullable=False),
        sa.Column("policy_period_days", sa.Integer(), nullable=True),
        sa.Column("created_at", Moment(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_organizations")),
        sa.UniqueConstraint("slug", name=op.f("uq_organizations_slug")),
    )
    op.create_table(
        "sign_in_requests",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("address", sa.String(length=254), nullable=False),
        sa.Column("place", sa.String(length=500), nullable=False),
        sa.Column("requested_at", Moment(timezone=True), nullable=False),
        sa.Column("answered_at", Moment(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_in_requests")),
    )
    op.create_index(
        op.f("ix_sign_in_requests_address_requested_at"), "sign_in_requests", ["address", "requested_at"], unique=False
    )
    op.create_index(
        op.f("ix_sign_in_requests_answered_at_requested_at"),
        "sign_in_requests",
        ["answered_at", "requested_at"],
        unique=False,
    )
    op.create_table(
        "day_buckets",
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "invited",
                "active",
                "needs_reconsent",
                "displaced",
                "disconnected",
                name="connectionstate",
                native_enum=False,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("provider_id", sa.String(length=60), nullable=False),
        sa.Column("connections", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["organization_id"], ["organizations.id"], name=op.f("fk_day_buckets_organization_id")),
        sa.PrimaryKeyConstraint("organization_id", "state", "day", "provider_id", name=op.f("pk_day_buckets")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "events",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("at", Moment(timezone=True), nullable=False),
        sa.Column("kind", sa.String(length=60), nullable=False),
        sa.Column("actor", sa.String(length=80), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=True),
        sa.Column("connection_id", sa.Uuid(), nullable=True),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["organization_id"], ["organizations.id"], name=op.f("fk_events_organization_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_events")),
    )
    op.create_index(op.f("ix_events_connection_id_id"), "events", ["connection_id", "id"], unique=False)
    op.create_index(op.f("ix_events_organization_id_id"), "events", ["organization_id", "id"], unique=False)
    op.create_index(
        op.f("ix_events_organization_id_kind_id"), "events", ["organization_id", "kind", "id"], unique=False
    )
    op.create_table(
        "members",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column(
            "role",
            sa.Enum("member", "team_owner", "org_admin", name="role", native_enum=False, length=32),
            nullable=False,
        ),
        sa.Column("team", sa.String(length=80), nullable=True),
        sa.Column("created_at", Moment(timezone=True), nullable=False),
        sa.Column("invited_at", Moment(timezone=True), nullable=True),
        sa.Column("last_signed_in_at", Moment(timezone=True), nullable=True),
        sa.Column("deactivated_at", Moment(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["organization_id"], ["organizations.id"], name=op.f("fk_members_organization_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_members")),
        sa.UniqueConstraint("organization_id", "email", name=op.f("uq_members_organization_id_email")),
    )
    op.create_index(op.f("ix_members_email"), "members", ["email"], unique=False)
    op.create_index(
        op.f("ix_members_organization_id_name_id"), "members", ["organization_id", "name", "id"], unique=False
    )
    op.create_index(op.f("ix_members_organization_id_team"), "members", ["organization_id", "team"], unique=False)
    op.create_table(
        "api_keys",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("prefix", sa.String(length=16), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", Moment(timezone=True), nullable=False),
        sa.Column("created_by_id", sa.Uuid(), nullable=True),
        sa.Column("last_used_at", Moment(timezone=True), nullable=True),
        sa.Column("expires_at", Moment(timezone=True), nullable=True),
        sa.Column("revoked_at", Moment(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["created_by_id"], ["members.id"], name=op.f("fk_api_keys_created_by_id")),
        sa.ForeignKeyConstraint(["organization_id"], ["organizations.id"], name=op.f("fk_api_keys_organization_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_keys")),
        sa.UniqueConstraint("digest", name=op.f("uq_api_keys_digest")),
    )
    op.create_index(op.f("ix_api_keys_organization_id_name"), "api_keys", ["organization_id", "name"], unique=False)
    op.create_table(
        "connections",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("provider_id", sa.String(length=60), nullable=False),
        sa.Column("nickname", sa.String(length=60), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "invited",
                "active",
                "needs_reconsent",
                "displaced",
                "disconnected",
                name="connectionstate",
                native_enum=False,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("state_since", Moment(timezone=True), nullable=False),
        sa.Column("state_reason", sa.String(length=200), nullable=True),
        sa.Column("consent_expires_at", MomentOrNever(timezone=True), nullable=False),
        sa.Column("consent_end_source", sa.String(length=20), nullable=True),
        sa.Column("subject", sa.String(length=255), nullable=True),
        sa.Column("subject_label", sa.String(length=200), nullable=True),
        sa.Column("created_at", Moment(timezone=True), nullable=False),
        sa.Column("connected_at", Moment(timezone=True), nullable=True),
        sa.Column("consented_at", Moment(timezone=True), nullable=True),
        sa.Column("invited_by_id", sa.Uuid(), nullable=True),
        sa.Column("displaced_by_id", sa.Uuid(), nullable=True),
        sa.Column("is_revocation_outstanding", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["displaced_by_id"], ["connections.id"], name=op.f("fk_connections_displaced_by_id")),
        sa.ForeignKeyConstraint(["invited_by_id"], ["members.id"], name=op.f("fk_connections_invited_by_id")),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_connections_member_id")),
        sa.ForeignKeyConstraint(["organization_id"], ["organizations.id"], name=op.f("fk_connections_organization_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_connections")),
    )
    op.create_index(
        op.f("ix_connections_member_id_consent_expires_at_id"),
        "connections",
        ["member_id", "consent_expires_at", "id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_connections_organization_id_consent_expires_at_id"),
        "connections",
        ["organization_id", "consent_expires_at", "id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_connections_organization_id_provider_id_consent_expires_at_id"),
        "connections",
        ["organization_id", "provider_id", "consent_expires_at", "id"],
        unique=False,
    )
    op.create_index(
        op.f("ix_connections_organization_id_state_consent_expires_at_id"),
        "connections",
        ["organization_id", "state", "consent_expires_at", "id"],
        unique=False,
    )
    op.create_index(
        "uq_connections_held_login",
        "connections",
        ["provider_id", "subject"],
        unique=True,
        sqlite_where=sa.text("state IN ('active', 'needs_reconsent')"),
        postgresql_where=sa.text("state IN ('active', 'needs_reconsent')"),
    )
    op.create_table(
        "sessions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("token_digest", sa.LargeBinary(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("browser", sa.String(length=120), nullable=False),
        sa.Column("created_at", Moment(timezone=True), nullable=False),
        sa.Column("last_seen_at", Moment(timezone=True), nullable=False),
        sa.Column("ended_at", Moment(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_sessions_member_id")),
        sa.ForeignKeyConstraint(["organization_id"], ["organizations.id"], name=op.f("fk_sessions_organization_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sessions")),
        sa.UniqueConstraint("token_digest", name=op.f("uq_sessions_token_digest")),
    )
    op.create_index(op.f("ix_sessions_last_seen_at"), "sessions", ["last_seen_at"], unique=False)
    op.create_index(op.f("ix_sessions_member_id"), "sessions", ["member_id"], unique=False)
    op.create_table(
        "consent_attempts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("state_digest", sa.LargeBinary(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("connection_id", sa.Uuid(), nullable=True),
        sa.Column("provider_id", sa.String(length=60), nullable=False),
        sa.Column("nickname", sa.String(length=60), nullable=False),
        sa.Column("nonce", sa.String(length=64), nullable=False),
        sa.Column("code_verifier", SealedBytes(), nullable=False),
        sa.Column("created_at", Moment(timezone=True), nullable=False),
        sa.Column("expires_at", Moment(timezone=True), nullable=False),
        sa.Column("spent_at", Moment(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["connection_id"], ["connections.id"], name=op.f("fk_consent_attempts_connection_id")),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_consent_attempts_member_id")),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_consent_attempts_organization_id")
        ),
        sa.ForeignKeyConstraint(["session_id"], ["sessions.id"], name=op.f("fk_consent_attempts_session_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consent_attempts")),
        sa.UniqueConstraint("state_digest", name=op.f("uq_consent_attempts_state_digest")),
    )
    op.create_index(op.f("ix_consent_attempts_expires_at"), "consent_attempts", ["expires_at"], unique=False)
    op.create_table(
        "emails",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "sign_in",
                "invitation",
                "reminder",
                "final_notice",
                "displaced",
                "admin_digest",
                "alert",
                name="emailkind",
                native_enum=False,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column(
            "status",
            sa.Enum(
                "queued", "sending", "sent", "parked", "withdrawn", name="emailstatus", native_enum=False, length=32
            ),
            nullable=False,
        ),
        sa.Column("connection_id", sa.Uuid(), nullable=True),
        sa.Column("place", sa.String(length=500), nullable=True),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.Column("created_at", Moment(timezone=True), nullable=False),
        sa.Column("next_attempt_at", MomentOrNever(timezone=True), nullable=False),
        sa.Column("claimed_by", sa.String(length=64), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("settled_at", Moment(timezone=True), nullable=True),
        sa.Column("last_error", sa.String(length=300), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_emails")),
    )
    op.create_index(
        "ix_emails_but_reminders",
        "emails",
        ["member_id", "kind", "created_at"],
        unique=False,
        sqlite_where=sa.text("kind <> 'reminder'"),
        postgresql_where=sa.text("kind <> 'reminder'"),
    )
    op.create_index(op.f("ix_emails_next_attempt_at"), "emails", ["next_attempt_at"], unique=False)
    op.create_index(
        "uq_emails_waiting_reminder",
        "emails",
        ["member_id"],
        unique=True,
        sqlite_where=sa.text("kind = 'reminder' AND status = 'queued'"),
        postgresql_where=sa.text("kind = 'reminder' AND status = 'queued'"),
    )
    op.create_table(
        "grants",
        sa.Column("connection_id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("provider_id", sa.String(length=60), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column("accounts", sa.JSON(), nullable=False),
        sa.Column("token_type", sa.String(length=40), nullable=False),
        sa.Column("access_token", SealedBytes(), nullable=True),
        sa.Column("refresh_token", SealedBytes(), nullable=True),
        sa.Column("issued_at", Moment(timezone=True), nullable=False),
        sa.Column("access_expires_at", MomentOrNever(timezone=True), nullable=False),
        sa.Column("refresh_expires_at", Moment(timezone=True), nullable=True),
        sa.Column("refresh_due_at", MomentOrNever(timezone=True), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("last_fault", sa.String(length=40), nullable=True),
        sa.Column("last_fault_at", Moment(timezone=True), nullable=True),
        sa.Column("lease_owner", sa.String(length=64), nullable=True),
        sa.Column("lease_until", Moment(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["connection_id"], ["connections.id"], name=op.f("fk_grants_connection_id")),
        sa.ForeignKeyConstraint(["organization_id"], ["organizations.id"], name=op.f("fk_grants_organization_id")),
        sa.PrimaryKeyConstraint("connection_id", name=op.f("pk_grants")),
    )
    op.create_index(op.f("ix_grants_lease_until"), "grants", ["lease_until"], unique=False)
    op.create_index(op.f("ix_grants_refresh_due_at"), "grants", ["refresh_due_at"], unique=False)
    op.create_table(
        "pending_grants",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=True),
        sa.Column("connection_id", sa.Uuid(), nullable=True),
        sa.Column("provider_id", sa.String(length=60), nullable=False),
        sa.Column("nickname", sa.String(length=60), nullable=False),
        sa.Column("seen_generation", sa.Integer(), nullable=True),
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column("subject_label", sa.String(length=200), nullable=True),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column("accounts", sa.JSON(), nullable=False),
        sa.Column("token_type", sa.String(length=40), nullable=False),
        sa.Column("access_token", SealedBytes(), nullable=True),
        sa.Column("refresh_token", SealedBytes(), nullable=True),
        sa.Column("access_expires_at", MomentOrNever(timezone=True), nullable=False),
        sa.Column("refresh_expires_at", Moment(timezone=True), nullable=True),
        sa.Column("created_at", Moment(timezone=True), nullable=False),
        sa.Column("expires_at", Moment(timezone=True), nullable=False),
        sa.Column("settled_at", Moment(timezone=True), nullable=True),
        sa.Column("decision", sa.String(length=32), nullable=True),
        sa.Column("is_revocation_outstanding", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["connection_id"], ["connections.id"], name=op.f("fk_pending_grants_connection_id")),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_pending_grants_member_id")),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_pending_grants_organization_id")
        ),
        sa.ForeignKeyConstraint(["session_id"], ["sessions.id"], name=op.f("fk_pending_grants_session_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pending_grants")),
    )
    op.create_index(op.f("ix_pending_grants_connection_id"), "pending_grants", ["connection_id"], unique=False)
    op.create_index(
        op.f("ix_pending_grants_settled_at_expires_at"), "pending_grants", ["settled_at", "expires_at"], unique=False
    )
    op.create_table(
        "login_links",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("email_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column(
            "purpose",
            sa.Enum("sign_in", "invitation", "reminder", name="linkpurpose", native_enum=False, length=32),
            nullable=False,
        ),
        sa.Column("place", sa.String(length=500), nullable=False),
        sa.Column("minted_at", Moment(timezone=True), nullable=False),
        sa.Column("expires_at", Moment(timezone=True), nullable=False),
        sa.Column("used_at", Moment(timezone=True), nullable=True),
        sa.Column("superseded_at", Moment(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["email_id"], ["emails.id"], name=op.f("fk_login_links_email_id"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_login_links_member_id")),
        sa.ForeignKeyConstraint(["organization_id"], ["organizations.id"], name=op.f("fk_login_links_organization_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_login_links")),
        sa.UniqueConstraint("email_id", name=op.f("uq_login_links_email_id")),
    )
    op.create_index(op.f("ix_login_links_expires_at"), "login_links", ["expires_at"], unique=False)
    op.create_index(op.f("ix_login_links_member_id"), "login_links", ["member_id"], unique=False)
    op.create_table(
        "reminders",
        sa.Column("connection_id", sa.Uuid(), nullable=False),
        sa.Column("organization_id", sa.Uuid(), nullable=False),
        sa.Column("member_id", sa.Uuid(), nullable=False),
        sa.Column("next_at", MomentOrNever(timezone=True), nullable=False),
        sa.Column("next_step", sa.Integer(), nullable=True),
        sa.Column("last_step", sa.Integer(), nullable=True),
        sa.Column("last_sent_at", Moment(timezone=True), nullable=True),
        sa.Column("email_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.ForeignKeyConstraint(["connection_id"], ["connections.id"], name=op.f("fk_reminders_connection_id")),
        sa.ForeignKeyConstraint(["member_id"], ["members.id"], name=op.f("fk_reminders_member_id")),
        sa.ForeignKeyConstraint(["organization_id"], ["organizations.id"], name=op.f("fk_reminders_organization_id")),
        sa.PrimaryKeyConstraint("connection_id", name=op.f("pk_reminders")),
    )
    op.create_index(op.f("ix_reminders_member_id"), "reminders", ["member_id"], unique=False)
    op.create_index(op.f("ix_reminders_next_at"), "reminders", ["next_at"], unique=False)
    create_search(op.get_bind())


def downgrade() -> None:
    drop_search(op.get_bind())
    op.drop_index(op.f("ix_reminders_next_at"), table_name="reminders")
    op.drop_index(op.f("ix_reminders_member_id"), table_name="reminders")
    op.drop_table("reminders")
    op.drop_index(op.f("ix_login_links_member_id"), table_name="login_links")
    op.drop_index(op.f("ix_login_links_expires_at"), table_name="login_links")
    op.drop_table("login_links")
    op.drop_index(op.f("ix_pending_grants_settled_at_expires_at"), table_name="pending_grants")
    op.drop_index(op.f("ix_pending_grants_connection_id"), table_name="pending_grants")
    op.drop_table("pending_grants")
    op.drop_index(op.f("ix_grants_refresh_due_at"), table_name="grants")
    op.drop_index(op.f("ix_grants_lease_until"), table_name="grants")
    op.drop_table("grants")
    op.drop_index(
        "uq_emails_waiting_reminder",
        table_name="emails",
        sqlite_where=sa.text("kind = 'reminder' AND status = 'queued'"),
        postgresql_where=sa.text("kind = 'reminder' AND status = 'queued'"),
    )
    op.drop_index(op.f("ix_emails_next_attempt_at"), table_name="emails")
    op.drop_index(
        "ix_emails_but_reminders",
        table_name="emails",
        sqlite_where=sa.text("kind <> 'reminder'"),
        postgresql_where=sa.text("kind <> 'reminder'"),
    )
    op.drop_table("emails")
    op.drop_index(op.f("ix_consent_attempts_expires_at"), table_name="consent_attempts")
    op.drop_table("consent_attempts")
    op.drop_index(op.f("ix_sessions_member_id"), table_name="sessions")
    op.drop_index(op.f("ix_sessions_last_seen_at"), table_name="sessions")
    op.drop_table("sessions")
    op.drop_index(
        "uq_connections_held_login",
        table_name="connections",
        sqlite_where=sa.text("state IN ('active', 'needs_reconsent')"),
        postgresql_where=sa.text("state IN ('active', 'needs_reconsent')"),
    )
    op.drop_index(op.f("ix_connections_organization_id_state_consent_expires_at_id"), table_name="connections")
    op.drop_index(op.f("ix_connections_organization_id_provider_id_consent_expires_at_id"), table_name="connections")
    op.drop_index(op.f("ix_connections_organization_id_consent_expires_at_id"), table_name="connections")
    op.drop_index(op.f("ix_connections_member_id_consent_expires_at_id"), table_name="connections")
    op.drop_table("connections")
    op.drop_index(op.f("ix_api_keys_organization_id_name"), table_name="api_keys")
    op.drop_table("api_keys")
    op.drop_index(op.f("ix_members_organization_id_team"), table_name="members")
    op.drop_index(op.f("ix_members_organization_id_name_id"), table_name="members")
    op.drop_index(op.f("ix_members_email"), table_name="members")
    op.drop_table("members")
    op.drop_index(op.f("ix_events_organization_id_kind_id"), table_name="events")
    op.drop_index(op.f("ix_events_organization_id_id"), table_name="events")
    op.drop_index(op.f("ix_events_connection_id_id"), table_name="events")
    op.drop_table("events")
    op.drop_table("day_buckets")
    op.drop_index(op.f("ix_sign_in_requests_answered_at_requested_at"), table_name="sign_in_requests")
    op.drop_index(op.f("ix_sign_in_requests_address_requested_at"), table_name="sign_in_requests")
    op.drop_table("sign_in_requests")
    op.drop_table("organizations")
    op.drop_table("heartbeats")
