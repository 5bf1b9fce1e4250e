"""Alembic's entry point: runs the revisions on the connection that `gateway.storage.migrate` hands over."""

from typing import Any, Literal

from alembic import context
from sqlmodel import AutoString


def _render(kind: str, item: Any, _autogen: Any) -> str | Literal[False]:
    """Write SQLModel's string type as SQLAlchemy's, so that a revision needs SQLAlchemy only."""
    if kind == "type" and isinstance(item, AutoString):
        return f"sa.String(length={item.length})" if item.length else "sa.String()"
    return False


def run() -> None:
    """Run what was asked for inside the caller's transaction."""
    attributes = context.config.attributes
    context.configure(
        connection=attributes["connection"],
        target_metadata=attributes.get("tables"),
        render_item=_render,
    )
    with context.begin_transaction():
        context.run_migrations()


run()
