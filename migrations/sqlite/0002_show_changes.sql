-- Changes of shows that were handed in to the log. The projector takes one over into the catalog
-- when the log has accepted it, in the transaction that moves the watermark, and deletes it then.

CREATE TABLE show_changes (
    request_id BLOB NOT NULL PRIMARY KEY CHECK (length(request_id) = 16),
    show_id BLOB NOT NULL REFERENCES shows,
    change TEXT NOT NULL CHECK (json_valid(change)),
    created_at_ms INTEGER NOT NULL CHECK (created_at_ms >= 0)
) STRICT, WITHOUT ROWID;
CREATE INDEX show_changes_by_age ON show_changes (created_at_ms);
