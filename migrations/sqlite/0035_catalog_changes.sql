-- Which events were changed, with their shows and zones, so that each node's search follows the catalog without
-- looking through it.

-- SQLite has one writer at a time, so the numbers are in the order of the commits.
CREATE TABLE catalog_changes (
    moment INTEGER PRIMARY KEY AUTOINCREMENT,
    event_id BLOB NOT NULL CHECK (length(event_id) = 16),
    -- By the clock of the database, for what is trimmed.
    written_at_ms INTEGER NOT NULL DEFAULT (unixepoch() * 1000)
) STRICT;

-- The newest moment of which something was deleted: who knows less has missed changes.
CREATE TABLE catalog_changes_trimmed (
    one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    moment INTEGER NOT NULL CHECK (moment >= 0)
) STRICT;
INSERT INTO catalog_changes_trimmed (one, moment) VALUES (1, 0);

-- Whatever is told of an event or a show makes another version of its row, zones included (0005).
CREATE TRIGGER event_was_changed AFTER UPDATE OF version ON events WHEN OLD.version <> NEW.version
BEGIN
    INSERT INTO catalog_changes (event_id) VALUES (NEW.event_id);
END;
CREATE TRIGGER event_came AFTER INSERT ON events
BEGIN
    INSERT INTO catalog_changes (event_id) VALUES (NEW.event_id);
END;
CREATE TRIGGER event_went AFTER DELETE ON events
BEGIN
    INSERT INTO catalog_changes (event_id) VALUES (OLD.event_id);
END;
CREATE TRIGGER show_was_changed AFTER UPDATE OF version ON shows WHEN OLD.version <> NEW.version
BEGIN
    INSERT INTO catalog_changes (event_id) VALUES (NEW.event_id);
END;
CREATE TRIGGER show_came AFTER INSERT ON shows
BEGIN
    INSERT INTO catalog_changes (event_id) VALUES (NEW.event_id);
END;
CREATE TRIGGER show_went AFTER DELETE ON shows
BEGIN
    INSERT INTO catalog_changes (event_id) VALUES (OLD.event_id);
END;
