"""Files, their versions and meaning, and the roofs they show."""

from __future__ import annotations

from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.execute(TABLES)
    op.execute(LEDGER)
    op.execute(RIGHTS)


def downgrade() -> None:
    op.execute(UNGOVERN)
    op.execute("""
        DROP TABLE centerpoint_files, media_assets, documents, file_versions, file_metadata, roof_sections
    """)


TABLES = r"""
CREATE TABLE roof_sections (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_roof_sections PRIMARY KEY,
    tenant_id bigint NOT NULL CONSTRAINT fk_roof_sections_tenant_id REFERENCES tenants ON DELETE RESTRICT,
    property_id bigint NOT NULL CONSTRAINT fk_roof_sections_property_id REFERENCES properties ON DELETE CASCADE,
    name text NOT NULL,
    area_sqft numeric(12,2) NOT NULL,
    system text NOT NULL
        CONSTRAINT ck_roof_sections_system CHECK (system IN ('tpo', 'epdm', 'pvc', 'modified_bitumen',
            'built_up', 'metal', 'spray_foam', 'coating', 'shingle', 'other')),
    pitch_rise numeric(5,2),
    deck text,
    insulation text,
    installed_year integer,
    replace_year integer,
    condition_score integer,
    inspected_on date,
    warranty_manufacturer text,
    warranty_ends_on date,
    replace_budget numeric(14,2),
    recommendation text,
    outline jsonb,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    version integer NOT NULL DEFAULT 1,
    archived_at timestamptz,
    CONSTRAINT uq_roof_sections_property_id_name UNIQUE (property_id, name),
    CONSTRAINT ck_roof_sections_area_sqft CHECK (area_sqft > 0),
    CONSTRAINT ck_roof_sections_condition_score CHECK (condition_score BETWEEN 0 AND 100),
    CONSTRAINT ck_roof_sections_replace_year CHECK (replace_year IS NULL OR installed_year IS NULL OR
        replace_year >= installed_year)
);
-- The list's sorts, each with id: paging by key walks one of these at any depth.
CREATE INDEX ix_roof_sections_tenant_id_replace_year_id ON roof_sections (tenant_id, replace_year, id);
CREATE INDEX ix_roof_sections_tenant_id_condition_score_id ON roof_sections (tenant_id, condition_score, id);
CREATE INDEX ix_roof_sections_tenant_id_name_id ON roof_sections (tenant_id, name, id);
CREATE INDEX ix_roof_sections_tenant_id_warranty_ends_on ON roof_sections (tenant_id, warranty_ends_on);

CREATE TABLE file_metadata (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_file_metadata PRIMARY KEY,
    tenant_id bigint NOT NULL CONSTRAINT fk_file_metadata_tenant_id REFERENCES tenants ON DELETE RESTRICT,
    public_id uuid NOT NULL DEFAULT uuidv7(),
    name text NOT NULL,
    folder text NOT NULL DEFAULT '/',
    category text NOT NULL DEFAULT 'other'
        CONSTRAINT ck_file_metadata_category CHECK (category IN ('photo', 'drawing', 'proposal', 'contract',
            'invoice', 'warranty', 'permit', 'safety', 'report', 'export', 'other')),
    mime_type text NOT NULL,
    size_bytes bigint NOT NULL,
    sha256 bytea NOT NULL,
    storage text NOT NULL DEFAULT 'local'
        CONSTRAINT ck_file_metadata_storage CHECK (storage IN ('local', 's3', 'centerpoint', 'external_url')),
    storage_key text NOT NULL,
    current_version_no integer NOT NULL DEFAULT 1,
    visibility text NOT NULL DEFAULT 'internal'
        CONSTRAINT ck_file_metadata_visibility CHECK (visibility IN ('internal', 'customer', 'public')),
    scan_status text NOT NULL DEFAULT 'pending'
        CONSTRAINT ck_file_metadata_scan_status CHECK (scan_status IN ('pending', 'clean', 'infected',
            'skipped', 'error')),
    tags text[] NOT NULL DEFAULT '{}',
    text_content text,
    search tsvector GENERATED ALWAYS AS (to_tsvector('english', name || ' ' || coalesce(text_content, ''))) STORED,
    retention_until date,
    legal_hold boolean NOT NULL DEFAULT false,
    deleted_at timestamptz,
    download_count integer NOT NULL DEFAULT 0,
    subject_type text,
    subject_id bigint,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    version integer NOT NULL DEFAULT 1,
    created_by bigint CONSTRAINT fk_file_metadata_created_by REFERENCES app_users ON DELETE SET NULL,
    updated_by bigint CONSTRAINT fk_file_metadata_updated_by REFERENCES app_users ON DELETE SET NULL,
    archived_at timestamptz,
    CONSTRAINT uq_file_metadata_public_id UNIQUE (public_id),
    CONSTRAINT ck_file_metadata_size_bytes CHECK (size_bytes >= 0),
    CONSTRAINT ck_file_metadata_kept_on_hold CHECK (NOT (legal_hold AND deleted_at IS NOT NULL)),
    CONSTRAINT ck_file_metadata_public_is_clean CHECK (visibility <> 'public' OR scan_status = 'clean'),
    CONSTRAINT ck_file_metadata_subject CHECK ((subject_type IS NULL) = (subject_id IS NULL))
);
CREATE INDEX ix_file_metadata_tenant_id_folder_name ON file_metadata (tenant_id, folder, name);
CREATE INDEX ix_file_metadata_tenant_id_sha256 ON file_metadata (tenant_id, sha256);
CREATE INDEX ix_file_metadata_tenant_id_created_at_id ON file_metadata (tenant_id, created_at, id);
CREATE INDEX ix_file_metadata_tenant_id_name_id ON file_metadata (tenant_id, name, id);
CREATE INDEX ix_file_metadata_tenant_id_size_bytes_id ON file_metadata (tenant_id, size_bytes, id);
CREATE INDEX ix_file_metadata_search_gin ON file_metadata USING gin (search);
CREATE INDEX ix_file_metadata_tags_gin ON file_metadata USING gin (tags);
CREATE INDEX ix_file_metadata_deleted_at_open ON file_metadata (deleted_at) WHERE deleted_at IS NOT NULL;
CREATE INDEX ix_file_metadata_tenant_id_subject_type_subject_id
    ON file_metadata (tenant_id, subject_type, subject_id);
CREATE INDEX ix_file_metadata_created_by ON file_metadata (created_by);
CREATE INDEX ix_file_metadata_updated_by ON file_metadata (updated_by);

CREATE TABLE file_versions (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_file_versions PRIMARY KEY,
    tenant_id bigint NOT NULL CONSTRAINT fk_file_versions_tenant_id REFERENCES tenants ON DELETE RESTRICT,
    file_id bigint NOT NULL CONSTRAINT fk_file_versions_file_id REFERENCES file_metadata ON DELETE CASCADE,
    version_no integer NOT NULL,
    storage_key text NOT NULL,
    size_bytes bigint NOT NULL,
    sha256 bytea NOT NULL,
    mime_type text NOT NULL,
    uploaded_by bigint CONSTRAINT fk_file_versions_uploaded_by REFERENCES app_users ON DELETE SET NULL,
    change_note text,
    restored_from_no integer,
    scan_status text NOT NULL DEFAULT 'pending'
        CONSTRAINT ck_file_versions_scan_status CHECK (scan_status IN ('pending', 'clean', 'infected',
            'skipped', 'error')),
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT uq_file_versions_file_id_version_no UNIQUE (file_id, version_no),
    CONSTRAINT ck_file_versions_version_no CHECK (version_no > 0 AND size_bytes >= 0)
);
CREATE INDEX ix_file_versions_tenant_id_created_at_id ON file_versions (tenant_id, created_at, id);
CREATE INDEX ix_file_versions_uploaded_by ON file_versions (uploaded_by);

CREATE TABLE documents (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_documents PRIMARY KEY,
    tenant_id bigint NOT NULL CONSTRAINT fk_documents_tenant_id REFERENCES tenants ON DELETE RESTRICT,
    number text,
    title text NOT NULL,
    kind text NOT NULL
        CONSTRAINT ck_documents_kind CHECK (kind IN ('proposal', 'contract', 'change_order', 'invoice_pdf',
            'statement', 'warranty', 'permit', 'insurance_certificate', 'tax_exemption', 'lien_waiver',
            'safety_plan', 'inspection_report', 'policy', 'other')),
    status text NOT NULL DEFAULT 'draft'
        CONSTRAINT ck_documents_status CHECK (status IN ('draft', 'in_review', 'final', 'sent', 'signed',
            'expired', 'void')),
    file_id bigint CONSTRAINT fk_documents_file_id REFERENCES file_metadata ON DELETE RESTRICT,
    customer_id bigint CONSTRAINT fk_documents_customer_id REFERENCES customers ON DELETE RESTRICT,
    template_key text,
    rendered_from jsonb,
    effective_on date,
    expires_on date,
    signed_at timestamptz,
    signer_name text,
    signer_email text,
    signature_ip inet,
    subject_type text,
    subject_id bigint,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    version integer NOT NULL DEFAULT 1,
    created_by bigint CONSTRAINT fk_documents_created_by REFERENCES app_users ON DELETE SET NULL,
    updated_by bigint CONSTRAINT fk_documents_updated_by REFERENCES app_users ON DELETE SET NULL,
    archived_at timestamptz,
    CONSTRAINT uq_documents_tenant_id_number UNIQUE (tenant_id, number),
    CONSTRAINT ck_documents_signed CHECK (status <> 'signed' OR (signed_at IS NOT NULL AND signer_name IS NOT NULL)),
    CONSTRAINT ck_documents_has_file CHECK (status IN ('draft', 'in_review') OR file_id IS NOT NULL),
    CONSTRAINT ck_documents_expires_on CHECK (expires_on IS NULL OR effective_on IS NULL OR expires_on >=
        effective_on),
    CONSTRAINT ck_documents_subject CHECK ((subject_type IS NULL) = (subject_id IS NULL))
);
CREATE INDEX ix_documents_tenant_id_created_at_id ON documents (tenant_id, created_at, id);
CREATE INDEX ix_documents_tenant_id_title_id ON documents (tenant_id, title, id);
CREATE INDEX ix_documents_tenant_id_kind_status ON documents (tenant_id, kind, status);
CREATE INDEX ix_documents_tenant_id_expires_on_open ON documents (tenant_id, expires_on)
    WHERE status IN ('final', 'signed');
CREATE INDEX ix_documents_customer_id_created_at ON documents (customer_id, created_at DESC);
CREATE INDEX ix_documents_tenant_id_subject_type_subject_id ON documents (tenant_id, subject_type, subject_id);
CREATE INDEX ix_documents_file_id ON documents (file_id);
CREATE INDEX ix_documents_created_by ON documents (created_by);
CREATE INDEX ix_documents_updated_by ON documents (updated_by);

CREATE TABLE media_assets (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_media_assets PRIMARY KEY,
    tenant_id bigint NOT NULL CONSTRAINT fk_media_assets_tenant_id REFERENCES tenants ON DELETE RESTRICT,
    file_id bigint NOT NULL CONSTRAINT fk_media_assets_file_id REFERENCES file_metadata ON DELETE CASCADE,
    kind text NOT NULL DEFAULT 'image'
        CONSTRAINT ck_media_assets_kind CHECK (kind IN ('image', 'video', 'audio', 'panorama', 'drone_ortho')),
    width integer,
    height integer,
    duration_ms integer,
    taken_at timestamptz,
    gps_lat numeric(9,6),
    gps_lng numeric(9,6),
    phase text NOT NULL DEFAULT 'general'
        CONSTRAINT ck_media_assets_phase CHECK (phase IN ('before', 'during', 'after', 'general')),
    job_id bigint CONSTRAINT fk_media_assets_job_id REFERENCES jobs ON DELETE SET NULL,
    property_id bigint CONSTRAINT fk_media_assets_property_id REFERENCES properties ON DELETE SET NULL,
    roof_section_id bigint CONSTRAINT fk_media_assets_roof_section_id REFERENCES roof_sections ON DELETE SET NULL,
    caption text,
    alt_text text,
    thumb_key text,
    preview_key text,
    derivative_status text NOT NULL DEFAULT 'pending'
        CONSTRAINT ck_media_assets_derivative_status CHECK (derivative_status IN ('pending', 'ready', 'failed')),
    ai_labels jsonb NOT NULL DEFAULT '[]',
    ai_labelled_at timestamptz,
    is_cover boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    version integer NOT NULL DEFAULT 1,
    CONSTRAINT uq_media_assets_file_id UNIQUE (file_id),
    CONSTRAINT ck_media_assets_place CHECK (gps_lat BETWEEN -90 AND 90 AND gps_lng BETWEEN -180 AND 180)
);
CREATE INDEX ix_media_assets_tenant_id_taken_at_id ON media_assets (tenant_id, taken_at, id);
CREATE INDEX ix_media_assets_job_id_taken_at ON media_assets (job_id, taken_at);
CREATE INDEX ix_media_assets_property_id_taken_at ON media_assets (property_id, taken_at DESC);
CREATE INDEX ix_media_assets_tenant_id_derivative_status ON media_assets (tenant_id, derivative_status);
CREATE INDEX ix_media_assets_roof_section_id ON media_assets (roof_section_id);

CREATE TABLE centerpoint_files (
    id bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT pk_centerpoint_files PRIMARY KEY,
    tenant_id bigint NOT NULL CONSTRAINT fk_centerpoint_files_tenant_id REFERENCES tenants ON DELETE RESTRICT,
    centerpoint_id text NOT NULL,
    centerpoint_type text NOT NULL,
    parent_type text,
    parent_external_id text,
    file_name text NOT NULL,
    remote_url text,
    mime_type text,
    size_bytes bigint,
    remote_updated_at timestamptz,
    checksum text,
    file_id bigint CONSTRAINT fk_centerpoint_files_file_id REFERENCES file_metadata ON DELETE SET NULL,
    customer_id bigint CONSTRAINT fk_centerpoint_files_customer_id REFERENCES customers ON DELETE SET NULL,
    property_id bigint CONSTRAINT fk_centerpoint_files_property_id REFERENCES properties ON DELETE SET NULL,
    job_id bigint CONSTRAINT fk_centerpoint_files_job_id REFERENCES jobs ON DELETE SET NULL,
    sync_status text NOT NULL DEFAULT 'discovered'
        CONSTRAINT ck_centerpoint_files_sync_status CHECK (sync_status IN ('discovered', 'queued', 'downloaded',
            'linked', 'skipped', 'failed', 'gone')),
    attempts integer NOT NULL DEFAULT 0,
    last_attempt_at timestamptz,
    error text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    version integer NOT NULL DEFAULT 1,
    CONSTRAINT uq_centerpoint_files_tenant_id_centerpoint_type_centerpoint_id
        UNIQUE (tenant_id, centerpoint_type, centerpoint_id),
    CONSTRAINT ck_centerpoint_files_fetched CHECK (sync_status NOT IN ('downloaded', 'linked') OR file_id
        IS NOT NULL)
);
CREATE INDEX ix_centerpoint_files_tenant_id_sync_status_last_attempt_at
    ON centerpoint_files (tenant_id, sync_status, last_attempt_at);
CREATE INDEX ix_centerpoint_files_tenant_id_remote_updated_at_id
    ON centerpoint_files (tenant_id, remote_updated_at, id);
CREATE INDEX ix_centerpoint_files_tenant_id_file_name_id ON centerpoint_files (tenant_id, file_name, id);
CREATE INDEX ix_centerpoint_files_file_id ON centerpoint_files (file_id);
CREATE INDEX ix_centerpoint_files_customer_id ON centerpoint_files (customer_id);
CREATE INDEX ix_centerpoint_files_property_id ON centerpoint_files (property_id);
CREATE INDEX ix_centerpoint_files_job_id ON centerpoint_files (job_id);
"""

LEDGER = """
SELECT govern('roof_sections'), govern('file_metadata'), govern('documents'), govern('media_assets'),
    govern('centerpoint_files');
"""

UNGOVERN = """
SELECT ungovern('roof_sections'), ungovern('file_metadata'), ungovern('documents'), ungovern('media_assets'),
    ungovern('centerpoint_files')
"""

RIGHTS = """
-- DELETE so that a creation can be undone.
GRANT SELECT, INSERT, UPDATE, DELETE
    ON roof_sections, file_metadata, documents, media_assets, centerpoint_files TO console_app;
-- What only grows is added to and read.
GRANT SELECT, INSERT ON file_versions TO console_app;
GRANT UPDATE (scan_status) ON file_versions TO console_app;
"""
