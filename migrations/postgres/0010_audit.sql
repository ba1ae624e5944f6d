-- Who on the staff side changed what in this database. (What is decided by the log says there who asked.)

CREATE TABLE audit (
    -- Later entries have greater ones.
    audit_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at_ms bigint NOT NULL CHECK (at_ms >= 0),
    -- NULL for an actor without an account, such as the command line.
    actor_id uuid,
    actor_role text NOT NULL CHECK (octet_length(actor_role) BETWEEN 1 AND 32),
    -- NULL for an account of the installation.
    actor_tenant_id uuid,
    -- The request that the actor made, as its answer names it.
    request_id text CHECK (octet_length(request_id) BETWEEN 1 AND 128),
    action text NOT NULL CHECK (octet_length(action) BETWEEN 1 AND 64),
    subject_kind text NOT NULL CHECK (octet_length(subject_kind) BETWEEN 1 AND 32),
    subject_id text NOT NULL CHECK (octet_length(subject_id) BETWEEN 1 AND 200),
    -- The tenant that the subject belongs to; NULL for what is the installation's.
    tenant_id uuid,
    -- What else there is to know, as JSON without personal data.
    detail text CHECK (detail IS NULL OR octet_length(detail) <= 4096 AND detail::jsonb IS NOT NULL)
);
CREATE INDEX audit_by_subject ON audit (subject_id, audit_id);
CREATE INDEX audit_by_kind ON audit (subject_kind, audit_id);
CREATE INDEX audit_by_actor ON audit (actor_id, audit_id);
CREATE INDEX audit_by_tenant ON audit (tenant_id, audit_id);

CREATE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'audit is append-only';
END
$$;
CREATE TRIGGER audit_is_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only();
