"""A board meets when there is a chair, a question and enough votes; its outcome follows from the votes, and a person binds it."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from app.core.clock import now
from app.domains.ai.consensus import Ballot, count
from app.engine.access import Actor
from app.engine.refusals import NotAllowed, Rejected
from app.engine.registry import REGISTRY

SIDES = ["Book price", "Less"]
HALF = Decimal(50)


@pytest.fixture
def board(house: Any) -> Any:
    """Three agents with a vote, one without, and Ada who runs their board."""
    house.person("Ada", "boards.*")
    house.person("Vic", "boards.read")
    owner = house.people["Ada"].app_user_id
    for name, weight, status in (
        ("Ann", 2, "active"),
        ("Bob", 1, "active"),
        ("Cid", 1, "active"),
        ("Dot", 0, "active"),
    ):
        key = house.given(
            "ai_agents",
            key=name,
            name=name,
            role="Member",
            model="m",
            status=status,
            owner_id=owner,
            vote_weight=weight,
        )
        setattr(house, name.lower(), key)
    house.session = house.create(
        "Ada", "ai_board_sessions", title="Price level", purpose="pricing", chair_agent_id=house.ann
    )
    return house


def motion(board: Any, **values: Any) -> int:
    made = {"board_session_id": board.session, "question": "Which level?", "options": SIDES, **values}
    return board.create("Ada", "ai_consensus_decisions", **made)


def put_to_the_vote(board: Any) -> None:
    ahead = now() + timedelta(days=1)
    board.move("Ada", "ai_board_sessions", board.session, "schedule", scheduled_for=ahead, budget=Decimal(1))
    board.move("Ada", "ai_board_sessions", board.session, "open")
    board.move("Ada", "ai_board_sessions", board.session, "call_vote")


def votes(board: Any, key: int, round_no: int = 1) -> dict[int, int]:
    """Vote by agent."""
    rows = REGISTRY["ai_board_votes"].table.c
    found = board.connection.execute(
        select(rows.agent_id, rows.id).where(rows.consensus_decision_id == key, rows.round == round_no)
    )
    return {row.agent_id: row.id for row in found}


def cast(board: Any, vote: int, choice: str) -> None:
    asked = {"choice": choice, "confidence": Decimal("0.8"), "rationale": f"{choice} sells."}
    board.move("Ada", "ai_board_votes", vote, "cast", **asked)


# -- counting --------------------------------------------------------------------------------------------------------


def ballots(*said: str | None) -> list[Ballot]:
    """A choice, "-" for abstaining, None for a vote still to be cast; the first counts twice."""
    return [
        Ballot("pending" if each is None else "abstain" if each == "-" else "vote", None if each in (None, "-") else each,
               Decimal(2 if place == 0 else 1), Decimal("0.5") if place == 0 else Decimal(1))
        for place, each in enumerate(said)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("said", "method", "agreed", "leader"),
    [
        (("A", "B", "B"), "majority", False, None),  # two against two
        (("A", "B", "A"), "majority", True, "A"),
        (("A", "-", "B"), "majority", True, "A"),  # abstaining takes part and backs nobody
        (("A", None, None), "majority", False, "A"),  # half the weight is no quorum of sixty
        (("A", "B", "A"), "unanimous", False, "A"),
        (("A", "-", "A"), "unanimous", True, "A"),
        (("A", "B", "A"), "supermajority", True, "A"),  # three quarters
        (("A", "B", "-"), "supermajority", True, "A"),  # two thirds to the digit
        (("A", "B", "B"), "weighted", True, "B"),  # twice a half against twice a whole
        (("A", "A", "A"), "human", False, "A"),
    ],
)
def test_votes_come_to_what_anybody_can_count_again(
    said: tuple[str | None, ...], method: str, agreed: bool, leader: str | None
) -> None:
    found = count(ballots(*said), ["A", "B"], method, HALF, Decimal(60))
    assert (found.agreed, found.leader) == (agreed, leader)


# -- sessions --------------------------------------------------------------------------------------------------------


def test_a_session_needs_a_question_members_and_a_budget(board: Any) -> None:
    when = {"scheduled_for": now() + timedelta(days=1)}
    with pytest.raises(NotAllowed, match="Add at least one motion"):
        board.move("Ada", "ai_board_sessions", board.session, "schedule", **when)
    motion(board)
    with pytest.raises(NotAllowed, match="may cost"):
        board.move("Ada", "ai_board_sessions", board.session, "schedule", **when)
    board.change("ai_agents", board.cid, status="paused")
    with pytest.raises(NotAllowed, match="Only 2 active agents have a vote"):
        board.move("Ada", "ai_board_sessions", board.session, "schedule", **when, budget=Decimal(1))
    board.change("ai_agents", board.cid, status="active")
    board.change("ai_agents", board.ann, status="paused")
    with pytest.raises(NotAllowed, match="chairs it is not active"):
        board.move("Ada", "ai_board_sessions", board.session, "schedule", **when, budget=Decimal(1))
    with pytest.raises(NotAllowed, match="role"):
        board.move("Vic", "ai_board_sessions", board.session, "schedule", **when)


def test_a_session_called_off_leaves_no_question_open(board: Any) -> None:
    key = motion(board)
    with pytest.raises(Rejected):
        board.move("Ada", "ai_board_sessions", board.session, "cancel")
    called_off = board.press(
        "Ada", "ai_board_sessions", board.session, "cancel", cancel_reason="Settled on the telephone"
    )
    assert board.row("ai_consensus_decisions", key)["status"] == "expired"
    assert board.undo("Ada", called_off) == ()
    assert board.row("ai_consensus_decisions", key)["status"] == "open"


def test_calling_the_vote_gives_every_member_a_ballot_with_its_weight(board: Any) -> None:
    key, kept = motion(board), motion(board, method="human", position=2)
    put_to_the_vote(board)
    given = votes(board, key)
    assert given.keys() == {board.ann, board.bob, board.cid}
    assert board.row("ai_board_votes", given[board.ann])["weight"] == 2
    assert board.row("ai_consensus_decisions", key)["status"] == "voting"
    assert (board.row("ai_consensus_decisions", kept)["status"], votes(board, kept)) == ("escalated", {})
    with pytest.raises(Rejected, match="voted on this question as it stands"):
        board.edit("Ada", "ai_consensus_decisions", key, question="Which colour?")


def test_an_outcome_follows_from_the_votes_and_a_person_binds_it(board: Any) -> None:
    key = motion(board)
    put_to_the_vote(board)
    given = votes(board, key)
    with pytest.raises(NotAllowed, match="Choose one of the options: Book price, Less"):
        cast(board, given[board.ann], "More")
    cast(board, given[board.ann], "Book price")
    with pytest.raises(NotAllowed, match=r"Only 50 % of the board's weight has voted"):
        board.move("Ada", "ai_consensus_decisions", key, "reach")
    cast(board, given[board.bob], "Less")
    cast(board, given[board.cid], "Book price")
    with pytest.raises(NotAllowed, match="be moved this way"):
        cast(board, given[board.cid], "Less")
    with pytest.raises(NotAllowed, match="close the vote as agreed"):
        board.move("Ada", "ai_consensus_decisions", key, "miss")
    row = board.move("Ada", "ai_consensus_decisions", key, "reach")
    assert (row["outcome"], row["agreement_pct"], row["dissent"]) == ("Book price", 75, "Less sells.")
    assert row["tally"] == {"Book price": 3, "Less": 1}
    board.people["Robot"] = Actor(
        board.tenant_id, None, None, "Robot", kind="agent", permissions=frozenset({"boards.*"})
    )
    with pytest.raises(NotAllowed, match="Only a person"):
        board.move("Robot", "ai_consensus_decisions", key, "ratify")
    row = board.move("Ada", "ai_consensus_decisions", key, "ratify")
    assert (row["status"], row["ratified_by"]) == ("ratified", board.people["Ada"].app_user_id)
    ended = board.move("Ada", "ai_board_sessions", board.session, "conclude", summary="Book price stays")
    assert (ended["status"], ended["total_cost"]) == ("concluded", 0)


def test_who_does_not_agree_votes_again_and_then_a_person_decides(board: Any) -> None:
    key = motion(board, method="unanimous")
    board.change("ai_board_sessions", board.session, max_rounds=2)
    put_to_the_vote(board)
    with pytest.raises(NotAllowed, match="One motion is still to be counted"):
        board.move("Ada", "ai_board_sessions", board.session, "conclude", summary="Nothing")
    for round_no in (1, 2):
        given = votes(board, key, round_no)
        for agent, choice in ((board.ann, "Less"), (board.bob, "Book price"), (board.cid, "Less")):
            cast(board, given[agent], choice)
        board.move("Ada", "ai_consensus_decisions", key, "miss")
        if round_no == 1:
            board.move("Ada", "ai_consensus_decisions", key, "vote_again")
    assert board.row("ai_board_sessions", board.session)["round"] == 2
    with pytest.raises(NotAllowed, match="all its 2 rounds"):
        board.move("Ada", "ai_consensus_decisions", key, "vote_again")
    board.move("Ada", "ai_consensus_decisions", key, "escalate")
    with pytest.raises(NotAllowed, match="came to no outcome"):
        board.move("Ada", "ai_consensus_decisions", key, "ratify")
    with pytest.raises(Rejected):
        board.move("Ada", "ai_consensus_decisions", key, "veto")
    row = board.move("Ada", "ai_consensus_decisions", key, "ratify", outcome="Less")
    assert (row["status"], row["outcome"]) == ("ratified", "Less")
