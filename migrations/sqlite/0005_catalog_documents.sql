-- What of the catalog the log has. Every write of a row that its document tells of makes another
-- version of it; `described_version` is the last one that came back from the log as a document.

ALTER TABLE events ADD COLUMN version INTEGER NOT NULL DEFAULT 1 CHECK (version > 0);
ALTER TABLE events ADD COLUMN described_version INTEGER NOT NULL DEFAULT 0
    CHECK (described_version >= 0);
ALTER TABLE shows ADD COLUMN version INTEGER NOT NULL DEFAULT 1 CHECK (version > 0);
ALTER TABLE shows ADD COLUMN described_version INTEGER NOT NULL DEFAULT 0
    CHECK (described_version >= 0);
CREATE INDEX events_undescribed ON events (event_id) WHERE described_version < version;
CREATE INDEX shows_undescribed ON shows (show_id) WHERE described_version < version;

CREATE TRIGGER event_has_changed AFTER UPDATE OF tenant_id, organizer_id, name, description, venue,
    city, category, starts_at_ms, max_tickets_per_user, minimum_age, status ON events
BEGIN
    UPDATE events SET version = version + 1 WHERE event_id = NEW.event_id;
END;
CREATE TRIGGER show_has_changed AFTER UPDATE OF name, starts_at_ms, sale_opens_at_ms,
    sale_closes_at_ms, hold_ms, status ON shows
BEGIN
    UPDATE shows SET version = version + 1 WHERE show_id = NEW.show_id;
END;
CREATE TRIGGER zone_has_changed AFTER UPDATE OF name, unit_price, layout ON zones
BEGIN
    UPDATE shows SET version = version + 1 WHERE show_id = NEW.show_id;
END;

-- The log that this database is a projection of, and a record of each partition by which it is
-- known again.

CREATE TABLE log_identity (
    one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    log_id BLOB NOT NULL CHECK (length(log_id) = 16)
) STRICT;
CREATE TABLE log_marks (
    partition INTEGER NOT NULL PRIMARY KEY CHECK (partition BETWEEN 0 AND 65535),
    record_offset INTEGER NOT NULL CHECK (record_offset >= 0),
    -- An unsigned 64-bit number, stored by its bits.
    checksum INTEGER NOT NULL
) STRICT;
