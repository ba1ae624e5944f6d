-- The same tables as in ../postgres. Ids are blobs of 16 bytes; times are milliseconds since
-- 1970-01-01T00:00:00Z, as the log stamps them.

-- Catalog: mastered here.

CREATE TABLE events (
    event_id BLOB NOT NULL PRIMARY KEY CHECK (length(event_id) = 16),
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    organizer_id BLOB NOT NULL CHECK (length(organizer_id) = 16),
    name TEXT NOT NULL,
    description TEXT,
    venue TEXT,
    city TEXT,
    category TEXT,
    starts_at_ms INTEGER NOT NULL CHECK (starts_at_ms >= 0),
    max_tickets_per_user INTEGER NOT NULL CHECK (max_tickets_per_user BETWEEN 0 AND 65535),
    minimum_age INTEGER CHECK (minimum_age BETWEEN 0 AND 255),
    status TEXT NOT NULL CHECK (status IN ('draft', 'published', 'cancelled')),
    created_at_ms INTEGER NOT NULL CHECK (created_at_ms >= 0),
    -- Folded to lower case by the program, so that both databases find the same.
    search_text TEXT NOT NULL,
    city_folded TEXT,
    category_folded TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX events_by_start ON events (starts_at_ms, event_id);
CREATE INDEX events_by_tenant ON events (tenant_id, starts_at_ms, event_id);

CREATE TABLE shows (
    show_id BLOB NOT NULL PRIMARY KEY CHECK (length(show_id) = 16),
    event_id BLOB NOT NULL REFERENCES events,
    partition INTEGER NOT NULL CHECK (partition BETWEEN 0 AND 65535),
    name TEXT,
    starts_at_ms INTEGER NOT NULL CHECK (starts_at_ms >= 0),
    sale_opens_at_ms INTEGER NOT NULL CHECK (sale_opens_at_ms >= 0),
    sale_closes_at_ms INTEGER NOT NULL CHECK (sale_closes_at_ms >= 0),
    hold_ms INTEGER NOT NULL CHECK (hold_ms BETWEEN 0 AND 4294967295),
    status TEXT NOT NULL CHECK (status IN ('opening', 'open', 'closed', 'cancelled')),
    created_at_ms INTEGER NOT NULL CHECK (created_at_ms >= 0)
) STRICT, WITHOUT ROWID;
CREATE INDEX shows_by_event ON shows (event_id, starts_at_ms, show_id);
CREATE INDEX shows_by_status ON shows (status, show_id);

CREATE TABLE zones (
    show_id BLOB NOT NULL REFERENCES shows,
    zone INTEGER NOT NULL CHECK (zone BETWEEN 0 AND 65535),
    zone_id BLOB NOT NULL UNIQUE CHECK (length(zone_id) = 16),
    name TEXT NOT NULL,
    unit_price INTEGER NOT NULL CHECK (unit_price >= 0),
    currency TEXT NOT NULL CHECK (length(currency) = 3),
    layout TEXT NOT NULL CHECK (json_valid(layout)),
    PRIMARY KEY (show_id, zone)
) STRICT;

CREATE TABLE remembered_answers (
    request_id BLOB NOT NULL PRIMARY KEY CHECK (length(request_id) = 16),
    -- An unsigned 64-bit number, stored by its bits.
    fingerprint INTEGER NOT NULL,
    status INTEGER NOT NULL CHECK (status BETWEEN 0 AND 65535),
    body TEXT NOT NULL,
    created_at_ms INTEGER NOT NULL CHECK (created_at_ms >= 0)
) STRICT;
CREATE INDEX remembered_answers_by_age ON remembered_answers (created_at_ms);

-- Projection: written by the projector from the outcomes, and by reconciliation.

CREATE TABLE bookings (
    partition INTEGER NOT NULL CHECK (partition BETWEEN 0 AND 65535),
    booking_offset INTEGER NOT NULL CHECK (booking_offset >= 0),
    -- Derived from partition and offset; look-ups decode it and use the primary key.
    booking_id BLOB NOT NULL CHECK (length(booking_id) = 16),
    request_id BLOB CHECK (length(request_id) = 16),
    event_id BLOB NOT NULL CHECK (length(event_id) = 16),
    show_id BLOB NOT NULL CHECK (length(show_id) = 16),
    user_id BLOB NOT NULL CHECK (length(user_id) = 16),
    zone INTEGER NOT NULL CHECK (zone BETWEEN 0 AND 65535),
    -- A JSON array of seat indexes.
    seats TEXT NOT NULL,
    quantity INTEGER NOT NULL CHECK (quantity > 0),
    unit_price INTEGER NOT NULL CHECK (unit_price >= 0),
    currency TEXT NOT NULL CHECK (length(currency) = 3),
    status TEXT NOT NULL CHECK (status IN ('reserved', 'confirmed', 'cancelled', 'expired')),
    reserved_at_ms INTEGER NOT NULL CHECK (reserved_at_ms >= 0),
    expires_at_ms INTEGER NOT NULL CHECK (expires_at_ms >= 0),
    confirmed_at_ms INTEGER CHECK (confirmed_at_ms >= 0),
    ended_at_ms INTEGER CHECK (ended_at_ms >= 0),
    payment_reference TEXT,
    updated_offset INTEGER NOT NULL CHECK (updated_offset >= booking_offset),
    PRIMARY KEY (partition, booking_offset),
    CHECK (json_array_length(seats) IN (0, quantity)),
    CHECK ((status IN ('cancelled', 'expired')) = (ended_at_ms IS NOT NULL)),
    CHECK (status <> 'confirmed' OR confirmed_at_ms IS NOT NULL)
) STRICT, WITHOUT ROWID;
CREATE INDEX bookings_by_user ON bookings (user_id, reserved_at_ms, booking_id);
CREATE INDEX bookings_by_request ON bookings (request_id) WHERE request_id IS NOT NULL;
CREATE INDEX bookings_by_show ON bookings (show_id);

-- A row stands only while its booking is live. The primary key is the second layer against a double
-- sale.
CREATE TABLE booking_seats (
    show_id BLOB NOT NULL CHECK (length(show_id) = 16),
    seat INTEGER NOT NULL CHECK (seat >= 0),
    partition INTEGER NOT NULL,
    booking_offset INTEGER NOT NULL,
    PRIMARY KEY (show_id, seat)
) STRICT, WITHOUT ROWID;

CREATE TABLE blocked_seats (
    show_id BLOB NOT NULL CHECK (length(show_id) = 16),
    seat INTEGER NOT NULL CHECK (seat >= 0),
    PRIMARY KEY (show_id, seat)
) STRICT, WITHOUT ROWID;

CREATE TABLE blocked_quantities (
    show_id BLOB NOT NULL CHECK (length(show_id) = 16),
    zone INTEGER NOT NULL CHECK (zone BETWEEN 0 AND 65535),
    quantity INTEGER NOT NULL CHECK (quantity BETWEEN 0 AND 4294967295),
    PRIMARY KEY (show_id, zone)
) STRICT, WITHOUT ROWID;

CREATE TABLE projector_watermarks (
    partition INTEGER NOT NULL PRIMARY KEY CHECK (partition BETWEEN 0 AND 65535),
    next_offset INTEGER NOT NULL CHECK (next_offset >= 0),
    last_outcome INTEGER CHECK (last_outcome >= 0 AND last_outcome < next_offset),
    log_time_ms INTEGER NOT NULL CHECK (log_time_ms >= 0)
) STRICT;

CREATE TABLE snapshots (
    partition INTEGER NOT NULL PRIMARY KEY CHECK (partition BETWEEN 0 AND 65535),
    next_offset INTEGER NOT NULL CHECK (next_offset >= 0),
    log_time_ms INTEGER NOT NULL CHECK (log_time_ms >= 0),
    size_bytes INTEGER NOT NULL CHECK (size_bytes >= 0),
    created_at_ms INTEGER NOT NULL CHECK (created_at_ms >= 0),
    object BLOB NOT NULL
) STRICT;
