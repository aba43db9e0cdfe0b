"""Alembic's way to our tables; run through `portal.services.schema`, inside one connection's transaction."""

from alembic import context

import portal.models  # noqa: F401 - makes every table known
from portal.db import Base
from portal.migrations.search import is_search_table


def _is_ours(_object: object, name: str | None, *_more: object) -> bool:
    return not is_search_table(name or "")


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    include_object=_is_ours,
    compare_type=True,
    render_as_batch=False,
)
with context.begin_transaction():
    context.run_migrations()
