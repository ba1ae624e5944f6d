-- The picture of an event: a JSON object with its id, its format, the widths that there are, the height of the widest
-- and what is to be seen on it. The files lie in the folder or the bucket of uploads.
ALTER TABLE events ADD COLUMN picture TEXT CHECK (octet_length(picture) <= 8000 AND json_valid(picture));

-- The document of an event tells of it, so a change of it is another version of the row.
DROP TRIGGER event_has_changed;
CREATE TRIGGER event_has_changed AFTER UPDATE OF tenant_id, organizer_id, name, description, venue,
    city, category, starts_at_ms, max_tickets_per_user, minimum_age, status, requires_verified_account,
    slug, former_slugs, performers, venue_id, time_zone, deleted_at_ms, picture
    ON events
BEGIN
    UPDATE events SET version = version + 1 WHERE event_id = NEW.event_id;
END;

-- Whose a picture is: of the events that have one, and for an hour of those that had it. It follows from the events.
CREATE TABLE pictures (
    picture_id BLOB NOT NULL PRIMARY KEY CHECK (length(picture_id) = 16),
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    event_id BLOB NOT NULL CHECK (length(event_id) = 16) REFERENCES events ON DELETE CASCADE,
    picture TEXT NOT NULL CHECK (octet_length(picture) <= 8000 AND json_valid(picture))
) STRICT, WITHOUT ROWID;
CREATE INDEX pictures_by_event ON pictures (event_id);
