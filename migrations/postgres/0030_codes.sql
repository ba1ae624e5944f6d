-- Discount and access codes of shows. The log knows a code by its keyed hash and decides what it is good for;
-- here are names and terms for people, and the texts, sealed, for who may export them.

-- A group of codes with the same terms, as the projector has seen the log accept it.
CREATE TABLE code_groups (
    show_id uuid NOT NULL,
    code_group bigint NOT NULL CHECK (code_group BETWEEN 0 AND 4294967295),
    tenant_id uuid NOT NULL,
    name text CHECK (name <> ''),
    kind text NOT NULL CHECK (kind IN ('discount', 'access')),
    terms text NOT NULL CHECK (terms::jsonb IS NOT NULL),
    created_at_ms bigint NOT NULL CHECK (created_at_ms >= 0),
    -- Since when the group is unknown to the log. NULL: it counts.
    ended_at_ms bigint CHECK (ended_at_ms >= 0),
    PRIMARY KEY (show_id, code_group)
);
CREATE INDEX code_groups_by_age ON code_groups (show_id, created_at_ms, code_group);
SELECT onsale_isolate('code_groups', 'false', seen => 'tenant_id = (SELECT onsale_tenant())');

CREATE TABLE codes (
    -- A hash over tenant, show and code: no two shows have the same.
    code_hash uuid PRIMARY KEY,
    show_id uuid NOT NULL,
    code_group bigint NOT NULL CHECK (code_group BETWEEN 0 AND 4294967295),
    tenant_id uuid NOT NULL,
    -- NULL: it was made where there was no key for what is private.
    text_sealed bytea CHECK (octet_length(text_sealed) BETWEEN 1 AND 2048),
    -- Where the log created it; what was bought with it before does not count as its use.
    created_offset bigint NOT NULL CHECK (created_offset >= 0),
    ended_at_ms bigint CHECK (ended_at_ms >= 0)
);
CREATE INDEX codes_by_group ON codes (show_id, code_group, code_hash);
SELECT onsale_isolate('codes', 'false', seen => 'tenant_id = (SELECT onsale_tenant())');

-- Changes of codes that were handed in to the log, as show_changes are.
CREATE TABLE code_changes (
    request_id uuid PRIMARY KEY,
    show_id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    change text NOT NULL CHECK (change::jsonb IS NOT NULL),
    created_at_ms bigint NOT NULL CHECK (created_at_ms >= 0)
);
CREATE INDEX code_changes_by_age ON code_changes (created_at_ms);
SELECT onsale_isolate('code_changes');

-- The codes that such a change would create.
CREATE TABLE proposed_codes (
    request_id uuid NOT NULL,
    code_hash uuid NOT NULL,
    tenant_id uuid NOT NULL,
    text_sealed bytea CHECK (octet_length(text_sealed) BETWEEN 1 AND 2048),
    created_at_ms bigint NOT NULL CHECK (created_at_ms >= 0),
    PRIMARY KEY (request_id, code_hash)
);
CREATE INDEX proposed_codes_by_age ON proposed_codes (created_at_ms);
SELECT onsale_isolate('proposed_codes');
