-- Sessions that end because their account moved to another address, or got its second factor, say so.
--
-- SQLite cannot change a CHECK, so the table is made anew. Nothing refers to it: no key of another table, no view and no
-- trigger. Columns are in the order that they had.
ALTER TABLE sessions RENAME TO sessions_before;
CREATE TABLE sessions (
    session_id BLOB NOT NULL PRIMARY KEY CHECK (length(session_id) = 16),
    user_id BLOB NOT NULL CHECK (length(user_id) = 16) REFERENCES users,
    -- The tenant that it acts for; NULL: for itself.
    tenant_id BLOB CHECK (length(tenant_id) = 16) REFERENCES tenants,
    -- What all tokens of the session have in common, hashed.
    family_hash BLOB NOT NULL CHECK (length(family_hash) = 32),
    token_hash BLOB NOT NULL CHECK (length(token_hash) = 32),
    -- The token before, and what the one after it was derived with.
    previous_hash BLOB CHECK (length(previous_hash) = 32),
    successor_salt BLOB CHECK (length(successor_salt) = 16),
    -- When the good one was given out.
    rotated_at_ms INTEGER NOT NULL CHECK (rotated_at_ms >= 0),
    created_at_ms INTEGER NOT NULL CHECK (created_at_ms >= 0),
    expires_at_ms INTEGER NOT NULL CHECK (expires_at_ms >= 0),
    ended_at_ms INTEGER CHECK (ended_at_ms >= 0),
    ended_why TEXT CHECK (ended_why IN
        ('logout', 'reuse', 'password', 'role', 'disabled', 'operator', 'erased', 'too_many',
         'address', 'factor')),
    -- What it was opened with, for the person's own list.
    agent_sealed BLOB CHECK (length(agent_sealed) BETWEEN 1 AND 2048),
    address_sealed BLOB CHECK (length(address_sealed) BETWEEN 1 AND 512),
    -- By which an address is known again from which this account has signed in.
    address_hash BLOB CHECK (length(address_hash) = 32),
    -- When a second factor was last shown in it.
    factor_at_ms INTEGER CHECK (factor_at_ms >= 0),
    -- Codes that were tried in it since, where they were wrong.
    factor_attempts INTEGER NOT NULL DEFAULT 0 CHECK (factor_attempts >= 0),
    CHECK ((previous_hash IS NULL) = (successor_salt IS NULL)),
    CHECK ((ended_at_ms IS NULL) = (ended_why IS NULL))
) STRICT;
INSERT INTO sessions (session_id, user_id, tenant_id, family_hash, token_hash, previous_hash,
    successor_salt, rotated_at_ms, created_at_ms, expires_at_ms, ended_at_ms, ended_why, agent_sealed,
    address_sealed, address_hash, factor_at_ms, factor_attempts)
SELECT session_id, user_id, tenant_id, family_hash, token_hash, previous_hash,
    successor_salt, rotated_at_ms, created_at_ms, expires_at_ms, ended_at_ms, ended_why, agent_sealed,
    address_sealed, address_hash, factor_at_ms, factor_attempts FROM sessions_before;
-- With its indexes.
DROP TABLE sessions_before;
CREATE INDEX sessions_by_user ON sessions (user_id, created_at_ms);
CREATE INDEX sessions_by_end ON sessions (expires_at_ms);
CREATE INDEX sessions_ended ON sessions (ended_at_ms) WHERE ended_at_ms IS NOT NULL;
