"""Companies and the people in them: who may exist, in which company, with which roles."""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.execute(TABLES)
    op.execute(VERSIONS)
    op.execute(RIGHTS)


def downgrade() -> None:
    op.execute("DROP TABLE app_user_roles, roles, app_users, users, tenants")


TABLES = r"""
CREATE TABLE tenants (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_tenants PRIMARY KEY,
    slug text NOT NULL,
    name text NOT NULL,
    status text NOT NULL DEFAULT 'active'
        CONSTRAINT ck_tenants_status CHECK (status IN ('active', 'suspended', 'closed')),
    timezone text NOT NULL DEFAULT 'UTC',
    currency char(3) NOT NULL DEFAULT 'USD' CONSTRAINT ck_tenants_currency CHECK (currency ~ '^[A-Z]{3}$'),
    locale text NOT NULL DEFAULT 'en-US',
    fiscal_year_start_month integer NOT NULL DEFAULT 1,
    settings jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    version integer NOT NULL DEFAULT 1,
    CONSTRAINT uq_tenants_slug UNIQUE (slug),
    CONSTRAINT ck_tenants_fiscal_year_start_month CHECK (fiscal_year_start_month BETWEEN 1 AND 12)
);

CREATE TABLE users (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_users PRIMARY KEY,
    email text NOT NULL,
    email_verified_at timestamptz,
    kind text NOT NULL DEFAULT 'human' CONSTRAINT ck_users_kind CHECK (kind IN ('human', 'service')),
    status text NOT NULL DEFAULT 'invited'
        CONSTRAINT ck_users_status CHECK (status IN ('invited', 'active', 'locked', 'disabled')),
    password_hash text,
    password_changed_at timestamptz,
    must_change_password boolean NOT NULL DEFAULT false,
    is_platform_admin boolean NOT NULL DEFAULT false,
    mfa_enabled boolean NOT NULL DEFAULT false,
    mfa_secret_enc bytea,
    mfa_recovery_hashes text[] NOT NULL DEFAULT '{}',
    failed_logins integer NOT NULL DEFAULT 0,
    locked_until timestamptz,
    last_login_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    version integer NOT NULL DEFAULT 1,
    CONSTRAINT ck_users_failed_logins CHECK (failed_logins >= 0),
    CONSTRAINT ck_users_mfa_secret CHECK (NOT mfa_enabled OR mfa_secret_enc IS NOT NULL)
);
CREATE UNIQUE INDEX uq_users_lower_email ON users (lower(email));
CREATE INDEX ix_users_status_email ON users (status, email);
CREATE INDEX ix_users_email_trgm ON users USING gin (email gin_trgm_ops);

CREATE TABLE app_users (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_app_users PRIMARY KEY,
    tenant_id bigint NOT NULL CONSTRAINT fk_app_users_tenant_id REFERENCES tenants ON DELETE RESTRICT,
    user_id bigint CONSTRAINT fk_app_users_user_id REFERENCES users ON DELETE RESTRICT,
    display_name text NOT NULL,
    email text,
    phone_e164 text,
    job_title text,
    employee_kind text NOT NULL DEFAULT 'office'
        CONSTRAINT ck_app_users_employee_kind CHECK (employee_kind IN ('office', 'sales', 'estimator',
            'field_tech', 'crew_lead', 'project_manager', 'subcontractor', 'service_account')),
    status text NOT NULL DEFAULT 'invited'
        CONSTRAINT ck_app_users_status CHECK (status IN ('invited', 'active', 'suspended', 'deactivated')),
    manager_id bigint CONSTRAINT fk_app_users_manager_id REFERENCES app_users ON DELETE SET NULL,
    labor_cost_hour numeric(14,2),
    skills text[] NOT NULL DEFAULT '{}',
    color text,
    last_seen_at timestamptz,
    deactivated_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    version integer NOT NULL DEFAULT 1,
    archived_at timestamptz,
    external_source text,
    external_id text,
    CONSTRAINT uq_app_users_tenant_id_user_id UNIQUE (tenant_id, user_id),
    CONSTRAINT uq_app_users_tenant_id_external_source_external_id UNIQUE (tenant_id, external_source, external_id),
    CONSTRAINT ck_app_users_phone_e164 CHECK (phone_e164 IS NULL OR phone_e164 ~ '^\+[1-9][0-9]{6,14}$'),
    CONSTRAINT ck_app_users_external CHECK ((external_source IS NULL) = (external_id IS NULL))
);
CREATE INDEX ix_app_users_tenant_id_status_display_name ON app_users (tenant_id, status, display_name);
CREATE INDEX ix_app_users_display_name_trgm ON app_users USING gin (display_name gin_trgm_ops);
-- The list's sort, with id: paging by key walks it at any depth.
CREATE INDEX ix_app_users_tenant_id_display_name_id ON app_users (tenant_id, display_name, id);
CREATE INDEX ix_app_users_user_id ON app_users (user_id);
CREATE INDEX ix_app_users_manager_id ON app_users (manager_id);

CREATE TABLE roles (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_roles PRIMARY KEY,
    tenant_id bigint NOT NULL CONSTRAINT fk_roles_tenant_id REFERENCES tenants ON DELETE RESTRICT,
    key text NOT NULL,
    name text NOT NULL,
    description text,
    permissions text[] NOT NULL DEFAULT '{}',
    is_system boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    version integer NOT NULL DEFAULT 1,
    CONSTRAINT uq_roles_tenant_id_key UNIQUE (tenant_id, key)
);
CREATE INDEX ix_roles_permissions ON roles USING gin (permissions);

CREATE TABLE app_user_roles (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_app_user_roles PRIMARY KEY,
    tenant_id bigint NOT NULL CONSTRAINT fk_app_user_roles_tenant_id REFERENCES tenants ON DELETE RESTRICT,
    app_user_id bigint NOT NULL CONSTRAINT fk_app_user_roles_app_user_id REFERENCES app_users ON DELETE CASCADE,
    role_id bigint NOT NULL CONSTRAINT fk_app_user_roles_role_id REFERENCES roles ON DELETE RESTRICT,
    granted_by bigint CONSTRAINT fk_app_user_roles_granted_by REFERENCES app_users ON DELETE SET NULL,
    expires_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT uq_app_user_roles_app_user_id_role_id UNIQUE (app_user_id, role_id)
);
CREATE INDEX ix_app_user_roles_tenant_id_role_id ON app_user_roles (tenant_id, role_id);
CREATE INDEX ix_app_user_roles_role_id ON app_user_roles (role_id);
CREATE INDEX ix_app_user_roles_granted_by ON app_user_roles (granted_by);
"""

VERSIONS = """
SELECT keep_versions('tenants');
SELECT keep_versions('users');
SELECT keep_versions('app_users');
SELECT keep_versions('roles');
"""

RIGHTS = """
GRANT SELECT, INSERT, UPDATE ON tenants, users, app_users TO console_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON roles TO console_app;
-- A role is given and taken back; of a grant only the end may move.
GRANT SELECT, INSERT, UPDATE (expires_at), DELETE ON app_user_roles TO console_app;
"""
