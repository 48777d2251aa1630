"""Runs migrations on the connection that the caller has opened."""

from alembic import context

from serving.database.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    transactional_ddl=True,
)
context.run_migrations()
