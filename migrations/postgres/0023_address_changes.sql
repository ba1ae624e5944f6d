-- Another address that an account has asked for. It waits until the link that was mailed there is followed.
CREATE TABLE address_changes (
    -- The key of the job that mails the link, too.
    change_id uuid PRIMARY KEY,
    token_hash bytea NOT NULL UNIQUE CHECK (octet_length(token_hash) = 32),
    user_id uuid NOT NULL REFERENCES users,
    -- The new address; NULL once it was used or withdrawn.
    email_sealed bytea CHECK (octet_length(email_sealed) BETWEEN 1 AND 2048),
    email_hash bytea NOT NULL CHECK (octet_length(email_hash) = 32),
    -- The address that the account had: once it has another, the link changes nothing.
    from_hash bytea NOT NULL CHECK (octet_length(from_hash) = 32),
    issued_at_ms bigint NOT NULL CHECK (issued_at_ms >= 0),
    expires_at_ms bigint NOT NULL CHECK (expires_at_ms >= 0),
    used_at_ms bigint CHECK (used_at_ms >= 0),
    CHECK ((email_sealed IS NULL) = (used_at_ms IS NOT NULL))
);
CREATE INDEX address_changes_by_user ON address_changes (user_id, issued_at_ms);
CREATE INDEX address_changes_by_end ON address_changes (expires_at_ms);
