"""What names sessions is found by them, so that old sessions can be deleted"""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(op.f("ix_consent_attempts_session_id"), "consent_attempts", ["session_id"])
    op.create_index(op.f("ix_pending_grants_session_id"), "pending_grants", ["session_id"])


def downgrade() -> None:
    op.drop_index(op.f("ix_pending_grants_session_id"), table_name="pending_grants")
    op.drop_index(op.f("ix_consent_attempts_session_id"), table_name="consent_attempts")
