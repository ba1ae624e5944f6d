-- Bookings of machine version 3 that are not plain: several zones, ticket types, a code, fees, tax.
--
-- SQLite cannot change a CHECK, so the table is made anew. Nothing refers to it: no key of another table, no view and no
-- trigger. Columns are in the order that they had, new ones at the end.
ALTER TABLE bookings RENAME TO bookings_before;
CREATE TABLE bookings (
    partition INTEGER NOT NULL CHECK (partition BETWEEN 0 AND 65535),
    booking_offset INTEGER NOT NULL CHECK (booking_offset >= 0),
    -- Derived from partition and offset; look-ups decode it and use the primary key.
    booking_id BLOB NOT NULL CHECK (length(booking_id) = 16),
    request_id BLOB CHECK (length(request_id) = 16),
    event_id BLOB NOT NULL CHECK (length(event_id) = 16),
    show_id BLOB NOT NULL CHECK (length(show_id) = 16),
    user_id BLOB NOT NULL CHECK (length(user_id) = 16),
    -- Of an order those of its first line, and so is unit_price.
    zone INTEGER NOT NULL CHECK (zone BETWEEN 0 AND 65535),
    -- A JSON array of seat indexes; those of an order in the order of its lines.
    seats TEXT NOT NULL,
    -- All places of an order, of whatever zone. 0 when the last ones were returned one by one.
    quantity INTEGER NOT NULL CHECK (quantity > 0 OR quantity = 0 AND status = 'cancelled'),
    unit_price INTEGER NOT NULL CHECK (unit_price >= 0),
    currency TEXT NOT NULL CHECK (length(currency) = 3),
    status TEXT NOT NULL CHECK (status IN ('reserved', 'confirmed', 'cancelled', 'expired')),
    reserved_at_ms INTEGER NOT NULL CHECK (reserved_at_ms >= 0),
    expires_at_ms INTEGER NOT NULL CHECK (expires_at_ms >= 0),
    confirmed_at_ms INTEGER CHECK (confirmed_at_ms >= 0),
    ended_at_ms INTEGER CHECK (ended_at_ms >= 0),
    payment_reference TEXT,
    updated_offset INTEGER NOT NULL CHECK (updated_offset >= booking_offset),
    -- NULL for a plain booking: one zone, one price. Otherwise a JSON array of what its lines have left, each with
    -- zone, ticket_type, seats, quantity, rule (zone, type, phase), phase, list_price, bundle, bundle_off, code_off,
    -- unit_price, unit_fee and unit_tax; amounts are for one place.
    order_lines TEXT CHECK (json_type(order_lines) = 'array'),
    order_fee INTEGER CHECK (order_fee >= 0),
    order_fee_tax INTEGER CHECK (order_fee_tax >= 0),
    -- Of all lines and the order fee.
    order_total INTEGER CHECK (order_total >= 0),
    order_tax INTEGER CHECK (order_tax >= 0),
    -- The keyed hash of the code that it was reserved with.
    order_code BLOB CHECK (length(order_code) = 16),
    PRIMARY KEY (partition, booking_offset),
    -- Places of an order may be seats and general admission.
    CHECK (order_lines IS NOT NULL OR json_array_length(seats) IN (0, quantity)),
    CHECK (json_array_length(seats) <= quantity),
    CHECK ((status IN ('cancelled', 'expired')) = (ended_at_ms IS NOT NULL)),
    CHECK (status <> 'confirmed' OR confirmed_at_ms IS NOT NULL),
    CHECK ((order_lines IS NULL) + (order_fee IS NULL) + (order_fee_tax IS NULL) + (order_total IS NULL)
        + (order_tax IS NULL) IN (0, 5)),
    CHECK (order_code IS NULL OR order_lines IS NOT NULL)
) STRICT, WITHOUT ROWID;
INSERT INTO bookings (partition, booking_offset, booking_id, request_id, event_id, show_id, user_id, zone, seats,
    quantity, unit_price, currency, status, reserved_at_ms, expires_at_ms, confirmed_at_ms, ended_at_ms,
    payment_reference, updated_offset)
SELECT partition, booking_offset, booking_id, request_id, event_id, show_id, user_id, zone, seats,
    quantity, unit_price, currency, status, reserved_at_ms, expires_at_ms, confirmed_at_ms, ended_at_ms,
    payment_reference, updated_offset FROM bookings_before;
