"""What a person is told after a write: a toast in the past tense with the way back, kept over the redirect."""

from __future__ import annotations

from dataclasses import dataclass

from flask import session

from app.engine.apply import Receipt
from app.engine.plan import Plan
from app.web.session import unattended


@dataclass(frozen=True)
class Said:
    """One toast."""

    text: str
    undo: str | None = None
    failed: bool = False
    back: str | None = None
    """Where the way back leads, where that is not the record."""


def said_of(text: str, receipt: Receipt | None) -> Said:
    """The toast of a write that is answered at once rather than after a redirect."""
    return Said(text[:300], f"/change-sets/{receipt.change_set}/undo" if receipt and receipt.change_set else None)


def say(text: str, receipt: Receipt | None = None, failed: bool = False, back: str | None = None) -> None:
    """Show this on the next page. A receipt of a real change brings Undo with it, which leads `back`."""
    made = said_of(text, receipt)
    session["toasts"] = [*session.get("toasts", [])[-2:], [made.text, made.undo, failed, back]]


def said() -> list[Said]:
    """The toasts waiting for this page; told once, and to somebody."""
    if unattended() or "toasts" not in session:
        return []
    return [Said(*each) for each in session.pop("toasts")]


def edited(title: str, plan: Plan) -> str:
    """The sentence after an edit: what changed, and what others changed meanwhile and was kept."""
    resource = plan.changes[0].resource if plan.changes else None
    if plan.twin is not None:
        names = list(plan.twin.fields)
    elif resource is None:
        return f"{title} is already so; nothing to save"
    else:
        names = [name for name in plan.changes[0].after if resource.has(name)]
    return _and_kept(f"{_counted(names, plan)} of {title} changed", plan)


def edited_together(many: str, plan: Plan) -> str:
    """The sentence after changes of several records were saved together."""
    if plan.empty:
        return "All of it is already so; nothing to save"
    fields = sum(sum(change.resource.has(name) for name in change.after) for change in plan.changes)
    records = len(plan.changes)
    changes = "1 change" if fields == 1 else f"{fields} changes"
    return _and_kept(f"{changes} in {records} {many if records != 1 else plan.changes[0].resource.one} saved", plan)


def _counted(names: list[str], plan: Plan) -> str:
    return plan.title_of(names[0]) if len(names) == 1 else f"{len(names)} fields"


def _and_kept(sentence: str, plan: Plan) -> str:
    """What others changed since and was left as they made it: "Dana Whitfield's change to City was kept."."""
    if not plan.merged:
        return sentence
    by: dict[str, list[str]] = {}
    for name in plan.merged:
        touch = plan.touched.get(name)
        whose = "Someone else's" if touch is None else "Your own" if touch.mine else f"{touch.who}'s"
        by.setdefault(whose, []).append(plan.title_of(name))
    kept = [f"{whose} {_changes(titles)} kept." for whose, titles in by.items()]
    return f"{sentence}. {' '.join(kept)}"


def _changes(titles: list[str]) -> str:
    if len(titles) == 1:
        return f"change to {titles[0]} was"
    if len(titles) > 3:
        return f"changes to {len(titles)} other fields were"
    return f"changes to {', '.join(titles[:-1])} and {titles[-1]} were"
