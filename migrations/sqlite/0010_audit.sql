-- Who on the staff side changed what in this database. (What is decided by the log says there who asked.)

CREATE TABLE audit (
    -- Later entries have greater ones.
    audit_id INTEGER PRIMARY KEY AUTOINCREMENT,
    at_ms INTEGER NOT NULL CHECK (at_ms >= 0),
    -- NULL for an actor without an account, such as the command line.
    actor_id BLOB CHECK (length(actor_id) = 16),
    actor_role TEXT NOT NULL CHECK (octet_length(actor_role) BETWEEN 1 AND 32),
    -- NULL for an account of the installation.
    actor_tenant_id BLOB CHECK (length(actor_tenant_id) = 16),
    -- The request that the actor made, as its answer names it.
    request_id TEXT CHECK (octet_length(request_id) BETWEEN 1 AND 128),
    action TEXT NOT NULL CHECK (octet_length(action) BETWEEN 1 AND 64),
    subject_kind TEXT NOT NULL CHECK (octet_length(subject_kind) BETWEEN 1 AND 32),
    subject_id TEXT NOT NULL CHECK (octet_length(subject_id) BETWEEN 1 AND 200),
    -- The tenant that the subject belongs to; NULL for what is the installation's.
    tenant_id BLOB CHECK (length(tenant_id) = 16),
    -- What else there is to know, as JSON without personal data.
    detail TEXT CHECK (octet_length(detail) <= 4096 AND json_valid(detail))
) STRICT;
CREATE INDEX audit_by_subject ON audit (subject_id, audit_id);
CREATE INDEX audit_by_kind ON audit (subject_kind, audit_id);
CREATE INDEX audit_by_actor ON audit (actor_id, audit_id);
CREATE INDEX audit_by_tenant ON audit (tenant_id, audit_id);

CREATE TRIGGER audit_is_never_updated BEFORE UPDATE ON audit
BEGIN
    SELECT RAISE(ABORT, 'audit is append-only');
END;
CREATE TRIGGER audit_is_never_deleted BEFORE DELETE ON audit
BEGIN
    SELECT RAISE(ABORT, 'audit is append-only');
END;
-- INSERT OR REPLACE would delete the entry that is there without the trigger above.
CREATE TRIGGER audit_is_never_replaced BEFORE INSERT ON audit
WHEN EXISTS (SELECT 1 FROM audit WHERE audit_id = NEW.audit_id)
BEGIN
    SELECT RAISE(ABORT, 'audit is append-only');
END;
