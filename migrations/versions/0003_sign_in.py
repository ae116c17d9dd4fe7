"""Sign-in: tokens, live sessions, the record of every attempt, personal settings, the throttle."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.execute(TABLES)
    op.execute(VERSIONS)
    op.execute(RIGHTS)


def downgrade() -> None:
    op.execute("DROP TABLE login_throttle, user_profiles, sessions, user_sessions, auth_tokens")


TABLES = r"""
CREATE TABLE auth_tokens (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_auth_tokens PRIMARY KEY,
    user_id bigint NOT NULL CONSTRAINT fk_auth_tokens_user_id REFERENCES users ON DELETE CASCADE,
    purpose text NOT NULL
        CONSTRAINT ck_auth_tokens_purpose CHECK (purpose IN ('refresh', 'password_reset', 'email_verify',
            'invite', 'magic_link', 'mfa_challenge')),
    token_hash bytea NOT NULL,
    family_id uuid,
    parent_id bigint CONSTRAINT fk_auth_tokens_parent_id REFERENCES auth_tokens ON DELETE SET NULL,
    jti uuid,
    scopes text[] NOT NULL DEFAULT '{}',
    issued_ip inet,
    expires_at timestamptz NOT NULL,
    used_at timestamptz,
    revoked_at timestamptz,
    revoke_reason text
        CONSTRAINT ck_auth_tokens_revoke_reason CHECK (revoke_reason IN ('logout', 'rotated', 'reuse_detected',
            'admin', 'password_change', 'expired')),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    version integer NOT NULL DEFAULT 1,
    CONSTRAINT uq_auth_tokens_token_hash UNIQUE (token_hash),
    CONSTRAINT ck_auth_tokens_revoked CHECK ((revoked_at IS NULL) = (revoke_reason IS NULL))
);
CREATE INDEX ix_auth_tokens_user_id_purpose_expires_at ON auth_tokens (user_id, purpose, expires_at);
CREATE INDEX ix_auth_tokens_family_id ON auth_tokens (family_id);
CREATE INDEX ix_auth_tokens_expires_at_live ON auth_tokens (expires_at) WHERE used_at IS NULL AND revoked_at IS NULL;
CREATE INDEX ix_auth_tokens_parent_id ON auth_tokens (parent_id);

CREATE TABLE user_sessions (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_user_sessions PRIMARY KEY,
    tenant_id bigint CONSTRAINT fk_user_sessions_tenant_id REFERENCES tenants ON DELETE RESTRICT,
    user_id bigint CONSTRAINT fk_user_sessions_user_id REFERENCES users ON DELETE RESTRICT,
    email_tried text,
    outcome text NOT NULL
        CONSTRAINT ck_user_sessions_outcome CHECK (outcome IN ('success', 'bad_password', 'bad_mfa', 'locked',
            'disabled', 'unknown_user')),
    auth_method text NOT NULL DEFAULT 'password'
        CONSTRAINT ck_user_sessions_auth_method CHECK (auth_method IN ('password', 'password_totp',
            'recovery_code', 'magic_link', 'sso')),
    started_at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz,
    end_reason text
        CONSTRAINT ck_user_sessions_end_reason CHECK (end_reason IN ('logout', 'idle_timeout',
            'absolute_timeout', 'revoked', 'replaced', 'error')),
    ip inet,
    user_agent text,
    device_label text,
    country char(2),
    risk text NOT NULL DEFAULT 'low' CONSTRAINT ck_user_sessions_risk CHECK (risk IN ('low', 'medium', 'high')),
    request_count integer NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT ck_user_sessions_ended_at CHECK (ended_at IS NULL OR ended_at >= started_at)
);
CREATE INDEX ix_user_sessions_user_id_started_at ON user_sessions (user_id, started_at DESC);
CREATE INDEX ix_user_sessions_ip_started_at ON user_sessions (ip, started_at DESC);
CREATE INDEX ix_user_sessions_outcome_started_at ON user_sessions (outcome, started_at DESC);
-- With id, so that paging by key walks it at any depth.
CREATE INDEX ix_user_sessions_tenant_id_started_at_id ON user_sessions (tenant_id, started_at DESC, id DESC);

