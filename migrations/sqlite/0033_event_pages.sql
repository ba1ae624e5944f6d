-- What a page about an event needs beside what is sold: its name in addresses, who performs, where and in which
-- time zone, whether its last show is over, and whether it was deleted. Its row stays then: the log knows of it.
ALTER TABLE events ADD COLUMN slug TEXT CHECK (octet_length(slug) BETWEEN 1 AND 400);
-- A JSON array, newest first: names in addresses that were the event's, and lead to it.
ALTER TABLE events ADD COLUMN former_slugs TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(former_slugs));
-- A JSON array of names.
ALTER TABLE events ADD COLUMN performers TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(performers));
ALTER TABLE events ADD COLUMN venue_id BLOB CHECK (length(venue_id) = 16);
-- IANA, as Asia/Bangkok.
ALTER TABLE events ADD COLUMN time_zone TEXT CHECK (octet_length(time_zone) BETWEEN 1 AND 64);
-- Since when housekeeping knows that its last show is over. No document tells of it: it follows from the rest.
ALTER TABLE events ADD COLUMN ended_at_ms INTEGER CHECK (ended_at_ms >= 0);
ALTER TABLE events ADD COLUMN deleted_at_ms INTEGER CHECK (deleted_at_ms >= 0);
-- Set: a cancelled show of which nothing was sold, which lists leave out.
ALTER TABLE shows ADD COLUMN removed_at_ms INTEGER CHECK (removed_at_ms >= 0);

-- The document of an event tells of them, so a change of one is another version of the row.
DROP TRIGGER event_has_changed;
CREATE TRIGGER event_has_changed AFTER UPDATE OF tenant_id, organizer_id, name, description, venue,
    city, category, starts_at_ms, max_tickets_per_user, minimum_age, status, requires_verified_account,
    slug, former_slugs, performers, venue_id, time_zone, deleted_at_ms
    ON events
BEGIN
    UPDATE events SET version = version + 1 WHERE event_id = NEW.event_id;
END;

-- Every name in addresses, present or former, and whose it is. It follows from the events.
CREATE TABLE event_slugs (
    slug TEXT NOT NULL CHECK (octet_length(slug) BETWEEN 1 AND 400),
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    event_id BLOB NOT NULL CHECK (length(event_id) = 16) REFERENCES events ON DELETE CASCADE,
    PRIMARY KEY (slug, tenant_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX event_slugs_by_event ON event_slugs (event_id);

-- Of the installation, for the events of all tenants.
CREATE TABLE categories (
    category_id BLOB NOT NULL PRIMARY KEY CHECK (length(category_id) = 16),
    slug TEXT NOT NULL CHECK (octet_length(slug) BETWEEN 1 AND 400),
    name TEXT NOT NULL CHECK (octet_length(name) BETWEEN 1 AND 400),
    -- In which order they are listed, then by name.
    place INTEGER NOT NULL DEFAULT 0 CHECK (place BETWEEN 0 AND 65535),
    created_at_ms INTEGER NOT NULL CHECK (created_at_ms >= 0)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX categories_by_slug ON categories (slug);
-- What organizers write for one, in small letters: its slug, its name and others, as in other languages.
CREATE TABLE category_names (
    name_folded TEXT NOT NULL PRIMARY KEY CHECK (octet_length(name_folded) BETWEEN 1 AND 800),
    name TEXT NOT NULL,
    category_id BLOB NOT NULL REFERENCES categories ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX category_names_by_category ON category_names (category_id);

-- The orders of a show by their place in the log. (Of the same name, because nodes of the version before look
-- whether it is there.)
DROP INDEX bookings_by_show;
CREATE INDEX bookings_by_show ON bookings (show_id, booking_offset);
