-- Keys of programs that act for a tenant.
CREATE TABLE api_keys (
    key_id BLOB NOT NULL PRIMARY KEY CHECK (length(key_id) = 16),
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16) REFERENCES tenants,
    name TEXT NOT NULL CHECK (octet_length(name) BETWEEN 1 AND 400),
    key_hash BLOB NOT NULL UNIQUE CHECK (length(key_hash) = 32),
    -- Names of what it may do, with a space between two.
    scopes TEXT NOT NULL CHECK (octet_length(scopes) BETWEEN 1 AND 400),
    -- The account that created it.
    created_by BLOB CHECK (length(created_by) = 16),
    created_at_ms INTEGER NOT NULL CHECK (created_at_ms >= 0),
    -- NULL: it does not expire.
    expires_at_ms INTEGER CHECK (expires_at_ms >= 0),
    -- To the minute.
    last_used_at_ms INTEGER CHECK (last_used_at_ms >= 0),
    revoked_at_ms INTEGER CHECK (revoked_at_ms >= 0)
) STRICT;
CREATE INDEX api_keys_by_tenant ON api_keys (tenant_id, created_at_ms);
