-- Second factors of accounts, and what keeps them from being guessed.

-- Authenticator apps: at most one that is in use, and one that is being set up.
CREATE TABLE totp_factors (
    factor_id BLOB NOT NULL PRIMARY KEY CHECK (length(factor_id) = 16),
    user_id BLOB NOT NULL CHECK (length(user_id) = 16) REFERENCES users,
    -- What the app has, too.
    secret_sealed BLOB NOT NULL CHECK (length(secret_sealed) BETWEEN 1 AND 512),
    created_at_ms INTEGER NOT NULL CHECK (created_at_ms >= 0),
    -- When a first code showed that the app has it. NULL: not yet.
    confirmed_at_ms INTEGER CHECK (confirmed_at_ms >= 0),
    -- The time step of the last code that was used: none of it or before it is good again.
    last_step INTEGER CHECK (last_step >= 0)
) STRICT;
CREATE UNIQUE INDEX totp_factors_in_use ON totp_factors (user_id) WHERE confirmed_at_ms IS NOT NULL;
CREATE UNIQUE INDEX totp_factors_set_up ON totp_factors (user_id) WHERE confirmed_at_ms IS NULL;

CREATE TABLE passkeys (
    passkey_id BLOB NOT NULL PRIMARY KEY CHECK (length(passkey_id) = 16),
    user_id BLOB NOT NULL CHECK (length(user_id) = 16) REFERENCES users,
    -- By which one is found, and no two accounts have the same.
    credential_hash BLOB NOT NULL UNIQUE CHECK (length(credential_hash) = 32),
    -- Public key and counter, as the library writes them.
    credential_sealed BLOB NOT NULL CHECK (length(credential_sealed) BETWEEN 1 AND 16384),
    -- What the person calls it.
    name_sealed BLOB CHECK (length(name_sealed) BETWEEN 1 AND 2048),
    created_at_ms INTEGER NOT NULL CHECK (created_at_ms >= 0),
    last_used_at_ms INTEGER CHECK (last_used_at_ms >= 0)
) STRICT;
CREATE INDEX passkeys_by_user ON passkeys (user_id, created_at_ms);

-- Ceremonies of passkeys that were used, each of which is good once.
CREATE TABLE used_ceremonies (
    ceremony_id BLOB NOT NULL PRIMARY KEY CHECK (length(ceremony_id) = 16),
    expires_at_ms INTEGER NOT NULL CHECK (expires_at_ms >= 0)
) STRICT;
CREATE INDEX used_ceremonies_by_end ON used_ceremonies (expires_at_ms);

CREATE TABLE recovery_codes (
    user_id BLOB NOT NULL CHECK (length(user_id) = 16) REFERENCES users,
    -- Keyed.
    code_hash BLOB NOT NULL CHECK (length(code_hash) = 32),
    created_at_ms INTEGER NOT NULL CHECK (created_at_ms >= 0),
    used_at_ms INTEGER CHECK (used_at_ms >= 0),
    PRIMARY KEY (user_id, code_hash)
) STRICT;

-- People whose password was right and who have yet to show their second factor.
CREATE TABLE sign_in_challenges (
    challenge_hash BLOB NOT NULL PRIMARY KEY CHECK (length(challenge_hash) = 32),
    user_id BLOB NOT NULL CHECK (length(user_id) = 16) REFERENCES users,
    -- The tenant that was named, the nil one for oneself; NULL: none was named.
    tenant_id BLOB CHECK (length(tenant_id) = 16),
    attempts INTEGER NOT NULL CHECK (attempts >= 0),
    expires_at_ms INTEGER NOT NULL CHECK (expires_at_ms >= 0)
) STRICT;
CREATE INDEX sign_in_challenges_by_user ON sign_in_challenges (user_id, expires_at_ms);
CREATE INDEX sign_in_challenges_by_end ON sign_in_challenges (expires_at_ms);

-- How many codes were tried on an account lately, as the time until which it is not forgotten.
CREATE TABLE code_attempts (
    user_id BLOB NOT NULL PRIMARY KEY CHECK (length(user_id) = 16) REFERENCES users,
    until_ms INTEGER NOT NULL CHECK (until_ms >= 0)
) STRICT;

-- When a second factor was last shown in a session.
ALTER TABLE sessions ADD COLUMN factor_at_ms INTEGER CHECK (factor_at_ms >= 0);
-- Codes that were tried in it since, where they were wrong.
ALTER TABLE sessions ADD COLUMN factor_attempts INTEGER NOT NULL DEFAULT 0 CHECK (factor_attempts >= 0);
