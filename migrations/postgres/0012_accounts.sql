-- People, what they belong to, and how they stay signed in. Columns named `…_sealed` hold personal data
-- that opens only with a key that is not in this database; `…_hash` are keyed or one-way.

-- The key of all hashes for look-ups, itself sealed: it outlives every change of the sealing key.
CREATE TABLE lookup_keys (
    one integer PRIMARY KEY CHECK (one = 1),
    key_sealed bytea NOT NULL CHECK (octet_length(key_sealed) BETWEEN 1 AND 512),
    created_at_ms bigint NOT NULL CHECK (created_at_ms >= 0)
);

CREATE TABLE users (
    user_id uuid PRIMARY KEY,
    -- What the person is to the installation; what it is to a tenant is in memberships.
    role text NOT NULL CHECK (role IN ('buyer', 'admin')),
    -- NULL once the account is erased.
    email_sealed bytea CHECK (octet_length(email_sealed) BETWEEN 1 AND 2048),
    email_hash bytea UNIQUE CHECK (octet_length(email_hash) = 32),
    email_verified_at_ms bigint CHECK (email_verified_at_ms >= 0),
    name_sealed bytea CHECK (octet_length(name_sealed) BETWEEN 1 AND 2048),
    phone_sealed bytea CHECK (octet_length(phone_sealed) BETWEEN 1 AND 2048),
    -- With the scheme that it was computed by in front. NULL: it signs in by other means.
    password_hash text CHECK (octet_length(password_hash) BETWEEN 1 AND 200),
    locale text CHECK (octet_length(locale) BETWEEN 1 AND 35),
    created_at_ms bigint NOT NULL CHECK (created_at_ms >= 0),
    disabled_at_ms bigint CHECK (disabled_at_ms >= 0),
    erased_at_ms bigint CHECK (erased_at_ms >= 0),
    CHECK ((email_sealed IS NULL) = (email_hash IS NULL)),
    CHECK ((email_sealed IS NULL) = (erased_at_ms IS NOT NULL)),
    CHECK (erased_at_ms IS NULL
        OR (name_sealed IS NULL AND phone_sealed IS NULL AND password_hash IS NULL))
);
CREATE INDEX users_by_role ON users (role) WHERE role <> 'buyer';

CREATE TABLE tenants (
    tenant_id uuid PRIMARY KEY,
    -- Its name in addresses.
    slug text NOT NULL UNIQUE CHECK (octet_length(slug) BETWEEN 1 AND 63),
    name text NOT NULL CHECK (octet_length(name) BETWEEN 1 AND 400),
    created_at_ms bigint NOT NULL CHECK (created_at_ms >= 0),
    closed_at_ms bigint CHECK (closed_at_ms >= 0)
);

CREATE TABLE memberships (
    tenant_id uuid NOT NULL REFERENCES tenants,
    user_id uuid NOT NULL REFERENCES users,
    role text NOT NULL CHECK (role IN ('owner', 'manager', 'finance', 'box_office', 'scanner')),
    created_at_ms bigint NOT NULL CHECK (created_at_ms >= 0),
    PRIMARY KEY (tenant_id, user_id)
);
CREATE INDEX memberships_by_user ON memberships (user_id, created_at_ms);

-- One sign-in with all the refresh tokens that followed from it, of which one is good at a time.
CREATE TABLE sessions (
    session_id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users,
    -- The tenant that it acts for; NULL: for itself.
    tenant_id uuid REFERENCES tenants,
    -- What all tokens of the session have in common, hashed.
    family_hash bytea NOT NULL CHECK (octet_length(family_hash) = 32),
    token_hash bytea NOT NULL CHECK (octet_length(token_hash) = 32),
    -- The token before, and what the one after it was derived with.
    previous_hash bytea CHECK (octet_length(previous_hash) = 32),
    successor_salt bytea CHECK (octet_length(successor_salt) = 16),
    -- When the good one was given out.
    rotated_at_ms bigint NOT NULL CHECK (rotated_at_ms >= 0),
    created_at_ms bigint NOT NULL CHECK (created_at_ms >= 0),
    expires_at_ms bigint NOT NULL CHECK (expires_at_ms >= 0),
    ended_at_ms bigint CHECK (ended_at_ms >= 0),
    ended_why text CHECK (ended_why IN
        ('logout', 'reuse', 'password', 'role', 'disabled', 'operator', 'erased', 'too_many')),
    -- What it was opened with, for the person's own list.
    agent_sealed bytea CHECK (octet_length(agent_sealed) BETWEEN 1 AND 2048),
    address_sealed bytea CHECK (octet_length(address_sealed) BETWEEN 1 AND 512),
    -- By which an address is known again from which this account has signed in.
    address_hash bytea CHECK (octet_length(address_hash) = 32),
    CHECK ((previous_hash IS NULL) = (successor_salt IS NULL)),
    CHECK ((ended_at_ms IS NULL) = (ended_why IS NULL))
);
CREATE INDEX sessions_by_user ON sessions (user_id, created_at_ms);
CREATE INDEX sessions_by_end ON sessions (expires_at_ms);
CREATE INDEX sessions_ended ON sessions (ended_at_ms) WHERE ended_at_ms IS NOT NULL;

-- What is sent to an address and is good once.
CREATE TABLE one_time_tokens (
    token_hash bytea PRIMARY KEY CHECK (octet_length(token_hash) = 32),
    purpose text NOT NULL CHECK (purpose IN
        ('verify_email', 'reset_password', 'invitation', 'first_admin')),
    -- NULL for one that makes an account.
    user_id uuid REFERENCES users,
    -- The address that it was sent to: once the account has another, it proves nothing.
    email_hash bytea CHECK (octet_length(email_hash) = 32),
    -- What an invitation is to.
    tenant_id uuid REFERENCES tenants,
    member_role text CHECK (member_role IN ('owner', 'manager', 'finance', 'box_office', 'scanner')),
    issued_at_ms bigint NOT NULL CHECK (issued_at_ms >= 0),
    expires_at_ms bigint NOT NULL CHECK (expires_at_ms >= 0),
    used_at_ms bigint CHECK (used_at_ms >= 0),
    CHECK ((purpose = 'invitation') = (tenant_id IS NOT NULL)),
    CHECK ((tenant_id IS NULL) = (member_role IS NULL)),
    CHECK (purpose NOT IN ('verify_email', 'reset_password')
        OR (user_id IS NOT NULL AND email_hash IS NOT NULL))
);
CREATE INDEX one_time_tokens_by_user ON one_time_tokens (user_id, purpose) WHERE used_at_ms IS NULL;
CREATE INDEX one_time_tokens_by_end ON one_time_tokens (expires_at_ms);
CREATE INDEX one_time_tokens_by_tenant ON one_time_tokens (tenant_id) WHERE tenant_id IS NOT NULL;
