-- Work that follows from a fact and is done at least once.

-- The clock that leases and due times are measured by: one for all workers.
CREATE VIEW database_clock AS SELECT CAST(unixepoch('subsec') * 1000 AS INTEGER) AS now_ms;

CREATE TABLE jobs (
    job_id BLOB NOT NULL PRIMARY KEY CHECK (length(job_id) = 16),
    kind TEXT NOT NULL CHECK (octet_length(kind) BETWEEN 1 AND 64),
    -- A second job of the kind with the same key is the same job.
    job_key TEXT NOT NULL CHECK (octet_length(job_key) BETWEEN 1 AND 200),
    -- What the kind needs to know, as JSON.
    payload TEXT NOT NULL CHECK (octet_length(payload) <= 65536 AND json_valid(payload)),
    state TEXT NOT NULL CHECK (state IN ('waiting', 'running', 'done', 'dead', 'cancelled')),
    due_at_ms INTEGER NOT NULL CHECK (due_at_ms >= 0),
    attempts INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    attempts_max INTEGER NOT NULL CHECK (attempts_max BETWEEN 1 AND 1000),
    -- Raised by every claim: what an earlier holder of the lease says changes nothing.
    fence INTEGER NOT NULL DEFAULT 0 CHECK (fence >= 0),
    worker TEXT,
    lease_until_ms INTEGER,
    cancel_requested INTEGER NOT NULL DEFAULT 0 CHECK (cancel_requested IN (0, 1)),
    progress TEXT,
    last_error TEXT,
    created_at_ms INTEGER NOT NULL CHECK (created_at_ms >= 0),
    ended_at_ms INTEGER,
    UNIQUE (kind, job_key),
    CHECK ((state = 'running') = (lease_until_ms IS NOT NULL)),
    CHECK ((state = 'running') = (worker IS NOT NULL)),
    CHECK ((state IN ('done', 'dead', 'cancelled')) = (ended_at_ms IS NOT NULL))
) STRICT;
CREATE INDEX jobs_due ON jobs (kind, due_at_ms) WHERE state = 'waiting';
CREATE INDEX jobs_leased ON jobs (lease_until_ms) WHERE state = 'running';
CREATE INDEX jobs_ended ON jobs (ended_at_ms) WHERE state IN ('done', 'cancelled');
CREATE INDEX jobs_by_state ON jobs (state, job_id);
