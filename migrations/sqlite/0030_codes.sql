-- Discount and access codes of shows. The log knows a code by its keyed hash and decides what it is good for;
-- here are names and terms for people, and the texts, sealed, for who may export them.

-- A group of codes with the same terms, as the projector has seen the log accept it.
CREATE TABLE code_groups (
    show_id BLOB NOT NULL CHECK (length(show_id) = 16),
    code_group INTEGER NOT NULL CHECK (code_group BETWEEN 0 AND 4294967295),
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    name TEXT CHECK (name <> ''),
    kind TEXT NOT NULL CHECK (kind IN ('discount', 'access')),
    terms TEXT NOT NULL CHECK (json_valid(terms)),
    created_at_ms INTEGER NOT NULL CHECK (created_at_ms >= 0),
    -- Since when the group is unknown to the log. NULL: it counts.
    ended_at_ms INTEGER CHECK (ended_at_ms >= 0),
    PRIMARY KEY (show_id, code_group)
) STRICT, WITHOUT ROWID;
CREATE INDEX code_groups_by_age ON code_groups (show_id, created_at_ms, code_group);

CREATE TABLE codes (
    -- A hash over tenant, show and code: no two shows have the same.
    code_hash BLOB NOT NULL PRIMARY KEY CHECK (length(code_hash) = 16),
    show_id BLOB NOT NULL CHECK (length(show_id) = 16),
    code_group INTEGER NOT NULL CHECK (code_group BETWEEN 0 AND 4294967295),
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    -- NULL: it was made where there was no key for what is private.
    text_sealed BLOB CHECK (length(text_sealed) BETWEEN 1 AND 2048),
    -- Where the log created it; what was bought with it before does not count as its use.
    created_offset INTEGER NOT NULL CHECK (created_offset >= 0),
    ended_at_ms INTEGER CHECK (ended_at_ms >= 0)
) STRICT, WITHOUT ROWID;
CREATE INDEX codes_by_group ON codes (show_id, code_group, code_hash);

-- Changes of codes that were handed in to the log, as show_changes are.
CREATE TABLE code_changes (
    request_id BLOB NOT NULL PRIMARY KEY CHECK (length(request_id) = 16),
    show_id BLOB NOT NULL CHECK (length(show_id) = 16),
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    change TEXT NOT NULL CHECK (json_valid(change)),
    created_at_ms INTEGER NOT NULL CHECK (created_at_ms >= 0)
) STRICT, WITHOUT ROWID;
CREATE INDEX code_changes_by_age ON code_changes (created_at_ms);

-- The codes that such a change would create.
CREATE TABLE proposed_codes (
    request_id BLOB NOT NULL CHECK (length(request_id) = 16),
    code_hash BLOB NOT NULL CHECK (length(code_hash) = 16),
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    text_sealed BLOB CHECK (length(text_sealed) BETWEEN 1 AND 2048),
    created_at_ms INTEGER NOT NULL CHECK (created_at_ms >= 0),
    PRIMARY KEY (request_id, code_hash)
) STRICT, WITHOUT ROWID;
CREATE INDEX proposed_codes_by_age ON proposed_codes (created_at_ms);
