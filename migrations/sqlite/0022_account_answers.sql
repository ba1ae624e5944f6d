-- Answers of calls about accounts and tenants, remembered under an idempotency key for a day.
CREATE TABLE account_answers (
    -- A keyed hash of whose key it is, and of the key.
    answer_id BLOB NOT NULL PRIMARY KEY CHECK (length(answer_id) = 16),
    -- Whose it is: an account, or a keyed hash of what shows who asks where nobody is signed in.
    owner_id BLOB NOT NULL CHECK (length(owner_id) = 16),
    -- A keyed hash of what was asked: it may hold a password.
    fingerprint BLOB NOT NULL CHECK (length(fingerprint) = 32),
    created_at_ms INTEGER NOT NULL CHECK (created_at_ms >= 0),
    -- Until when nobody else does what was asked. NULL: it is done.
    running_until_ms INTEGER CHECK (running_until_ms >= 0),
    -- The HTTP status of the answer.
    status INTEGER CHECK (status BETWEEN 200 AND 299),
    -- NULL: it holds tokens, and is made anew.
    answer_sealed BLOB CHECK (length(answer_sealed) BETWEEN 1 AND 1048576),
    CHECK ((running_until_ms IS NULL) = (status IS NOT NULL)),
    CHECK (answer_sealed IS NULL OR status IS NOT NULL)
) STRICT;
CREATE INDEX account_answers_by_owner ON account_answers (owner_id, created_at_ms);
CREATE INDEX account_answers_by_age ON account_answers (created_at_ms);
