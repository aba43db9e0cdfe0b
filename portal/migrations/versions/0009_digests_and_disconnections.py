"""Which providers had no way to end what was disconnected; which week admins were told about last"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("connections", sa.Column("is_revocation_unsupported", sa.Boolean(), nullable=True))
    op.add_column("organizations", sa.Column("digest_week", sa.Date(), nullable=True))


def downgrade() -> None:
    op.drop_column("organizations", "digest_week")
    op.drop_column("connections", "is_revocation_unsupported")
