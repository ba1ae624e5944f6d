-- What a page about an event needs beside what is sold: its name in addresses, who performs, where and in which
-- time zone, whether its last show is over, and whether it was deleted. Its row stays then: the log knows of it.
ALTER TABLE events ADD COLUMN slug text CHECK (octet_length(slug) BETWEEN 1 AND 400);
-- A JSON array, newest first: names in addresses that were the event's, and lead to it.
ALTER TABLE events ADD COLUMN former_slugs text NOT NULL DEFAULT '[]' CHECK (former_slugs::jsonb IS NOT NULL);
-- A JSON array of names.
ALTER TABLE events ADD COLUMN performers text NOT NULL DEFAULT '[]' CHECK (performers::jsonb IS NOT NULL);
ALTER TABLE events ADD COLUMN venue_id uuid;
-- IANA, as Asia/Bangkok.
ALTER TABLE events ADD COLUMN time_zone text CHECK (octet_length(time_zone) BETWEEN 1 AND 64);
-- Since when housekeeping knows that its last show is over. No document tells of it: it follows from the rest.
ALTER TABLE events ADD COLUMN ended_at_ms bigint CHECK (ended_at_ms >= 0);
ALTER TABLE events ADD COLUMN deleted_at_ms bigint CHECK (deleted_at_ms >= 0);
-- Set: a cancelled show of which nothing was sold, which lists leave out.
ALTER TABLE shows ADD COLUMN removed_at_ms bigint CHECK (removed_at_ms >= 0);

-- The document of an event tells of them, so a change of one is another version of the row.
DROP TRIGGER event_has_changed ON events;
CREATE TRIGGER event_has_changed BEFORE UPDATE OF tenant_id, organizer_id, name, description, venue,
    city, category, starts_at_ms, max_tickets_per_user, minimum_age, status, requires_verified_account,
    slug, former_slugs, performers, venue_id, time_zone, deleted_at_ms
    ON events
    FOR EACH ROW EXECUTE FUNCTION catalog_row_has_changed();

-- Every name in addresses, present or former, and whose it is. It follows from the events.
CREATE TABLE event_slugs (
    slug text NOT NULL CHECK (octet_length(slug) BETWEEN 1 AND 400),
    tenant_id uuid NOT NULL,
    event_id uuid NOT NULL REFERENCES events ON DELETE CASCADE,
    PRIMARY KEY (slug, tenant_id)
);
CREATE INDEX event_slugs_by_event ON event_slugs (event_id);
SELECT onsale_isolate('event_slugs', seen => 'onsale_sees_event(event_id)');

-- Of the installation, for the events of all tenants.
CREATE TABLE categories (
    category_id uuid PRIMARY KEY,
    slug text NOT NULL CHECK (octet_length(slug) BETWEEN 1 AND 400),
    name text NOT NULL CHECK (octet_length(name) BETWEEN 1 AND 400),
    -- In which order they are listed, then by name.
    place integer NOT NULL DEFAULT 0 CHECK (place BETWEEN 0 AND 65535),
    created_at_ms bigint NOT NULL CHECK (created_at_ms >= 0)
);
CREATE UNIQUE INDEX categories_by_slug ON categories (slug);
-- What organizers write for one, in small letters: its slug, its name and others, as in other languages.
CREATE TABLE category_names (
    name_folded text PRIMARY KEY CHECK (octet_length(name_folded) BETWEEN 1 AND 800),
    name text NOT NULL,
    category_id uuid NOT NULL REFERENCES categories ON DELETE CASCADE
);
CREATE INDEX category_names_by_category ON category_names (category_id);

-- The orders of a show by their place in the log. (Of the same name, because nodes of the version before look
-- whether it is there.)
DROP INDEX bookings_by_show;
CREATE INDEX bookings_by_show ON bookings (show_id, booking_offset);
