"""Where automations name tables: in what starts them, what they ask and what they do. The atlas looks here."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection, text

from app.engine.atlas import Mention, mentioned_by


@mentioned_by
def automations(connection: Connection) -> Iterator[Mention]:
    """Every automation that is not archived, of every company; on a database without ours there is none."""
    if connection.execute(text("SELECT to_regclass('automations')")).scalar() is None:
        return
    for row in connection.execute(_TEXTS):
        yield Mention(row.name, row.words, row.tenant_id)


_TEXTS = text("""
SELECT name, tenant_id, concat_ws(' ', trigger_config::text, conditions::text, actions::text) AS words
FROM automations WHERE archived_at IS NULL ORDER BY name LIMIT 5000
""")
