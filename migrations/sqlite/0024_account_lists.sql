-- Accounts as admins list them, newest first: a page is a range of this index, however many there are. Erased
-- accounts are not listed.
CREATE INDEX users_listed ON users (created_at_ms, user_id) WHERE erased_at_ms IS NULL;
