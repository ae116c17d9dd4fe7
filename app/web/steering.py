"""Long work that a worker does, steered from its page: stopped after the batch in hand, gone on with, or thrown away."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, redirect
from sqlalchemy import Connection
from werkzeug.wrappers import Response as AnyResponse

from app.engine.apply import transaction
from app.web.receipts import say
from app.web.security import signed_in

LARGE = 5_000
"""Rows above which its page asks less often how far it is: what it shows is counted each time."""


def asks_after(rows: int) -> int:
    """Seconds after which the page of such work asks anew."""
    return 1 if rows <= LARGE else 3


Step = Callable[[Connection, Any], None]


def steer(
    blueprint: Blueprint,
    at: str,
    opened: Callable[[int], Any],
    *,
    stop: Step,
    go_on: Step,
    discard: Step | None = None,
    thrown_away: str = "",
    onward: Callable[[Any], str] = lambda _work: "/",
) -> None:
    """Give the work at an address (`/plans/7`) its buttons. `opened` reads it for who may steer it, and says 404 to others.

    Where nothing was applied of it, `discard` throws it away, `thrown_away` says so, and `onward` is where one goes on.
    """

    def done(number: int, step: Step) -> Any:
        work = opened(number)
        with transaction() as connection:
            step(connection, work)
        return work

    @blueprint.post(f"{at}/<int:number>/stop", endpoint="stop")
    @signed_in
    def _stop(number: int) -> AnyResponse:
        done(number, stop)
        return redirect(f"{at}/{number}", 303)

    @blueprint.post(f"{at}/<int:number>/continue", endpoint="go_on")
    @signed_in
    def _go_on(number: int) -> AnyResponse:
        done(number, go_on)
        return redirect(f"{at}/{number}", 303)

    if discard is not None:

        @blueprint.post(f"{at}/<int:number>/discard", endpoint="discard")
        @signed_in
        def _discard(number: int) -> AnyResponse:
            work = done(number, discard)
            say(thrown_away)
            return redirect(onward(work), 303)
