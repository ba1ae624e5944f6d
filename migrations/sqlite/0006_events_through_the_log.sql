-- Changes of events that were handed in to the log, as show_changes for shows.
CREATE TABLE event_changes (
    request_id BLOB NOT NULL PRIMARY KEY CHECK (length(request_id) = 16),
    event_id BLOB NOT NULL REFERENCES events,
    change TEXT NOT NULL CHECK (json_valid(change)),
    created_at_ms INTEGER NOT NULL CHECK (created_at_ms >= 0)
) STRICT, WITHOUT ROWID;
CREATE INDEX event_changes_by_age ON event_changes (created_at_ms);

-- 1: nobody said when the sale ends, so it follows the beginning.
ALTER TABLE shows ADD COLUMN closes_by_default INTEGER NOT NULL DEFAULT 0
    CHECK (closes_by_default IN (0, 1));
UPDATE shows SET closes_by_default = 1
    WHERE status <> 'closed' AND sale_closes_at_ms = starts_at_ms - 3600000;

-- First cool-down of buyers whose holds ended unpaid; shows from before have none.
ALTER TABLE shows ADD COLUMN cooldown_ms INTEGER NOT NULL DEFAULT 0
    CHECK (cooldown_ms BETWEEN 0 AND 4294967295);

-- Log time from which on the partition's machine is of version 2.
ALTER TABLE projector_watermarks ADD COLUMN version_2_since_ms INTEGER
    CHECK (version_2_since_ms >= 0);
