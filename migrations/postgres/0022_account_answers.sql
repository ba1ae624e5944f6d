-- Answers of calls about accounts and tenants, remembered under an idempotency key for a day.
CREATE TABLE account_answers (
    -- A keyed hash of whose key it is, and of the key.
    answer_id uuid PRIMARY KEY,
    -- Whose it is: an account, or a keyed hash of what shows who asks where nobody is signed in.
    owner_id uuid NOT NULL,
    -- A keyed hash of what was asked: it may hold a password.
    fingerprint bytea NOT NULL CHECK (octet_length(fingerprint) = 32),
    created_at_ms bigint NOT NULL CHECK (created_at_ms >= 0),
    -- Until when nobody else does what was asked. NULL: it is done.
    running_until_ms bigint CHECK (running_until_ms >= 0),
    -- The HTTP status of the answer.
    status integer CHECK (status BETWEEN 200 AND 299),
    -- NULL: it holds tokens, and is made anew.
    answer_sealed bytea CHECK (octet_length(answer_sealed) BETWEEN 1 AND 1048576),
    CHECK ((running_until_ms IS NULL) = (status IS NOT NULL)),
    CHECK (answer_sealed IS NULL OR status IS NOT NULL)
);
CREATE INDEX account_answers_by_owner ON account_answers (owner_id, created_at_ms);
CREATE INDEX account_answers_by_age ON account_answers (created_at_ms);
SELECT onsale_isolate('account_answers', 'owner_id = (SELECT onsale_user())');
