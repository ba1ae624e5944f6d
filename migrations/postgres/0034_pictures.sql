-- The picture of an event: a JSON object with its id, its format, the widths that there are, the height of the widest
-- and what is to be seen on it. The files lie in the folder or the bucket of uploads.
ALTER TABLE events ADD COLUMN picture text
    CHECK (picture IS NULL OR (octet_length(picture) <= 8000 AND picture::jsonb IS NOT NULL));

-- The document of an event tells of it, so a change of it is another version of the row.
DROP TRIGGER event_has_changed ON events;
CREATE TRIGGER event_has_changed BEFORE UPDATE OF tenant_id, organizer_id, name, description, venue,
    city, category, starts_at_ms, max_tickets_per_user, minimum_age, status, requires_verified_account,
    slug, former_slugs, performers, venue_id, time_zone, deleted_at_ms, picture
    ON events
    FOR EACH ROW EXECUTE FUNCTION catalog_row_has_changed();

-- Whose a picture is: of the events that have one, and for an hour of those that had it. It follows from the events.
CREATE TABLE pictures (
    picture_id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL,
    event_id uuid NOT NULL REFERENCES events ON DELETE CASCADE,
    picture text NOT NULL CHECK (octet_length(picture) <= 8000 AND picture::jsonb IS NOT NULL)
);
CREATE INDEX pictures_by_event ON pictures (event_id);
SELECT onsale_isolate('pictures', seen => 'onsale_sees_event(event_id)');
