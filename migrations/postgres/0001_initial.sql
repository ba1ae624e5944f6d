-- Times are milliseconds since 1970-01-01T00:00:00Z, as the log stamps them.

-- Catalog: mastered here.

CREATE TABLE events (
    event_id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL,
    organizer_id uuid NOT NULL,
    name text NOT NULL,
    description text,
    venue text,
    city text,
    category text,
    starts_at_ms bigint NOT NULL CHECK (starts_at_ms >= 0),
    max_tickets_per_user integer NOT NULL CHECK (max_tickets_per_user BETWEEN 0 AND 65535),
    minimum_age smallint CHECK (minimum_age BETWEEN 0 AND 255),
    status text NOT NULL CHECK (status IN ('draft', 'published', 'cancelled')),
    created_at_ms bigint NOT NULL CHECK (created_at_ms >= 0),
    -- Folded to lower case by the program, so that both databases find the same.
    search_text text NOT NULL,
    city_folded text,
    category_folded text
);
CREATE INDEX events_by_start ON events (starts_at_ms, event_id);
CREATE INDEX events_by_tenant ON events (tenant_id, starts_at_ms, event_id);

CREATE TABLE shows (
    show_id uuid PRIMARY KEY,
    event_id uuid NOT NULL REFERENCES events,
    partition integer NOT NULL CHECK (partition BETWEEN 0 AND 65535),
    name text,
    starts_at_ms bigint NOT NULL CHECK (starts_at_ms >= 0),
    sale_opens_at_ms bigint NOT NULL CHECK (sale_opens_at_ms >= 0),
    sale_closes_at_ms bigint NOT NULL CHECK (sale_closes_at_ms >= 0),
    hold_ms bigint NOT NULL CHECK (hold_ms BETWEEN 0 AND 4294967295),
    status text NOT NULL CHECK (status IN ('opening', 'open', 'closed', 'cancelled')),
    created_at_ms bigint NOT NULL CHECK (created_at_ms >= 0)
);
CREATE INDEX shows_by_event ON shows (event_id, starts_at_ms, show_id);
CREATE INDEX shows_by_status ON shows (status, show_id);

CREATE TABLE zones (
    show_id uuid NOT NULL REFERENCES shows,
    zone integer NOT NULL CHECK (zone BETWEEN 0 AND 65535),
    zone_id uuid NOT NULL UNIQUE,
    name text NOT NULL,
    unit_price bigint NOT NULL CHECK (unit_price >= 0),
    currency text NOT NULL CHECK (length(currency) = 3),
    layout text NOT NULL CHECK (layout::jsonb IS NOT NULL),
    PRIMARY KEY (show_id, zone)
);

CREATE TABLE remembered_answers (
    request_id uuid PRIMARY KEY,
    -- An unsigned 64-bit number, stored by its bits.
    fingerprint bigint NOT NULL,
    status integer NOT NULL CHECK (status BETWEEN 0 AND 65535),
    body text NOT NULL,
    created_at_ms bigint NOT NULL CHECK (created_at_ms >= 0)
);
CREATE INDEX remembered_answers_by_age ON remembered_answers (created_at_ms);

-- Projection: written by the projector from the outcomes, and by reconciliation.

-- No index mentions the status, so that confirming and expiring stay heap-only updates; the free
-- space of each page is for them.
CREATE TABLE bookings (
    partition integer NOT NULL CHECK (partition BETWEEN 0 AND 65535),
    booking_offset bigint NOT NULL CHECK (booking_offset >= 0),
    -- Derived from partition and offset; look-ups decode it and use the primary key.
    booking_id uuid NOT NULL,
    request_id uuid,
    event_id uuid NOT NULL,
    show_id uuid NOT NULL,
    user_id uuid NOT NULL,
    zone integer NOT NULL CHECK (zone BETWEEN 0 AND 65535),
    seats integer[] NOT NULL,
    quantity integer NOT NULL CHECK (quantity > 0),
    unit_price bigint NOT NULL CHECK (unit_price >= 0),
    currency text NOT NULL CHECK (length(currency) = 3),
    status text NOT NULL CHECK (status IN ('reserved', 'confirmed', 'cancelled', 'expired')),
    reserved_at_ms bigint NOT NULL CHECK (reserved_at_ms >= 0),
    expires_at_ms bigint NOT NULL CHECK (expires_at_ms >= 0),
    confirmed_at_ms bigint CHECK (confirmed_at_ms >= 0),
    ended_at_ms bigint CHECK (ended_at_ms >= 0),
    payment_reference text,
    updated_offset bigint NOT NULL CHECK (updated_offset >= booking_offset),
    PRIMARY KEY (partition, booking_offset),
    CHECK (cardinality(seats) IN (0, quantity)),
    CHECK ((status IN ('cancelled', 'expired')) = (ended_at_ms IS NOT NULL)),
    CHECK (status <> 'confirmed' OR confirmed_at_ms IS NOT NULL)
) WITH (fillfactor = 85);
CREATE INDEX bookings_by_user ON bookings (user_id, reserved_at_ms, booking_id);
CREATE INDEX bookings_by_request ON bookings (request_id) WHERE request_id IS NOT NULL;
CREATE INDEX bookings_by_show ON bookings (show_id);

-- A row stands only while its booking is live. The primary key is the second layer against a double
-- sale.
CREATE TABLE booking_seats (
    show_id uuid NOT NULL,
    seat integer NOT NULL CHECK (seat >= 0),
    partition integer NOT NULL,
    booking_offset bigint NOT NULL,
    CONSTRAINT one_live_holder_per_seat PRIMARY KEY (show_id, seat)
);

CREATE TABLE blocked_seats (
    show_id uuid NOT NULL,
    seat integer NOT NULL CHECK (seat >= 0),
    PRIMARY KEY (show_id, seat)
);

CREATE TABLE blocked_quantities (
    show_id uuid NOT NULL,
    zone integer NOT NULL CHECK (zone BETWEEN 0 AND 65535),
    quantity bigint NOT NULL CHECK (quantity BETWEEN 0 AND 4294967295),
    PRIMARY KEY (show_id, zone)
);

CREATE TABLE projector_watermarks (
    partition integer PRIMARY KEY CHECK (partition BETWEEN 0 AND 65535),
    next_offset bigint NOT NULL CHECK (next_offset >= 0),
    last_outcome bigint CHECK (last_outcome >= 0 AND last_outcome < next_offset),
    log_time_ms bigint NOT NULL CHECK (log_time_ms >= 0)
);

CREATE TABLE snapshots (
    partition integer PRIMARY KEY CHECK (partition BETWEEN 0 AND 65535),
    next_offset bigint NOT NULL CHECK (next_offset >= 0),
    log_time_ms bigint NOT NULL CHECK (log_time_ms >= 0),
    size_bytes bigint NOT NULL CHECK (size_bytes >= 0),
    created_at_ms bigint NOT NULL CHECK (created_at_ms >= 0),
    object bytea NOT NULL
);
-- An image does not compress twice.
ALTER TABLE snapshots ALTER COLUMN object SET STORAGE EXTERNAL;