CREATE TABLE sessions (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_sessions PRIMARY KEY,
    session_hash bytea NOT NULL,
    user_id bigint NOT NULL CONSTRAINT fk_sessions_user_id REFERENCES users ON DELETE CASCADE,
    tenant_id bigint CONSTRAINT fk_sessions_tenant_id REFERENCES tenants ON DELETE CASCADE,
    user_session_id bigint CONSTRAINT fk_sessions_user_session_id REFERENCES user_sessions ON DELETE SET NULL,
    csrf_secret bytea NOT NULL,
    data jsonb NOT NULL DEFAULT '{}',
    ip inet,
    user_agent text,
    mfa_passed_at timestamptz,
    elevated_until timestamptz,
    last_seen_at timestamptz NOT NULL DEFAULT now(),
    idle_expires_at timestamptz NOT NULL,
    absolute_expires_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    version integer NOT NULL DEFAULT 1,
    CONSTRAINT uq_sessions_session_hash UNIQUE (session_hash),
    CONSTRAINT ck_sessions_idle_expires_at CHECK (idle_expires_at <= absolute_expires_at)
);
CREATE INDEX ix_sessions_user_id_last_seen_at ON sessions (user_id, last_seen_at DESC);
CREATE INDEX ix_sessions_idle_expires_at ON sessions (idle_expires_at);
CREATE INDEX ix_sessions_tenant_id ON sessions (tenant_id);
CREATE INDEX ix_sessions_user_session_id ON sessions (user_session_id);

CREATE TABLE user_profiles (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_user_profiles PRIMARY KEY,
    user_id bigint NOT NULL CONSTRAINT fk_user_profiles_user_id REFERENCES users ON DELETE CASCADE,
    full_name text NOT NULL,
    preferred_name text,
    avatar_file_id bigint,  -- → file_metadata, when it comes
    phone_e164 text,
    timezone text NOT NULL DEFAULT 'UTC',
    locale text NOT NULL DEFAULT 'en-US',
    date_format text NOT NULL DEFAULT 'YYYY-MM-DD',
    theme text NOT NULL DEFAULT 'system'
        CONSTRAINT ck_user_profiles_theme CHECK (theme IN ('system', 'light', 'dark')),
    density text NOT NULL DEFAULT 'comfortable'
        CONSTRAINT ck_user_profiles_density CHECK (density IN ('comfortable', 'compact')),
    landing_screen text,
    notification_prefs jsonb NOT NULL DEFAULT '{}',
    signature_html text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    version integer NOT NULL DEFAULT 1,
    CONSTRAINT uq_user_profiles_user_id UNIQUE (user_id)
);

-- Failures by account, by address and by the pair; in the database, so that all processes count together.
CREATE TABLE login_throttle (
    kind text NOT NULL CONSTRAINT ck_login_throttle_kind CHECK (kind IN ('account', 'address', 'pair')),
    key text NOT NULL,
    failures integer NOT NULL DEFAULT 0 CONSTRAINT ck_login_throttle_failures CHECK (failures >= 0),
    last_failed_at timestamptz NOT NULL DEFAULT now(),
    blocked_until timestamptz,
    CONSTRAINT pk_login_throttle PRIMARY KEY (kind, key)
);
CREATE INDEX ix_login_throttle_last_failed_at ON login_throttle (last_failed_at);
"""

VERSIONS = """
SELECT keep_versions('auth_tokens');
SELECT keep_versions('sessions');
SELECT keep_versions('user_profiles');
"""

RIGHTS = """
GRANT SELECT, INSERT, UPDATE, DELETE ON auth_tokens, sessions, login_throttle TO console_app;
-- What happened at sign-in is never rewritten; only how it ended is added.
GRANT SELECT, INSERT, UPDATE (ended_at, end_reason, request_count) ON user_sessions TO console_app;
GRANT SELECT, INSERT, UPDATE ON user_profiles TO console_app;
"""
