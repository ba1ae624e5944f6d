-- Second factors of accounts, and what keeps them from being guessed.

-- Authenticator apps: at most one that is in use, and one that is being set up.
CREATE TABLE totp_factors (
    factor_id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users,
    -- What the app has, too.
    secret_sealed bytea NOT NULL CHECK (octet_length(secret_sealed) BETWEEN 1 AND 512),
    created_at_ms bigint NOT NULL CHECK (created_at_ms >= 0),
    -- When a first code showed that the app has it. NULL: not yet.
    confirmed_at_ms bigint CHECK (confirmed_at_ms >= 0),
    -- The time step of the last code that was used: none of it or before it is good again.
    last_step bigint CHECK (last_step >= 0)
);
CREATE UNIQUE INDEX totp_factors_in_use ON totp_factors (user_id) WHERE confirmed_at_ms IS NOT NULL;
CREATE UNIQUE INDEX totp_factors_set_up ON totp_factors (user_id) WHERE confirmed_at_ms IS NULL;

CREATE TABLE passkeys (
    passkey_id uuid PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES users,
    -- By which one is found, and no two accounts have the same.
    credential_hash bytea NOT NULL UNIQUE CHECK (octet_length(credential_hash) = 32),
    -- Public key and counter, as the library writes them.
    credential_sealed bytea NOT NULL CHECK (octet_length(credential_sealed) BETWEEN 1 AND 16384),
    -- What the person calls it.
    name_sealed bytea CHECK (octet_length(name_sealed) BETWEEN 1 AND 2048),
    created_at_ms bigint NOT NULL CHECK (created_at_ms >= 0),
    last_used_at_ms bigint CHECK (last_used_at_ms >= 0)
);
CREATE INDEX passkeys_by_user ON passkeys (user_id, created_at_ms);

-- Ceremonies of passkeys that were used, each of which is good once.
CREATE TABLE used_ceremonies (
    ceremony_id uuid PRIMARY KEY,
    expires_at_ms bigint NOT NULL CHECK (expires_at_ms >= 0)
);
CREATE INDEX used_ceremonies_by_end ON used_ceremonies (expires_at_ms);

CREATE TABLE recovery_codes (
    user_id uuid NOT NULL REFERENCES users,
    -- Keyed.
    code_hash bytea NOT NULL CHECK (octet_length(code_hash) = 32),
    created_at_ms bigint NOT NULL CHECK (created_at_ms >= 0),
    used_at_ms bigint CHECK (used_at_ms >= 0),
    PRIMARY KEY (user_id, code_hash)
);

-- People whose password was right and who have yet to show their second factor.
CREATE TABLE sign_in_challenges (
    challenge_hash bytea PRIMARY KEY CHECK (octet_length(challenge_hash) = 32),
    user_id uuid NOT NULL REFERENCES users,
    -- The tenant that was named, the nil one for oneself; NULL: none was named.
    tenant_id uuid,
    attempts integer NOT NULL CHECK (attempts >= 0),
    expires_at_ms bigint NOT NULL CHECK (expires_at_ms >= 0)
);
CREATE INDEX sign_in_challenges_by_user ON sign_in_challenges (user_id, expires_at_ms);
CREATE INDEX sign_in_challenges_by_end ON sign_in_challenges (expires_at_ms);

-- How many codes were tried on an account lately, as the time until which it is not forgotten.
CREATE TABLE code_attempts (
    user_id uuid PRIMARY KEY REFERENCES users,
    until_ms bigint NOT NULL CHECK (until_ms >= 0)
);

-- When a second factor was last shown in a session.
ALTER TABLE sessions ADD COLUMN factor_at_ms bigint CHECK (factor_at_ms >= 0);
-- Codes that were tried in it since, where they were wrong.
ALTER TABLE sessions ADD COLUMN factor_attempts integer NOT NULL DEFAULT 0 CHECK (factor_attempts >= 0);

-- It is its person's, and a tenant's where it names one, as the session is that comes of it.
SELECT onsale_isolate('sign_in_challenges',
    'tenant_id = (SELECT onsale_tenant()) OR user_id = (SELECT onsale_user())');
