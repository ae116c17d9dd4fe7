"""The decision network, the board of agents, and what they foresee, find and learn."""

from __future__ import annotations

from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    op.execute(TABLES)
    op.execute(LEDGER)
    op.execute(RIGHTS)


def downgrade() -> None:
    op.execute(UNGOVERN)
    op.execute("""
        DROP TABLE ai_improvement_cycles, ai_insights, ai_predictions, ai_patterns, ai_board_votes,
            ai_consensus_decisions, ai_board_sessions, ai_neural_pathways, ai_synapses, ai_neurons
    """)


TABLES = r"""
CREATE TABLE ai_neurons (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_ai_neurons PRIMARY KEY,
    tenant_id bigint NOT NULL CONSTRAINT fk_ai_neurons_tenant_id REFERENCES tenants ON DELETE RESTRICT,
    key text NOT NULL,
    label text NOT NULL,
    layer text NOT NULL CONSTRAINT ck_ai_neurons_layer CHECK (layer IN ('input', 'hidden', 'output')),
    kind text NOT NULL
        CONSTRAINT ck_ai_neurons_kind CHECK (kind IN ('signal', 'feature', 'rule', 'aggregate', 'outcome')),
    activation text NOT NULL DEFAULT 'sigmoid'
        CONSTRAINT ck_ai_neurons_activation CHECK (activation IN ('linear', 'relu', 'sigmoid', 'tanh', 'step')),
    bias numeric(10,6) NOT NULL DEFAULT 0,
    threshold numeric(10,6) NOT NULL DEFAULT 0.5,
    expression jsonb,
    agent_id bigint CONSTRAINT fk_ai_neurons_agent_id REFERENCES ai_agents ON DELETE SET NULL,
    status text NOT NULL DEFAULT 'active'
        CONSTRAINT ck_ai_neurons_status CHECK (status IN ('active', 'muted', 'retired')),
    pos_x numeric(8,2) NOT NULL DEFAULT 0,
    pos_y numeric(8,2) NOT NULL DEFAULT 0,
    last_activation numeric(12,6),
    last_fired_at timestamptz,
    fire_count bigint NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    version integer NOT NULL DEFAULT 1,
    CONSTRAINT uq_ai_neurons_tenant_id_key UNIQUE (tenant_id, key),
    CONSTRAINT ck_ai_neurons_input_reads CHECK (layer <> 'input' OR expression IS NOT NULL)
);
CREATE INDEX ix_ai_neurons_tenant_id_layer_status ON ai_neurons (tenant_id, layer, status);
-- With id, so that paging by key walks it at any depth; so for the default order of every table below.
CREATE INDEX ix_ai_neurons_tenant_id_label_id ON ai_neurons (tenant_id, label, id);
CREATE INDEX ix_ai_neurons_agent_id ON ai_neurons (agent_id);

CREATE TABLE ai_synapses (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_ai_synapses PRIMARY KEY,
    tenant_id bigint NOT NULL CONSTRAINT fk_ai_synapses_tenant_id REFERENCES tenants ON DELETE RESTRICT,
    from_neuron_id bigint NOT NULL CONSTRAINT fk_ai_synapses_from_neuron_id REFERENCES ai_neurons ON DELETE CASCADE,
    to_neuron_id bigint NOT NULL CONSTRAINT fk_ai_synapses_to_neuron_id REFERENCES ai_neurons ON DELETE CASCADE,
    weight numeric(10,6) NOT NULL DEFAULT 0,
    initial_weight numeric(10,6) NOT NULL DEFAULT 0,
    min_weight numeric(10,6) NOT NULL DEFAULT -5,
    max_weight numeric(10,6) NOT NULL DEFAULT 5,
    plasticity numeric(6,5) NOT NULL DEFAULT 0.05,
    enabled boolean NOT NULL DEFAULT true,
    use_count bigint NOT NULL DEFAULT 0,
    last_used_at timestamptz,
    last_delta numeric(10,6),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    version integer NOT NULL DEFAULT 1,
    CONSTRAINT uq_ai_synapses_from_neuron_id_to_neuron_id UNIQUE (from_neuron_id, to_neuron_id),
    CONSTRAINT ck_ai_synapses_not_itself CHECK (from_neuron_id <> to_neuron_id),
    CONSTRAINT ck_ai_synapses_weight CHECK (weight BETWEEN min_weight AND max_weight)
);
CREATE INDEX ix_ai_synapses_to_neuron_id_open ON ai_synapses (to_neuron_id) WHERE enabled;
CREATE INDEX ix_ai_synapses_tenant_id_weight_id ON ai_synapses (tenant_id, weight DESC, id DESC);
CREATE INDEX ix_ai_synapses_to_neuron_id ON ai_synapses (to_neuron_id);

CREATE TABLE ai_neural_pathways (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_ai_neural_pathways PRIMARY KEY,
    tenant_id bigint NOT NULL CONSTRAINT fk_ai_neural_pathways_tenant_id REFERENCES tenants ON DELETE RESTRICT,
    key text NOT NULL,
    name text NOT NULL,
    decision_kind text NOT NULL,
    entry_neuron_id bigint NOT NULL
        CONSTRAINT fk_ai_neural_pathways_entry_neuron_id REFERENCES ai_neurons ON DELETE RESTRICT,
    outcome_neuron_id bigint NOT NULL
        CONSTRAINT fk_ai_neural_pathways_outcome_neuron_id REFERENCES ai_neurons ON DELETE RESTRICT,
    neuron_ids bigint[] NOT NULL DEFAULT '{}',
    synapse_ids bigint[] NOT NULL DEFAULT '{}',
    strength numeric(5,4) NOT NULL DEFAULT 0.5
        CONSTRAINT ck_ai_neural_pathways_strength CHECK (strength BETWEEN 0 AND 1),
    traversals bigint NOT NULL DEFAULT 0,
    successes bigint NOT NULL DEFAULT 0,
    failures bigint NOT NULL DEFAULT 0,
    status text NOT NULL DEFAULT 'learning'
        CONSTRAINT ck_ai_neural_pathways_status CHECK (status IN ('learning', 'established', 'deprecated')),
    last_traversed_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    version integer NOT NULL DEFAULT 1,
    CONSTRAINT uq_ai_neural_pathways_tenant_id_key UNIQUE (tenant_id, key),
    CONSTRAINT ck_ai_neural_pathways_successes CHECK (successes + failures <= traversals),
    CONSTRAINT ck_ai_neural_pathways_route CHECK (cardinality(synapse_ids) =
        greatest(cardinality(neuron_ids) - 1, 0))
);
CREATE INDEX ix_ai_neural_pathways_tenant_id_decision_kind_strength
    ON ai_neural_pathways (tenant_id, decision_kind, strength DESC);
CREATE INDEX ix_ai_neural_pathways_tenant_id_strength_id
    ON ai_neural_pathways (tenant_id, strength DESC, id DESC);
CREATE INDEX ix_ai_neural_pathways_entry_neuron_id ON ai_neural_pathways (entry_neuron_id);
CREATE INDEX ix_ai_neural_pathways_outcome_neuron_id ON ai_neural_pathways (outcome_neuron_id);

CREATE TABLE ai_board_sessions (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_ai_board_sessions PRIMARY KEY,
    tenant_id bigint NOT NULL CONSTRAINT fk_ai_board_sessions_tenant_id REFERENCES tenants ON DELETE RESTRICT,
    number text NOT NULL,
    title text NOT NULL,
    purpose text NOT NULL
        CONSTRAINT ck_ai_board_sessions_purpose CHECK (purpose IN ('strategy', 'pricing', 'risk', 'operations',
            'incident', 'policy')),
    status text NOT NULL DEFAULT 'draft'
        CONSTRAINT ck_ai_board_sessions_status CHECK (status IN ('draft', 'scheduled', 'in_session', 'voting',
            'concluded', 'cancelled')),
    agenda jsonb NOT NULL DEFAULT '[]',
    trigger text NOT NULL DEFAULT 'manual'
        CONSTRAINT ck_ai_board_sessions_trigger CHECK (trigger IN ('manual', 'schedule', 'threshold',
            'incident')),
    chair_agent_id bigint CONSTRAINT fk_ai_board_sessions_chair_agent_id REFERENCES ai_agents ON DELETE RESTRICT,
    convened_by bigint CONSTRAINT fk_ai_board_sessions_convened_by REFERENCES app_users ON DELETE SET NULL,
    scheduled_for timestamptz,
    started_at timestamptz,
    ended_at timestamptz,
    quorum_pct numeric(7,4) NOT NULL DEFAULT 60,
    max_rounds integer NOT NULL DEFAULT 3,
    round integer NOT NULL DEFAULT 0,
    conversation_id bigint CONSTRAINT fk_ai_board_sessions_conversation_id REFERENCES conversations ON DELETE SET NULL,
    summary text,
    budget numeric(14,6),
    total_cost numeric(14,6) NOT NULL DEFAULT 0,
    cancel_reason text,
    subject_type text,
    subject_id bigint,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    version integer NOT NULL DEFAULT 1,
    CONSTRAINT uq_ai_board_sessions_tenant_id_number UNIQUE (tenant_id, number),
    CONSTRAINT ck_ai_board_sessions_round CHECK (round BETWEEN 0 AND max_rounds),
    CONSTRAINT ck_ai_board_sessions_quorum_pct CHECK (quorum_pct BETWEEN 0 AND 100),
    CONSTRAINT ck_ai_board_sessions_subject CHECK ((subject_type IS NULL) = (subject_id IS NULL))
);
CREATE INDEX ix_ai_board_sessions_tenant_id_status_scheduled_for
    ON ai_board_sessions (tenant_id, status, scheduled_for DESC);
CREATE INDEX ix_ai_board_sessions_tenant_id_subject_type_subject_id
    ON ai_board_sessions (tenant_id, subject_type, subject_id);
CREATE INDEX ix_ai_board_sessions_tenant_id_created_at_id
    ON ai_board_sessions (tenant_id, created_at DESC, id DESC);
CREATE INDEX ix_ai_board_sessions_chair_agent_id ON ai_board_sessions (chair_agent_id);
CREATE INDEX ix_ai_board_sessions_convened_by ON ai_board_sessions (convened_by);
CREATE INDEX ix_ai_board_sessions_conversation_id ON ai_board_sessions (conversation_id);

CREATE TABLE ai_consensus_decisions (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_ai_consensus_decisions PRIMARY KEY,
    tenant_id bigint NOT NULL CONSTRAINT fk_ai_consensus_decisions_tenant_id REFERENCES tenants ON DELETE RESTRICT,
    board_session_id bigint NOT NULL
        CONSTRAINT fk_ai_consensus_decisions_board_session_id REFERENCES ai_board_sessions ON DELETE CASCADE,
    position integer NOT NULL DEFAULT 1,
    question text NOT NULL,
    options text[] NOT NULL,
    method text NOT NULL DEFAULT 'majority'
        CONSTRAINT ck_ai_consensus_decisions_method CHECK (method IN ('majority', 'supermajority', 'unanimous',
            'weighted', 'human')),
    threshold_pct numeric(7,4) NOT NULL DEFAULT 50,
    quorum_pct numeric(7,4) NOT NULL DEFAULT 60,
    status text NOT NULL DEFAULT 'open'
        CONSTRAINT ck_ai_consensus_decisions_status CHECK (status IN ('open', 'voting', 'reached',
            'not_reached', 'escalated', 'ratified', 'vetoed', 'expired')),
    deadline_at timestamptz,
    outcome text,
    agreement_pct numeric(7,4),
    tally jsonb NOT NULL DEFAULT '{}',
    dissent text,
    ratified_by bigint CONSTRAINT fk_ai_consensus_decisions_ratified_by REFERENCES app_users ON DELETE SET NULL,
    ratified_at timestamptz,
    veto_reason text,
    approval_request_id bigint
        CONSTRAINT fk_ai_consensus_decisions_approval_request_id REFERENCES approval_requests ON DELETE SET NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    version integer NOT NULL DEFAULT 1,
    CONSTRAINT uq_ai_consensus_decisions_board_session_id_position UNIQUE (board_session_id, position),
    CONSTRAINT ck_ai_consensus_decisions_options CHECK (cardinality(options) >= 2),
    CONSTRAINT ck_ai_consensus_decisions_outcome CHECK (status NOT IN ('reached', 'ratified') OR outcome IS NOT NULL),
    CONSTRAINT ck_ai_consensus_decisions_vetoed CHECK (status <> 'vetoed' OR veto_reason IS NOT NULL)
);
CREATE INDEX ix_ai_consensus_decisions_tenant_id_status_created_at
    ON ai_consensus_decisions (tenant_id, status, created_at DESC);
CREATE INDEX ix_ai_consensus_decisions_tenant_id_created_at_id
    ON ai_consensus_decisions (tenant_id, created_at DESC, id DESC);
CREATE INDEX ix_ai_consensus_decisions_ratified_by ON ai_consensus_decisions (ratified_by);
CREATE INDEX ix_ai_consensus_decisions_approval_request_id ON ai_consensus_decisions (approval_request_id);

CREATE TABLE ai_board_votes (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_ai_board_votes PRIMARY KEY,
    tenant_id bigint NOT NULL CONSTRAINT fk_ai_board_votes_tenant_id REFERENCES tenants ON DELETE RESTRICT,
    consensus_decision_id bigint NOT NULL
        CONSTRAINT fk_ai_board_votes_consensus_decision_id REFERENCES ai_consensus_decisions ON DELETE CASCADE,
    agent_id bigint NOT NULL CONSTRAINT fk_ai_board_votes_agent_id REFERENCES ai_agents ON DELETE RESTRICT,
    round integer NOT NULL DEFAULT 1,
    stance text NOT NULL DEFAULT 'pending'
        CONSTRAINT ck_ai_board_votes_stance CHECK (stance IN ('pending', 'vote', 'abstain')),
    choice text,
    confidence numeric(5,4) CONSTRAINT ck_ai_board_votes_confidence CHECK (confidence BETWEEN 0 AND 1),
    weight numeric(6,3) NOT NULL DEFAULT 1,
    rationale text,
    cast_at timestamptz,
    call_id bigint CONSTRAINT fk_ai_board_votes_call_id REFERENCES ai_calls ON DELETE SET NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    version integer NOT NULL DEFAULT 1,
    CONSTRAINT uq_ai_board_votes_consensus_decision_id_agent_id_round
        UNIQUE (consensus_decision_id, agent_id, round),
    CONSTRAINT ck_ai_board_votes_choice CHECK ((stance = 'vote') = (choice IS NOT NULL)),
    CONSTRAINT ck_ai_board_votes_cast CHECK ((stance = 'pending') = (cast_at IS NULL))
);
CREATE INDEX ix_ai_board_votes_tenant_id_created_at_id ON ai_board_votes (tenant_id, created_at DESC, id DESC);
CREATE INDEX ix_ai_board_votes_agent_id ON ai_board_votes (agent_id);
CREATE INDEX ix_ai_board_votes_call_id ON ai_board_votes (call_id);

CREATE TABLE ai_patterns (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_ai_patterns PRIMARY KEY,
    tenant_id bigint NOT NULL CONSTRAINT fk_ai_patterns_tenant_id REFERENCES tenants ON DELETE RESTRICT,
    key text NOT NULL,
    name text NOT NULL,
    domain text NOT NULL
        CONSTRAINT ck_ai_patterns_domain CHECK (domain IN ('sales', 'operations', 'billing', 'customer', 'ai',
            'system')),
    description text NOT NULL,
    expression jsonb NOT NULL DEFAULT '{}',
    support integer NOT NULL DEFAULT 0,
    confidence numeric(5,4) NOT NULL DEFAULT 0 CONSTRAINT ck_ai_patterns_confidence CHECK (confidence BETWEEN 0 AND 1),
    lift numeric(10,4),
    occurrences integer NOT NULL DEFAULT 0,
    status text NOT NULL DEFAULT 'candidate'
        CONSTRAINT ck_ai_patterns_status CHECK (status IN ('candidate', 'confirmed', 'rejected', 'stale')),
    agent_id bigint CONSTRAINT fk_ai_patterns_agent_id REFERENCES ai_agents ON DELETE SET NULL,
    first_seen_at timestamptz NOT NULL DEFAULT now(),
    last_seen_at timestamptz NOT NULL DEFAULT now(),
    reviewed_by bigint CONSTRAINT fk_ai_patterns_reviewed_by REFERENCES app_users ON DELETE SET NULL,
    reviewed_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    version integer NOT NULL DEFAULT 1,
    CONSTRAINT uq_ai_patterns_tenant_id_key UNIQUE (tenant_id, key),
    CONSTRAINT ck_ai_patterns_support CHECK (support >= 0 AND occurrences >= 0)
);
CREATE INDEX ix_ai_patterns_tenant_id_status_confidence ON ai_patterns (tenant_id, status, confidence DESC);
CREATE INDEX ix_ai_patterns_tenant_id_last_seen_at_id ON ai_patterns (tenant_id, last_seen_at DESC, id DESC);
CREATE INDEX ix_ai_patterns_agent_id ON ai_patterns (agent_id);
CREATE INDEX ix_ai_patterns_reviewed_by ON ai_patterns (reviewed_by);

CREATE TABLE ai_predictions (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_ai_predictions PRIMARY KEY,
    tenant_id bigint NOT NULL CONSTRAINT fk_ai_predictions_tenant_id REFERENCES tenants ON DELETE RESTRICT,
    agent_id bigint CONSTRAINT fk_ai_predictions_agent_id REFERENCES ai_agents ON DELETE RESTRICT,
    model_name text NOT NULL,
    model_version text NOT NULL,
    target text NOT NULL
        CONSTRAINT ck_ai_predictions_target CHECK (target IN ('lead_win', 'invoice_late', 'job_overrun',
            'customer_churn', 'revenue_month', 'job_margin', 'roof_failure', 'custom')),
    value_kind text NOT NULL
        CONSTRAINT ck_ai_predictions_value_kind CHECK (value_kind IN ('probability', 'amount', 'category',
            'date')),
    probability numeric(5,4) CONSTRAINT ck_ai_predictions_probability CHECK (probability BETWEEN 0 AND 1),
    amount numeric(14,2),
    currency char(3) CONSTRAINT ck_ai_predictions_currency CHECK (currency ~ '^[A-Z]{3}$'),
    category text,
    predicted_date date,
    low numeric(18,4),
    high numeric(18,4),
    features jsonb NOT NULL DEFAULT '{}',
    explanation text,
    horizon_on date NOT NULL,
    status text NOT NULL DEFAULT 'open'
        CONSTRAINT ck_ai_predictions_status CHECK (status IN ('open', 'resolved', 'expired', 'voided')),
    actual_value numeric(18,4),
    actual_category text,
    was_correct boolean,
    abs_error numeric(18,4),
    brier numeric(8,6),
    resolved_at timestamptz,
    resolution_source text
        CONSTRAINT ck_ai_predictions_resolution_source CHECK (resolution_source IN ('auto', 'manual')),
    void_reason text,
    subject_type text,
    subject_id bigint,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    version integer NOT NULL DEFAULT 1,
    CONSTRAINT ck_ai_predictions_one_value CHECK (num_nonnulls(probability, amount, category, predicted_date) = 1),
    CONSTRAINT ck_ai_predictions_range CHECK (low IS NULL OR high IS NULL OR low <= high),
    CONSTRAINT ck_ai_predictions_resolved CHECK ((status = 'resolved') = (resolved_at IS NOT NULL)),
    CONSTRAINT ck_ai_predictions_subject CHECK ((subject_type IS NULL) = (subject_id IS NULL))
);
CREATE INDEX ix_ai_predictions_tenant_id_status_horizon_on ON ai_predictions (tenant_id, status, horizon_on);
CREATE INDEX ix_ai_predictions_tenant_id_target_created_at ON ai_predictions (tenant_id, target, created_at DESC);
CREATE INDEX ix_ai_predictions_tenant_id_subject_type_subject_id
    ON ai_predictions (tenant_id, subject_type, subject_id);
CREATE INDEX ix_ai_predictions_tenant_id_created_at_id ON ai_predictions (tenant_id, created_at DESC, id DESC);
CREATE INDEX ix_ai_predictions_tenant_id_horizon_on_id ON ai_predictions (tenant_id, horizon_on, id);
CREATE INDEX ix_ai_predictions_agent_id ON ai_predictions (agent_id);

CREATE TABLE ai_insights (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_ai_insights PRIMARY KEY,
    tenant_id bigint NOT NULL CONSTRAINT fk_ai_insights_tenant_id REFERENCES tenants ON DELETE RESTRICT,
    agent_id bigint CONSTRAINT fk_ai_insights_agent_id REFERENCES ai_agents ON DELETE SET NULL,
    kind text NOT NULL
        CONSTRAINT ck_ai_insights_kind CHECK (kind IN ('anomaly', 'opportunity', 'risk', 'trend',
            'recommendation', 'data_quality')),
    severity text NOT NULL DEFAULT 'low'
        CONSTRAINT ck_ai_insights_severity CHECK (severity IN ('info', 'low', 'medium', 'high', 'critical')),
    title text NOT NULL,
    body text NOT NULL,
    evidence jsonb NOT NULL DEFAULT '{}',
    impact_amount numeric(14,2),
    currency char(3) CONSTRAINT ck_ai_insights_currency CHECK (currency ~ '^[A-Z]{3}$'),
    confidence numeric(5,4) CONSTRAINT ck_ai_insights_confidence CHECK (confidence BETWEEN 0 AND 1),
    pattern_id bigint CONSTRAINT fk_ai_insights_pattern_id REFERENCES ai_patterns ON DELETE SET NULL,
    prediction_id bigint CONSTRAINT fk_ai_insights_prediction_id REFERENCES ai_predictions ON DELETE SET NULL,
    dedupe_key text NOT NULL,
    status text NOT NULL DEFAULT 'new'
        CONSTRAINT ck_ai_insights_status CHECK (status IN ('new', 'acknowledged', 'in_progress', 'actioned',
            'dismissed', 'expired')),
    assignee_id bigint CONSTRAINT fk_ai_insights_assignee_id REFERENCES app_users ON DELETE SET NULL,
    actioned_task_id bigint CONSTRAINT fk_ai_insights_actioned_task_id REFERENCES user_tasks ON DELETE SET NULL,
    dismiss_reason text,
    expires_at timestamptz,
    subject_type text,
    subject_id bigint,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    version integer NOT NULL DEFAULT 1,
    CONSTRAINT ck_ai_insights_dismissed CHECK (status <> 'dismissed' OR dismiss_reason IS NOT NULL),
    CONSTRAINT ck_ai_insights_subject CHECK ((subject_type IS NULL) = (subject_id IS NULL))
);
CREATE UNIQUE INDEX uq_ai_insights_tenant_id_dedupe_key ON ai_insights (tenant_id, dedupe_key)
    WHERE status IN ('new', 'acknowledged', 'in_progress');
CREATE INDEX ix_ai_insights_tenant_id_status_severity_created_at
    ON ai_insights (tenant_id, status, severity, created_at DESC);
CREATE INDEX ix_ai_insights_tenant_id_subject_type_subject_id ON ai_insights (tenant_id, subject_type, subject_id);
CREATE INDEX ix_ai_insights_tenant_id_created_at_id ON ai_insights (tenant_id, created_at DESC, id DESC);
CREATE INDEX ix_ai_insights_agent_id ON ai_insights (agent_id);
CREATE INDEX ix_ai_insights_pattern_id ON ai_insights (pattern_id);
CREATE INDEX ix_ai_insights_prediction_id ON ai_insights (prediction_id);
CREATE INDEX ix_ai_insights_assignee_id ON ai_insights (assignee_id);
CREATE INDEX ix_ai_insights_actioned_task_id ON ai_insights (actioned_task_id);

CREATE TABLE ai_improvement_cycles (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_ai_improvement_cycles PRIMARY KEY,
    tenant_id bigint NOT NULL CONSTRAINT fk_ai_improvement_cycles_tenant_id REFERENCES tenants ON DELETE RESTRICT,
    number text NOT NULL,
    title text NOT NULL,
    target_kind text NOT NULL
        CONSTRAINT ck_ai_improvement_cycles_target_kind CHECK (target_kind IN ('synapse_weights', 'prompt',
            'rule', 'threshold', 'template', 'model')),
    agent_id bigint CONSTRAINT fk_ai_improvement_cycles_agent_id REFERENCES ai_agents ON DELETE SET NULL,
    hypothesis text NOT NULL,
    changes jsonb NOT NULL DEFAULT '[]',
    metric_key text NOT NULL,
    baseline_value numeric(18,6),
    target_value numeric(18,6),
    result_value numeric(18,6),
    sample_size integer,
    p_value numeric(8,6),
    ab_test_id bigint,  -- experiments come with 0020, the constraint with 0021
    approval_request_id bigint
        CONSTRAINT fk_ai_improvement_cycles_approval_request_id REFERENCES approval_requests ON DELETE SET NULL,
    status text NOT NULL DEFAULT 'proposed'
        CONSTRAINT ck_ai_improvement_cycles_status CHECK (status IN ('proposed', 'approved', 'running',
            'evaluating', 'kept', 'rolled_back', 'rejected', 'failed')),
    started_at timestamptz,
    evaluate_at timestamptz,
    completed_at timestamptz,
    conclusion text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    version integer NOT NULL DEFAULT 1,
    created_by bigint CONSTRAINT fk_ai_improvement_cycles_created_by REFERENCES app_users ON DELETE SET NULL,
    updated_by bigint CONSTRAINT fk_ai_improvement_cycles_updated_by REFERENCES app_users ON DELETE SET NULL,
    CONSTRAINT uq_ai_improvement_cycles_tenant_id_number UNIQUE (tenant_id, number),
    CONSTRAINT ck_ai_improvement_cycles_completed CHECK (status NOT IN ('kept', 'rolled_back') OR (completed_at
        IS NOT NULL AND baseline_value IS NOT NULL))
);
CREATE INDEX ix_ai_improvement_cycles_tenant_id_status_created_at
    ON ai_improvement_cycles (tenant_id, status, created_at DESC);
CREATE INDEX ix_ai_improvement_cycles_evaluate_at_open ON ai_improvement_cycles (evaluate_at)
    WHERE status = 'running';
CREATE INDEX ix_ai_improvement_cycles_tenant_id_created_at_id
    ON ai_improvement_cycles (tenant_id, created_at DESC, id DESC);
CREATE INDEX ix_ai_improvement_cycles_agent_id ON ai_improvement_cycles (agent_id);
CREATE INDEX ix_ai_improvement_cycles_ab_test_id ON ai_improvement_cycles (ab_test_id);
CREATE INDEX ix_ai_improvement_cycles_approval_request_id ON ai_improvement_cycles (approval_request_id);
CREATE INDEX ix_ai_improvement_cycles_created_by ON ai_improvement_cycles (created_by);
CREATE INDEX ix_ai_improvement_cycles_updated_by ON ai_improvement_cycles (updated_by);
"""

LEDGER = """
SELECT govern('ai_neurons'), govern('ai_synapses'), govern('ai_neural_pathways'), govern('ai_board_sessions'),
    govern('ai_consensus_decisions'), govern('ai_board_votes'), govern('ai_patterns'), govern('ai_predictions'),
    govern('ai_insights'), govern('ai_improvement_cycles');
"""

UNGOVERN = """
SELECT ungovern('ai_neurons'), ungovern('ai_synapses'), ungovern('ai_neural_pathways'),
    ungovern('ai_board_sessions'), ungovern('ai_consensus_decisions'), ungovern('ai_board_votes'),
    ungovern('ai_patterns'), ungovern('ai_predictions'), ungovern('ai_insights'),
    ungovern('ai_improvement_cycles')
"""

RIGHTS = """
-- DELETE so that a creation can be undone.
GRANT SELECT, INSERT, UPDATE, DELETE ON ai_neurons, ai_synapses, ai_neural_pathways, ai_board_sessions,
    ai_consensus_decisions, ai_board_votes, ai_patterns, ai_predictions,
    ai_insights, ai_improvement_cycles TO console_app;
"""
