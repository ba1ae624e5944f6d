-- Another address that an account has asked for. It waits until the link that was mailed there is followed.
CREATE TABLE address_changes (
    -- The key of the job that mails the link, too.
    change_id BLOB NOT NULL PRIMARY KEY CHECK (length(change_id) = 16),
    token_hash BLOB NOT NULL UNIQUE CHECK (length(token_hash) = 32),
    user_id BLOB NOT NULL CHECK (length(user_id) = 16) REFERENCES users,
    -- The new address; NULL once it was used or withdrawn.
    email_sealed BLOB CHECK (length(email_sealed) BETWEEN 1 AND 2048),
    email_hash BLOB NOT NULL CHECK (length(email_hash) = 32),
    -- The address that the account had: once it has another, the link changes nothing.
    from_hash BLOB NOT NULL CHECK (length(from_hash) = 32),
    issued_at_ms INTEGER NOT NULL CHECK (issued_at_ms >= 0),
    expires_at_ms INTEGER NOT NULL CHECK (expires_at_ms >= 0),
    used_at_ms INTEGER CHECK (used_at_ms >= 0),
    CHECK ((email_sealed IS NULL) = (used_at_ms IS NOT NULL))
) STRICT;
CREATE INDEX address_changes_by_user ON address_changes (user_id, issued_at_ms);
CREATE INDEX address_changes_by_end ON address_changes (expires_at_ms);
