"""What agents do: being given tasks, deciding by a network that can be recomputed, remembering."""

from __future__ import annotations

from app.domains.platform.audit.features.feature import Feature, Use, code, move, page, task

AGENTS = (
    Feature(
        "agent_orchestration",
        "Agent orchestration",
        "A task given to an agent runs in a worker, shows progress, stops at its budget, survives a restart.",
        number=3,
        tables=("ai_agents", "ai_tasks", "ai_decision_logs", "ai_calls"),
        parts=(
            move("agents that can be paused", "ai_agents.pause"),
            page("a decision with its trace", "/ai/ai_decision_logs/*"),
            move("a person's verdict on a decision", "ai_decision_logs.override"),
            task("a worker that runs an agent's task", "agents.*", "ai.run*", "ai_tasks.*"),
        ),
        uses=(
            Use("decisions", "ai_decision_logs", "decided_at"),
            Use("agent tasks begun", "ai_tasks", "started_at"),
            Use("model calls", "ai_calls", "started_at"),
        ),
    ),
    Feature(
        "neural_engine",
        "Neural decision engine",
        "The activations shown recompute to the stored outcome; muting a neuron changes the result.",
        number=4,
        tables=("ai_neurons", "ai_synapses", "ai_neural_pathways"),
        parts=(
            code("the network itself", "app.domains.ai.network:propagate"),
            move("muting of a neuron", "ai_neurons.mute"),
            page("a map to look at and to ask what if", "*neural*map*", "/ai/network*", "/neural*"),
        ),
        uses=(
            Use("neurons fired", "ai_neurons", "last_fired_at"),
            Use("pathways taken", "ai_neural_pathways", "last_traversed_at"),
        ),
    ),
    Feature(
        "memory",
        "Memory persistence",
        "A fact told today is recalled tomorrow with its source; forgetting removes it everywhere.",
        number=5,
        tables=("ai_memories", "memory_entries", "memory_recalls", "conversations", "conversation_history"),
        parts=(
            move("forgetting", "ai_memories.forget"),
            code("recall by meaning", "app.domains.memory.recall:recall", "app.domains.memory.recalling:recall"),
            task("upkeep of strength and expiry", "memory.*"),
        ),
        uses=(
            Use("recalls", "memory_recalls", "created_at"),
            Use("memories recalled", "ai_memories", "last_recalled_at"),
            Use("messages in conversations", "conversation_history", "created_at"),
        ),
    ),
)
