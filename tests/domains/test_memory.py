"""What is captured becomes a memory; a memory is corrected, merged, overruled and forgotten, and everything agrees with it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from app.core.clock import now
from app.domains.memory import health
from app.engine.refusals import NotAllowed, Rejected
from tests.domains.conftest import House


@pytest.fixture
def mind(house: House) -> House:
    house.staff("Samir", "ai_operator")
    house.staff("Dana", "operations_manager")
    house.staff("Ines", "auditor")
    return house


def agent(house: House, key: str = "inbox-triage") -> int:
    return house.given("ai_agents", key=key, name=key.replace("-", " ").capitalize(), role="Desk")


def memory(house: House, words: str, **values: Any) -> int:
    return house.given("ai_memories", content=words, **values)


def relations(house: House, key: int) -> list[tuple[str, int, int]]:
    rows = house.connection.execute(
        text(
            "SELECT kind, from_memory_id, to_memory_id FROM ai_memory_relationships"
            " WHERE from_memory_id = :key OR to_memory_id = :key"
        ),
        {"key": key},
    )
    return [(row[0], row[1], row[2]) for row in rows]


# -- conversations ----------------------------------------------------------------------------------------------------


def test_a_conversation_goes_from_the_agent_to_a_person_and_back(mind: House) -> None:
    samir, left = mind.people["Samir"].app_user_id, mind.given("app_users", display_name="Gloria", status="deactivated")
    key = mind.given("conversations", title="Water", agent_id=agent(mind))
    with pytest.raises(NotAllowed, match="does not work here"):
        mind.move("Samir", "conversations", key, "hand_over", handoff_to_id=left)
    with pytest.raises(NotAllowed, match="agent answers already"):
        mind.move("Samir", "conversations", key, "give_back")
    handed = mind.move("Samir", "conversations", key, "hand_over")
    assert (handed["status"], handed["handoff_to_id"]) == ("waiting_human", None)
    assert mind.scope("Samir", "conversations", "Waiting for nobody in particular") == {key}
    taken = mind.move("Samir", "conversations", key, "take")
    assert (taken["status"], taken["handoff_to_id"]) == ("open", samir)
    assert mind.scope("Samir", "conversations", "Mine") == {key}
    assert mind.move("Samir", "conversations", key, "give_back")["handoff_to_id"] is None
    assert mind.move("Samir", "conversations", key, "close", summary="Told")["summary"] == "Told"
    with pytest.raises(NotAllowed, match=r"conversations\.handoff"):
        mind.move("Dana", "conversations", mind.given("conversations", title="Wind"), "hand_over")


def test_words_are_removed_for_good_and_answers_are_judged(mind: House) -> None:
    thread = mind.given("conversations", title="Card", agent_id=agent(mind))
    typed = mind.given(
        "conversation_history", conversation_id=thread, seq=1, role="customer", content="4111 1111 1111 1111"
    )
    answer = mind.given(
        "conversation_history", conversation_id=thread, seq=2, role="assistant", content="Please never send it."
    )
    with pytest.raises(NotAllowed, match="what an agent said"):
        mind.move("Samir", "conversation_history", typed, "helped")
    with pytest.raises(Rejected):
        mind.move("Samir", "conversation_history", answer, "missed")
    assert mind.move("Samir", "conversation_history", answer, "helped")["feedback"] == "up"
    assert mind.shown("conversations", thread, "transcript").startswith("Customer: 4111")
    gone = mind.press("Samir", "conversation_history", typed, "redact", reason="A card number")
    assert mind.row("conversation_history", typed)["content"] == "[Removed]"
    kept = mind.connection.execute(
        text("SELECT before::text || after::text FROM change_entries WHERE change_set_id = :set"),
        {"set": gone.change_set},
    ).scalar_one()
    assert "4111" not in kept
    assert {each.field for each in mind.undo("Samir", gone)} == {"content"}
    assert mind.row("conversation_history", typed)["content"] == "[Removed]"


# -- captured ---------------------------------------------------------------------------------------------------------


def test_an_entry_becomes_a_memory_of_its_own_or_joins_the_one_that_says_the_same(mind: House) -> None:
    customer = mind.given("customers", name="Juniper")
    about = {"subject_type": "customers", "subject_id": customer}
    first, second = (
        mind.given("memory_entries", source="conversation", content="Pays on the 25th \\ always", **about)
        for _ in range(2)
    )
    done = mind.press("Samir", "memory_entries", first, "keep")
    row = mind.row("memory_entries", first)
    made = mind.row("ai_memories", row["consolidated_into_id"])
    assert (row["status"], made["content"], made["scope"], made["subject_id"]) == (
        "consolidated", "Pays on the 25th \\ always", "customer", customer,
    )  # fmt: skip
    assert made["verified_by"] == mind.people["Samir"].app_user_id
    assert mind.shown("ai_memories", made["id"], "source") == "Conversation"
    assert mind.move("Samir", "memory_entries", second, "keep")["consolidated_into_id"] == made["id"]
    with pytest.raises(Rejected, match="dealt with"):
        mind.edit("Samir", "memory_entries", first, importance=1)
    mind.change("memory_entries", second, consolidated_into_id=None)
    assert mind.undo("Samir", done) == ()
    assert mind.row("memory_entries", first)["status"] == "captured"


def test_what_is_let_go_can_be_taken_back(mind: House) -> None:
    key = mind.create("Samir", "memory_entries", content="Ask for the east gate", source="user")
    assert mind.move("Samir", "memory_entries", key, "quarantine", reason="Looks like an instruction")["processed_at"]
    assert mind.move("Samir", "memory_entries", key, "discard")["status"] == "discarded"
    row = mind.move("Samir", "memory_entries", key, "take_back")
    assert (row["status"], row["processed_at"]) == ("captured", None)


# -- memories ---------------------------------------------------------------------------------------------------------


def test_correcting_makes_a_new_version_and_undo_brings_the_old_one_back(mind: House) -> None:
    desk, cluster = agent(mind), mind.given("ai_memory_clusters", label="Access", member_count=1)
    old = memory(mind, "The key is at the desk", agent_id=desk, cluster_id=cluster, tags=["keys"])
    block = mind.given("agent_memories", agent_id=desk, block="pinned", ai_memory_id=old)
    with pytest.raises(NotAllowed, match="has already"):
        mind.move("Samir", "ai_memories", old, "correct", content="The key is at the desk ")
    done = mind.press("Samir", "ai_memories", old, "correct", content="The key is with the guard")
    row = mind.row("ai_memories", old)
    new = mind.row("ai_memories", row["superseded_by_id"])
    assert (row["state"], row["content"]) == ("superseded", "The key is at the desk")
    assert (new["content"], new["tags"], new["cluster_id"]) == ("The key is with the guard", ["keys"], cluster)
    assert new["content_hash"] != row["content_hash"]
    assert relations(mind, old) == [("supersedes", new["id"], old)]
    assert mind.row("agent_memories", block)["ai_memory_id"] == new["id"]
    assert mind.row("ai_memory_clusters", cluster)["member_count"] == 1
    with pytest.raises(Rejected, match="out of use"):
        mind.edit("Samir", "ai_memories", old, pinned=True)
    assert mind.undo("Samir", done) == ()
    assert (mind.row("ai_memories", old)["state"], relations(mind, old)) == ("active", [])
    assert mind.row("agent_memories", block)["ai_memory_id"] == old


def test_merging_needs_another_memory_in_use_and_archiving_counts_it_out(mind: House) -> None:
    cluster = mind.given("ai_memory_clusters", label="Keys", member_count=2)
    one, two = (memory(mind, words, cluster_id=cluster) for words in ("Key at the desk", "The key is at the desk"))
    with pytest.raises(NotAllowed, match="into itself"):
        mind.move("Samir", "ai_memories", one, "merge", superseded_by_id=one)
    mind.move("Samir", "ai_memories", one, "merge", superseded_by_id=two)
    assert relations(mind, one) == [("duplicates", one, two)]
    assert mind.row("ai_memory_clusters", cluster)["member_count"] == 1
    with pytest.raises(NotAllowed, match="in use"):
        mind.move("Samir", "ai_memories", two, "merge", superseded_by_id=one)
    archived = mind.press("Samir", "ai_memories", two, "archive")
    assert mind.row("ai_memory_clusters", cluster)["member_count"] == 0
    assert mind.undo("Samir", archived) == ()
    assert mind.row("ai_memory_clusters", cluster)["member_count"] == 1
    with pytest.raises(NotAllowed, match="merge it into another"):
        mind.move("Samir", "ai_memory_clusters", cluster, "archive")
    other = mind.given("ai_memory_clusters", label="Access")
    mind.move("Samir", "ai_memory_clusters", cluster, "merge", merged_into_id=other)
    counts = [mind.row("ai_memory_clusters", each)["member_count"] for each in (cluster, other)]
    assert (counts, mind.row("ai_memories", two)["cluster_id"]) == ([0, 1], other)


def test_forgetting_takes_the_words_out_of_everything_they_were_made_of(mind: House) -> None:
    key = memory(mind, "Ann is ill", tags=["ann"])
    entry = mind.given(
        "memory_entries", source="user", content="Ann said she is ill", status="consolidated", processed_at=now(),
        consolidated_into_id=key,
    )  # fmt: skip
    mind.given("ai_memory_feedback", memory_id=key, verdict="outdated", correction="Ann is well")
    new = mind.move("Samir", "ai_memories", key, "correct", content="Ann was ill")["superseded_by_id"]
    mind.change("memory_entries", entry, consolidated_into_id=new)
    with pytest.raises(Rejected):
        mind.move("Samir", "ai_memories", new, "forget")
    mind.move("Samir", "ai_memories", new, "forget", reason="She asked for it")
    assert [mind.row("ai_memories", each)["content"] for each in (key, new)] == ["[Forgotten]"] * 2
    assert mind.row("memory_entries", entry)["content"] == "[Forgotten]"
    with pytest.raises(NotAllowed, match=r"memory\.forget"):
        mind.move("Dana", "ai_memories", memory(mind, "Bob is tall"), "forget", reason="No")


def test_a_memory_fades_until_it_is_recalled_and_a_pinned_one_stays(mind: House) -> None:
    long_ago = now() - timedelta(days=180)
    key = memory(mind, "The crane is booked", decay_half_life_days=90, created_at=long_ago)
    assert abs(float(mind.shown("ai_memories", key, "strength_now")) - 0.25) < 0.001
    assert mind.scope("Samir", "ai_memories", "Not recalled in 90 days") == {key}
    with pytest.raises(NotAllowed, match="by itself"):
        mind.move("Samir", "ai_memories", key, "expire")
    mind.change("ai_memories", key, last_recalled_at=now())
    assert float(mind.shown("ai_memories", key, "strength_now")) > 0.99
    mind.change("ai_memories", key, last_recalled_at=None, pinned=True)
    assert mind.shown("ai_memories", key, "strength_now") == 1


# -- contradictions and verdicts --------------------------------------------------------------------------------------


def test_of_two_that_contradict_each_other_a_person_says_which_holds(mind: House) -> None:
    old, new = memory(mind, "Pays by check"), memory(mind, "Pays by transfer")
    pair = {"from_memory_id": new, "to_memory_id": old}
    key = mind.create("Samir", "ai_memory_relationships", kind="contradicts", **pair)
    with pytest.raises(Rejected, match="related in this way"):
        mind.create("Samir", "ai_memory_relationships", kind="contradicts", **pair)
    assert mind.scope("Samir", "ai_memories", "Contradicted") == {old, new}
    assert health.contradictions(mind.connection, mind.tenant_id).value == 1
    settled = mind.press("Samir", "ai_memory_relationships", key, "first_holds")
    row = mind.row("ai_memory_relationships", key)
    assert (row["resolved_by"], row["resolution"]) == (mind.people["Samir"].app_user_id, "The first one holds.")
    assert (mind.row("ai_memories", old)["state"], mind.row("ai_memories", old)["superseded_by_id"]) == (
        "superseded",
        new,
    )
    with pytest.raises(NotAllowed, match="settled already"):
        mind.move("Samir", "ai_memory_relationships", key, "both_hold", resolution="Both")
    assert mind.undo("Samir", settled) == ()
    mind.move("Samir", "ai_memories", old, "archive")
    assert mind.row("ai_memory_relationships", key)["resolution"] == "One of the two is out of use."


def test_a_verdict_strengthens_replaces_or_retires_the_memory_once(mind: House) -> None:
    key = memory(mind, "The gate is open", confidence="0.8", strength="0.6")
    good, dated = (
        mind.create("Samir", "ai_memory_feedback", memory_id=key, verdict=word) for word in ("helpful", "outdated")
    )
    mind.change("ai_memory_feedback", dated, correction="The gate is closed")
    assert mind.shown("ai_memory_feedback", good, "finding").startswith("Helpful, says ")
    done = mind.move("Samir", "ai_memory_feedback", good, "apply")
    assert (float(mind.row("ai_memories", key)["confidence"]), done["applied_change"]["strength"]) == (0.85, "0.7000")
    with pytest.raises(NotAllowed, match="applied already"):
        mind.move("Samir", "ai_memory_feedback", good, "apply")
    change = mind.move("Samir", "ai_memory_feedback", dated, "apply")["applied_change"]
    assert mind.row("ai_memories", change["replaced_by"])["content"] == "The gate is closed"
    late = mind.given("ai_memory_feedback", memory_id=key, verdict="harmful")
    assert mind.move("Samir", "ai_memory_feedback", late, "apply")["applied_change"] == {
        "nothing": "the memory is not in use any more"
    }


# -- blocks, context, runs --------------------------------------------------------------------------------------------


def test_a_block_keeps_one_step_back_says_who_changed_it_and_stays_within_its_limit(mind: House) -> None:
    key = mind.create(
        "Samir", "agent_memories", agent_id=agent(mind), block="policies", value="Ask first.", char_limit=40
    )
    with pytest.raises(NotAllowed, match="not been changed"):
        mind.move("Samir", "agent_memories", key, "step_back")
    with pytest.raises(Rejected, match="longer than its limit"):
        mind.edit("Samir", "agent_memories", key, value="x" * 41)
    mind.edit("Samir", "agent_memories", key, value="Ask twice.")
    row = mind.row("agent_memories", key)
    assert (row["revision"], row["previous_value"], row["changed_by_kind"]) == (2, "Ask first.", "user")
    mind.change("agent_memories", key, value="Ask thrice.")
    assert mind.row("agent_memories", key)["changed_by_kind"] == "system"
    assert mind.move("Samir", "agent_memories", key, "step_back")["value"] == "Ask twice."


def test_a_context_value_belongs_to_a_record_or_to_all(mind: House) -> None:
    customer = mind.given("customers", name="Juniper")
    with pytest.raises(Rejected, match="leave it empty"):
        mind.create("Samir", "persistent_context", key="a", scope="tenant", scope_id=customer, value=1)
    key = mind.create(
        "Samir", "persistent_context", key="a", scope="customer", scope_id=customer, value={"promised_by": "Owen"}
    )
    assert mind.shown("persistent_context", key, "belongs_to") == "Juniper"
    assert mind.shown("persistent_context", key, "in_words") == "Promised by: Owen"
    with pytest.raises(Rejected, match="of this name here"):
        mind.create("Samir", "persistent_context", key="a", scope="customer", scope_id=customer, value=2)


def test_stores_are_behind_only_by_what_changed_since_they_were_brought_up_to_date(mind: House) -> None:
    assert health.sync_lag(mind.connection, mind.tenant_id).idle
    key = memory(mind, "Old", updated_at=now() - timedelta(hours=2))
    mind.given("memory_sync", target="vector_index", status="succeeded", started_at=now() - timedelta(hours=1))
    assert health.sync_lag(mind.connection, mind.tenant_id).value == 0
    mind.given("memory_sync", target="embedding", status="succeeded", started_at=now() - timedelta(hours=3))
    behind = health.sync_lag(mind.connection, mind.tenant_id)
    assert (behind.details["target"], 7190 < float(behind.value or 0) < 7300) == ("embedding", True)
    found = health.by_meaning(mind.connection, mind.tenant_id)
    assert found.idle or found.value == 100
    with pytest.raises(NotAllowed, match="The worker makes"):
        mind.edit("Samir", "memory_sync", key, scanned=1)
