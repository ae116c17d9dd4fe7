"""A report as Markdown: to be sent, filed, or laid beside the last one; everything in it is text, whatever a table is called."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from app.core.formats import absolute, size
from app.domains.platform.audit.comparison import Comparison
from app.domains.platform.audit.report import FOUND, Api, FeatureLine, JobLine, Report

VERDICT = {"live": "Live", "quiet": "Quiet", "empty": "Empty", "look_alike": "Look-alike", "broken": "Broken"}
BUILT = {"all": "built", "some": "partly", "none": "not built"}
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~])")


def markdown(report: Report, week: Comparison | None, previous: Comparison | None) -> str:
    """The whole report."""
    return "\n".join([*_head(report), *_changes(week, previous), *_tables(report), *_all_features(report),
                      *_jobs(report.jobs), *_api(report.api)]) + "\n"  # fmt: skip


def _head(report: Report) -> Iterator[str]:
    yield f"# System audit of {plain(report.company)}"
    yield ""
    yield f"Taken {absolute(report.taken_at, report.zone)}. Code {plain(report.revision)}."
    yield ""
    counts = report.by_verdict
    figures = report.figures()
    yield f"- Tables: {', '.join(f'{count} {VERDICT[name].lower()}' for name, count in counts.items())}"
    yield (f"- Features: {figures['features_built']} of {len(report.features)} built, {figures['features_reachable']} reachable,"
           f" {figures['features_used']} used in the last 30 days")  # fmt: skip
    yield f"- Background jobs: {figures['jobs_declared']} declared, {figures['jobs_failing']} failing or late"
    for each in report.notes:
        yield f"- {plain(each)}"


def _changes(week: Comparison | None, previous: Comparison | None) -> Iterator[str]:
    for words, found in (("the week before", week), ("the last report", previous)):
        yield from ("", f"## Changed since {words}", "")
        if found is None:
            yield "There is no such report to compare with."
        elif not found.differences:
            yield f"Nothing, since {found.since.date().isoformat()}."
        else:
            rows = [(each.kind, each.name, each.what.replace("_", " "), each.sentence) for each in found.differences]
            yield from _table(("What", "Name", "Change", "How"), rows)


def _tables(report: Report) -> Iterator[str]:
    yield from ("", "## Tables by domain and verdict", "")
    rows = [(domain, *(str(count) for count in counts.values())) for domain, counts in report.by_domain.items()]
    yield from _table(("Domain", *VERDICT.values()), rows)
    yield from ("", "## Tables somebody should look at", "")
    found = report.with_verdict(*FOUND)
    if not found:
        yield "None: every table is live."
    else:
        yield from _table(
            ("Table", "Verdict", "Rows, about", "Size", "Evidence"),
            [(each.name, VERDICT[each.verdict], "" if each.rows is None else f"{each.rows:,}", size(each.bytes), each.evidence)
             for each in found],
        )  # fmt: skip


def _all_features(report: Report) -> Iterator[str]:
    for title, one, lines in (("Features", "Feature", report.features), ("Categories", "Category", report.categories)):
        yield from ("", f"## {title}", "")
        rows = [(_called(each), BUILT[each.built], _yes(each.reachable), _yes(each.used)) for each in lines]
        yield from _table((one, "Built", "Reachable", "Used in 30 days"), rows)
        for each in lines:
            yield from _feature(each)


def _called(each: FeatureLine) -> str:
    return f"{each.number}. {each.name}" if each.number else each.name


def _feature(each: FeatureLine) -> Iterator[str]:
    yield from ("", f"### {plain(each.name)}", "", plain(each.about), "")
    yield f"- Built: {each.found} of {each.of} parts found." + (
        f" Missing: {plain('; '.join(each.missing))}." if each.missing else ""
    )
    for line in (*each.built_by, *each.reached_by, *each.used_by):
        yield f"- {plain(line.text)}" + (f" `{line.href}`" if line.href else "")


def _jobs(jobs: Iterable[JobLine]) -> Iterator[str]:
    yield from ("", "## Background jobs", "")
    rows = [(each.name, each.source, each.schedule, each.verdict, each.last_at or "", each.evidence) for each in jobs]
    yield from _table(("Job", "Declared in", "Schedule", "State", "Last", "Evidence"), rows)


def _api(api: Api) -> Iterator[str]:
    yield from ("", "## Operator API", "")
    if api.source == "none":
        yield "Nobody said where it is."
        return
    yield plain(f"{api.title or api.name} {api.version}, by {api.source} {api.name}.")
    if api.fault:
        yield plain(api.fault)
        return
    yield ""
    rows = [
        (each.name, str(len(each.operations)), str(each.probed) if each.probed else "not probed", str(each.answering))
        for each in api.modules
    ]
    yield from _table(("Module", "Declared", "Probed", "Answering"), rows)


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(heads)} |"
    yield f"|{' --- |' * len(heads)}"
    for row in rows:
        yield f"| {' | '.join(plain(each) for each in row)} |"


def plain(words: str) -> str:
    """Text that stays text: no markup, no links, no second line."""
    return _SPECIAL.sub(r"\\\1", " ".join(words.split()))


def _yes(is_so: bool) -> str:
    return "yes" if is_so else "no"
