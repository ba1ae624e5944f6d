-- Keys of programs that act for a tenant.
CREATE TABLE api_keys (
    key_id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL REFERENCES tenants,
    name text NOT NULL CHECK (octet_length(name) BETWEEN 1 AND 400),
    key_hash bytea NOT NULL UNIQUE CHECK (octet_length(key_hash) = 32),
    -- Names of what it may do, with a space between two.
    scopes text NOT NULL CHECK (octet_length(scopes) BETWEEN 1 AND 400),
    -- The account that created it.
    created_by uuid,
    created_at_ms bigint NOT NULL CHECK (created_at_ms >= 0),
    -- NULL: it does not expire.
    expires_at_ms bigint CHECK (expires_at_ms >= 0),
    -- To the minute.
    last_used_at_ms bigint CHECK (last_used_at_ms >= 0),
    revoked_at_ms bigint CHECK (revoked_at_ms >= 0)
);
CREATE INDEX api_keys_by_tenant ON api_keys (tenant_id, created_at_ms);
