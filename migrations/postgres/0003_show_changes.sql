-- Changes of shows that were handed in to the log. The projector takes one over into the catalog
-- when the log has accepted it, in the transaction that moves the watermark, and deletes it then.

CREATE TABLE show_changes (
    request_id uuid PRIMARY KEY,
    show_id uuid NOT NULL REFERENCES shows,
    change text NOT NULL CHECK (change::jsonb IS NOT NULL),
    created_at_ms bigint NOT NULL CHECK (created_at_ms >= 0)
);
CREATE INDEX show_changes_by_age ON show_changes (created_at_ms);