-- With its indexes.
DROP TABLE bookings_before;
CREATE INDEX bookings_by_user ON bookings (user_id, reserved_at_ms, booking_id);
CREATE INDEX bookings_by_request ON bookings (request_id) WHERE request_id IS NOT NULL;
CREATE INDEX bookings_by_show ON bookings (show_id);

-- What quotes and orders ask of a show that is sold by the thousands: how many places a price phase has given, and
-- how often a code is in use. As with booking_seats a row stands only while its booking is live. The triggers keep
-- them; where rows were deleted by hand, this writes them again:
--   UPDATE bookings SET order_lines = order_lines WHERE order_lines IS NOT NULL
CREATE TABLE order_phases (
    partition INTEGER NOT NULL,
    booking_offset INTEGER NOT NULL,
    phase INTEGER NOT NULL CHECK (phase BETWEEN 0 AND 255),
    show_id BLOB NOT NULL CHECK (length(show_id) = 16),
    places INTEGER NOT NULL CHECK (places > 0),
    PRIMARY KEY (partition, booking_offset, phase)
) STRICT, WITHOUT ROWID;
CREATE INDEX order_phases_by_show ON order_phases (show_id, phase, places);

CREATE TABLE order_codes (
    partition INTEGER NOT NULL,
    booking_offset INTEGER NOT NULL,
    show_id BLOB NOT NULL CHECK (length(show_id) = 16),
    code BLOB NOT NULL CHECK (length(code) = 16),
    PRIMARY KEY (partition, booking_offset)
) STRICT, WITHOUT ROWID;
CREATE INDEX order_codes_by_show ON order_codes (show_id, code);

CREATE TRIGGER orders_are_counted AFTER INSERT ON bookings
WHEN NEW.order_lines IS NOT NULL AND NEW.status IN ('reserved', 'confirmed')
BEGIN
    INSERT OR REPLACE INTO order_phases (partition, booking_offset, phase, show_id, places)
        SELECT NEW.partition, NEW.booking_offset, line.value ->> 'phase', NEW.show_id, SUM(line.value ->> 'quantity')
        FROM json_each(NEW.order_lines) AS line WHERE line.value ->> 'phase' IS NOT NULL
        GROUP BY line.value ->> 'phase' HAVING SUM(line.value ->> 'quantity') > 0;
    INSERT OR REPLACE INTO order_codes (partition, booking_offset, show_id, code)
        SELECT NEW.partition, NEW.booking_offset, NEW.show_id, NEW.order_code WHERE NEW.order_code IS NOT NULL;
END;
CREATE TRIGGER orders_are_counted_again AFTER UPDATE OF show_id, status, order_lines, order_code ON bookings
WHEN OLD.order_lines IS NOT NULL OR NEW.order_lines IS NOT NULL
BEGIN
    DELETE FROM order_phases WHERE partition = OLD.partition AND booking_offset = OLD.booking_offset;
    DELETE FROM order_codes WHERE partition = OLD.partition AND booking_offset = OLD.booking_offset;
    INSERT OR REPLACE INTO order_phases (partition, booking_offset, phase, show_id, places)
        SELECT NEW.partition, NEW.booking_offset, line.value ->> 'phase', NEW.show_id, SUM(line.value ->> 'quantity')
        FROM json_each(NEW.order_lines) AS line
        WHERE line.value ->> 'phase' IS NOT NULL AND NEW.status IN ('reserved', 'confirmed')
        GROUP BY line.value ->> 'phase' HAVING SUM(line.value ->> 'quantity') > 0;
    INSERT OR REPLACE INTO order_codes (partition, booking_offset, show_id, code)
        SELECT NEW.partition, NEW.booking_offset, NEW.show_id, NEW.order_code
        WHERE NEW.order_code IS NOT NULL AND NEW.status IN ('reserved', 'confirmed');
END;
CREATE TRIGGER orders_are_counted_no_more AFTER DELETE ON bookings
WHEN OLD.order_lines IS NOT NULL
BEGIN
    DELETE FROM order_phases WHERE partition = OLD.partition AND booking_offset = OLD.booking_offset;
    DELETE FROM order_codes WHERE partition = OLD.partition AND booking_offset = OLD.booking_offset;
END;
