-- How people sign in with an account that they have elsewhere. Nothing here is personal: a subject is kept
-- as a keyed hash, which covers the issuer, too.
CREATE TABLE identities (
    identity_id BLOB NOT NULL PRIMARY KEY CHECK (length(identity_id) = 16),
    user_id BLOB NOT NULL CHECK (length(user_id) = 16) REFERENCES users,
    -- The name of the provider in the configuration when it was linked.
    provider TEXT NOT NULL CHECK (octet_length(provider) BETWEEN 1 AND 40),
    subject_hash BLOB NOT NULL UNIQUE CHECK (length(subject_hash) = 32),
    -- 1: the provider had verified the address that the account has. Others go when a password is reset by
    -- mail: whoever reads the mail need not be the one who linked them.
    vouched INTEGER NOT NULL CHECK (vouched IN (0, 1)),
    linked_at_ms INTEGER NOT NULL CHECK (linked_at_ms >= 0),
    last_used_at_ms INTEGER NOT NULL CHECK (last_used_at_ms >= 0)
) STRICT;
CREATE INDEX identities_by_user ON identities (user_id, linked_at_ms);

-- Sign-ins that came back from a provider. A row is what makes the return good once.
CREATE TABLE federated_sign_ins (
    state_hash BLOB NOT NULL PRIMARY KEY CHECK (length(state_hash) = 32),
    -- Who it is, once that is known, and the code that opens the session.
    user_id BLOB CHECK (length(user_id) = 16) REFERENCES users,
    code_hash BLOB CHECK (length(code_hash) = 32),
    expires_at_ms INTEGER NOT NULL CHECK (expires_at_ms >= 0),
    used_at_ms INTEGER CHECK (used_at_ms >= 0),
    CHECK ((user_id IS NULL) = (code_hash IS NULL))
) STRICT;
CREATE INDEX federated_sign_ins_by_end ON federated_sign_ins (expires_at_ms);
CREATE INDEX federated_sign_ins_by_user ON federated_sign_ins (user_id) WHERE user_id IS NOT NULL;

-- Since when account and mailbox are known to be one person's. Reading the mail verifies the address, and does
-- not show who created the account. Until now that was one and the same.
ALTER TABLE users ADD COLUMN address_owned_at_ms INTEGER CHECK (address_owned_at_ms >= 0);
UPDATE users SET address_owned_at_ms = email_verified_at_ms WHERE email_verified_at_ms IS NOT NULL;
