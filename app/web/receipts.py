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
    if plan.empty:
        return f"{title} is already so; nothing to save"
    names = [
        plan.changes[0].resource.field(name).title
        for name in plan.changes[0].after
        if plan.changes[0].resource.has(name)
    ]
    what = names[0] if len(names) == 1 else f"{len(names)} fields"
    merged = " Someone else's changes to other fields were kept." if plan.merged else ""
    return f"{what} of {title} changed.{merged}" if merged else f"{what} of {title} changed"
