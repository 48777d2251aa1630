"""Requests that are done once, applications for credit repair, webhooks."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "idempotent_request",
        sa.Column("caller", sa.String(120), primary_key=True),
        sa.Column("key", sa.String(200), primary_key=True),
        sa.Column("request_sha256", sa.String(64), nullable=False),
        sa.Column("begun_at", sa.String(32), nullable=False),
        sa.Column("expires_at", sa.String(32), nullable=False, index=True),
        sa.Column("owner", sa.String(300)),
        sa.Column("owned_until", sa.String(32)),
        sa.Column("status", sa.Integer),
        sa.Column("answer", sa.Text),
    )
    op.create_table(
        "repair_application",
        sa.Column("id", sa.String(16), primary_key=True),
        sa.Column("credit_code", sa.String(64), nullable=False, index=True),
        sa.Column("record", sa.String(500), nullable=False),
        sa.Column("applied_on", sa.String(10), nullable=False),
        sa.Column("received_at", sa.String(32), nullable=False, index=True),
        sa.Column("received_by", sa.String(120), nullable=False),
        sa.Column("performed", sa.Boolean, nullable=False),
        sa.Column("harm_removed", sa.Boolean, nullable=False),
        sa.Column("materials", sa.JSON, nullable=False),
        sa.Column("decide_by", sa.String(10), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("decided_on", sa.String(10)),
        sa.Column("decision_record", sa.String(700)),
    )
    op.create_table(
        "webhook",
        sa.Column("id", sa.String(16), primary_key=True),
        sa.Column("url", sa.String(2000), nullable=False),
        sa.Column("topics", sa.JSON, nullable=False),
        sa.Column("secret", sa.String(100), nullable=False),
        sa.Column("created_at", sa.String(32), nullable=False),
        sa.Column("created_by", sa.String(120), nullable=False),
        sa.Column("stopped_at", sa.String(32)),
        sa.Column("told_snapshot", sa.String(200)),
        sa.Column("batch", sa.String(300)),
        sa.Column("parts", sa.Integer, nullable=False),
        sa.Column("delivered_at", sa.String(32)),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("next_attempt_at", sa.String(32)),
        sa.Column("last_error", sa.String(300)),
    )


def downgrade() -> None:
    """Drop the tables."""
    for table in ("webhook", "repair_application", "idempotent_request"):
        op.drop_table(table)
