"""Operations, the first page: what needs a person, what is owed, how far the work is, and whether all of it runs.

Every figure is a link to exactly the rows it counts, and a panel is there only for who may read its tables.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, render_template, request

from app.core import formats
from app.screens.home import agents, decide, money, needs, system, work
from app.screens.home.frame import Frame, frame
from app.screens.home.periods import PERIODS, Period, period
from app.web.navigation import place
from app.web.security import signed_in
from app.web.session import current_actor

blueprint = Blueprint("home", __name__)
place("", 0, "Operations", "/", "dash", "home.read", letter="d")


@blueprint.get("/")
@signed_in
def show() -> str:
    """The board for whoever is signed in; `period` in the address says over which days invoiced and collected are summed."""
    here = frame(current_actor())
    span = period(request.args.get("period", ""), here.today)
    return render_template("screens/home/operations.html", **load(here, span), **_head(here, span))


def load(here: Frame, span: Period) -> dict[str, Any]:
    """Each panel this actor may see, None where it may not; at most one statement a panel."""
    board: dict[str, Any] = {
        "billed": money.billed(here, span),
        "collected": money.collected(here, span),
        "receivables": money.receivables(here),
        "pipeline": work.pipeline(here),
        "visits": work.visits(here),
        "tasks": work.tasks(here),
        "decide": decide.to_decide(here),
        "review": agents.review(here),
        "agents": agents.agents(here),
        "errors": system.errors(here),
        "health": system.health(here),
    }
    board["needs"] = needs.needs(here, board)
    board["begin"] = needs.begins(here)
    board["tiles"] = _tiles(board)
    board["nothing"] = all(
        value is None for key, value in board.items() if key not in ("needs", "tiles", "decide", "begin")
    )
    return board


def _tiles(board: dict[str, Any]) -> int:
    """How many key figures this actor sees; fewer than six share the width of the page."""
    shown = sum(board[name] is not None for name in ("billed", "collected", "receivables", "pipeline", "agents"))
    return shown + (board["pipeline"] is not None and board["pipeline"].unbilled is not None)


def _head(here: Frame, span: Period) -> dict[str, Any]:
    today = here.today
    return {
        "page_title": "Operations",
        "heading": f"{formats.LONG_WEEKDAYS[today.weekday()]}, {formats.LONG_MONTHS[today.month - 1]} {today.day}",
        "here": here,
        "span": span,
        "periods": [(label, "/" if key == "month" else f"/?period={key}", key == span.key) for key, label in PERIODS],
    }
