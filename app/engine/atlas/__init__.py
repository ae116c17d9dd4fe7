"""The atlas: what every table in the database is, whether anybody lives in it, and how one knows.

Nobody has to believe a verdict: each comes with its evidence in a sentence. It rests on the catalogue (no table is counted),
on what the worker read of each table over time (`readings`), and on what is declared.

`rows(connection)` computes it; `survey` keeps the result for the list at /explorer.
"""

from app.engine.atlas.entries import Entry, Mention, compute, find, mentioned_by, rows
from app.engine.atlas.verdicts import QUIET_AFTER, VERDICTS

__all__ = ["QUIET_AFTER", "VERDICTS", "Entry", "Mention", "compute", "find", "mentioned_by", "rows"]
