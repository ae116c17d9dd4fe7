"""The verdict on a table, and the sentence that proves it.

In this order, and the first that holds is the verdict:

broken      Something the catalogue proves stands in the way of reading or writing: a view that cannot be planned, an index
            left invalid, a constraint never validated, a key whose numbers have run out or are taken already.
empty       There is no row in it.
live        Somebody has written to it within QUIET_AFTER.
look-alike  Nobody has, nobody declared it, and another table resembles it that is more alive or came first: a second copy.
quiet       Nobody has, and it is like no other.

So a look-alike that is written is live, and says in its evidence what it resembles: two tables doing one thing is worth
knowing, but calling either of them dead would be a lie. A view is what the liveliest of the tables it reads is.

When a table was written is taken from the newest time in its rows if one could be read, and else from counters that grew
between two readings. Rows added without a newer time in them are a restored backup, not life; rows changed or deleted are.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from app.core.formats import MONTHS
from app.engine.atlas.readings import History
from app.engine.atlas.resemblance import Likeness, plain_name
from app.engine.catalogue import TableFacts

VERDICTS = ("live", "quiet", "empty", "look_alike", "broken")
QUIET_AFTER = timedelta(days=30)


@dataclass(frozen=True)
class LastWrite:
    """When a table was last written as far as anybody knows, and how one knows."""

    at: datetime | None = None
    source: str = ""
    """Completes "the last write …": `by updated_at`, `by counters between readings`."""


@dataclass(frozen=True)
class Judged:
    """A verdict with its evidence."""

    verdict: str
    evidence: str


def last_write(facts: TableFacts, history: History | None, now: datetime) -> LastWrite:
    """The newest time found in the rows, or the reading that saw the counters grow."""
    if history is None:
        return LastWrite()
    newest = LastWrite(history.newest_at, f"by {history.newest_from}") if history.newest_at else None
    counted = history.changed_at if newest else max(filter(None, (history.changed_at, history.grown_at)), default=None)
    since = facts.updates + facts.deletes - history.updates - history.deletes
    if since > 0 or (newest is None and facts.writes > history.writes):
        counted = now  # written since the last reading, a few minutes ago at most
    if counted and (newest is None or newest.at is None or counted > newest.at):
        return LastWrite(counted, "by counters between readings")
    return newest or LastWrite()


def judge(facts: TableFacts, history: History | None, written: LastWrite, now: datetime) -> Judged:
    """The verdict on a stored table by itself, before anything is known of its look-alikes."""
    faults = broken(facts, history)
    if faults:
        return Judged("broken", " ".join(faults))
    if facts.kind == "foreign":
        return Judged("quiet", "Its rows lie on another server, so no write to it can be seen from here.")
    if is_empty(facts, history):
        gone = f" {facts.deletes:,} rows were deleted from it since the counters began." if facts.deletes else ""
        return Judged("empty", f"There is no row in it.{gone}")
    if not facts.readable:
        return _by_counters(facts, history, written, now)
    rows = rows_in_words(facts)
    if written.at and now - written.at < QUIET_AFTER:
        rate = f", about {_rate(history.writes_per_day)} a day" if history and history.writes_per_day else ""
        return Judged("live", f"{rows}, last written {day(written.at)} ({written.source}){rate}.")
    if written.at:
        return Judged("quiet", f"{rows}, the last from {day(written.at)} ({written.source}); none written since.")
    if history is None:
        return _by_counters(facts, history, written, now)
    return Judged(
        "quiet",
        f"{rows}; none written since readings began on {day(history.first_at)}, and no column says when before.",
    )


UNREADABLE = "The console may not read it."


def _by_counters(facts: TableFacts, history: History | None, written: LastWrite, now: datetime) -> Judged:
    """What the counters alone say: before the first reading, or where the console may not look into the table."""
    rows, note = rows_in_words(facts), "When is known after the first reading." if facts.readable else UNREADABLE
    if written.at and now - written.at < QUIET_AFTER:
        return Judged("live", f"{rows}, written between readings up to {day(written.at)}. {note}")
    if history is not None:
        return Judged("quiet", f"{rows}; no write counted since readings began on {day(history.first_at)}. {note}")
    since = f" since {day(facts.stats_since)}" if facts.stats_since else " since PostgreSQL's counters began"
    if facts.writes:
        return Judged("live", f"{rows}; {facts.writes:,} writes{since}. {note}")
    return Judged("quiet", f"{rows}; no write{since}. {note}")


def judge_view(facts: TableFacts, history: History | None, beneath: list[tuple[str, Judged, LastWrite]]) -> Judged:
    """A view has no rows of its own: broken when it cannot be planned, else as alive as what it reads."""
    faults = broken(facts, history)
    if faults:
        return Judged("broken", " ".join(faults))
    if not beneath:
        untried = "" if facts.readable else f" {UNREADABLE}"
        return Judged("live", f"It reads no table, so there is nothing that could go quiet.{untried}")
    names = _listed([name for name, _judged, _written in beneath])
    alive = [name for name, judged, _written in beneath if judged.verdict == "live"]
    if alive:
        written = "which is written" if len(beneath) == 1 else f"of which {_listed(alive)} {_is(alive)} written"
        return Judged("live", f"It reads {names}, {written}.")
    if any(judged.verdict in ("quiet", "look_alike") for _name, judged, _written in beneath):
        return Judged("quiet", f"It reads {names}, where nothing is written any more.")
    if all(judged.verdict == "empty" for _name, judged, _written in beneath):
        return Judged("empty", f"It reads {names}, where there is no row.")
    return Judged("quiet", f"It reads {names}, and none of that is alive.")


def second_look(
    facts: TableFacts,
    judged: Judged,
    alike: list[tuple[Likeness, TableFacts, Judged, LastWrite, bool]],
    mine: LastWrite,
) -> Judged:
    """The same verdict in the light of what resembles it. `alike`: the other, its facts, verdict, last write, declared or not."""
    if not alike or judged.verdict == "broken":
        return judged
    if judged.verdict == "quiet":
        first = next((each for each in alike if _came_first(each, facts, mine)), None)
        if first is not None:
            likeness, _other, other_judged, other_written, _declared = first
            alive = other_judged.verdict == "live" and other_written.at
            that = f" That one was last written {day(other_written.at)}." if alive and other_written.at else ""
            return Judged("look_alike", f"It {likeness.words}.{that} {judged.evidence}")
    return Judged(judged.verdict, f"{judged.evidence} It {alike[0][0].words}.")


def _came_first(each: tuple[Likeness, TableFacts, Judged, LastWrite, bool], facts: TableFacts, mine: LastWrite) -> bool:
    """Whether the other is the one to keep of two that look alike: declared, alive, plainly named, referred to, newer, larger.

    Of two that differ in none of it the first by name is the first, so that of many copies all but one are copies.
    """
    _likeness, other, judged, written, declared = each
    if judged.verdict in ("empty", "broken"):
        return False
    if declared or judged.verdict == "live":
        return True
    theirs, ours = _rank(other, written), _rank(facts, mine)
    return theirs > ours or (theirs == ours and other.qualified < facts.qualified)


def _rank(facts: TableFacts, written: LastWrite) -> tuple[bool, int, float, int]:
    at = written.at.timestamp() if written.at else 0.0
    return not plain_name(facts.name)[1], len(facts.refs_in), at, facts.rows_estimate or 0


def is_empty(facts: TableFacts, history: History | None) -> bool:
    """Proven, not guessed: no page on disk, or no row at the last look and none added since."""
    return facts.no_pages or (history is not None and history.is_empty is True and facts.inserts <= history.inserts)


def broken(facts: TableFacts, history: History | None) -> list[str]:
    """What is provably wrong with a table or view, a sentence each."""
    found = []
    if history and history.fault and facts.kind == "view":
        found.append(f"Reading it fails: {history.fault.rstrip('.')}.")
    if not facts.populated:
        found.append("It holds nothing until it is refreshed, and every read of it fails.")
    for index in facts.indexes:
        if not index.valid:
            found.append(f"Its index {index.name} is invalid: every write pays for it and no read uses it.")
    for name in facts.unvalidated:
        found.append(f"Its constraint {name} was never validated, so older rows may break it.")
    for each in facts.sequences:
        if each.used >= 1:
            found.append(f"The numbers for {each.column} have run out at {each.limit:,}: no row can be added.")
        elif _is_behind(each.column, each.last, facts, history):
            assert history and history.highest_key is not None
            found.append(
                f"The next number for {each.column} ({(each.last or 0) + 1:,}) is taken already,"
                f" the highest being {history.highest_key:,.0f}: the next row cannot be added."
            )
    return found


def _is_behind(column: str, last: int | None, facts: TableFacts, history: History | None) -> bool:
    if last is None or history is None or history.highest_key is None or facts.key != (column,):
        return False
    return facts.inserts == history.inserts and last < history.highest_key


def rows_in_words(facts: TableFacts) -> str:
    """ "About 2,140 rows": the planner's estimate, and said to be one."""
    if facts.rows_estimate is None:
        return "Rows nobody has estimated yet"
    return "About 1 row" if facts.rows_estimate == 1 else f"About {facts.rows_estimate:,} rows"


def day(at: datetime) -> str:
    """14 Mar 2023: evidence is kept, so it names days and not how long ago they were."""
    return f"{at.day} {MONTHS[at.month - 1]} {at.year}"


def _rate(per_day: float) -> str:
    return f"{per_day:,.0f} writes" if per_day >= 10 else f"{per_day:.1f} writes"


def _listed(names: list[str], most: int = 3) -> str:
    if len(names) > most:
        return f"{', '.join(names[:most])} and {len(names) - most} more"
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _is(names: list[str]) -> str:
    return "is" if len(names) == 1 else "are"
