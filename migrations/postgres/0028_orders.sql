-- Bookings of machine version 3 that are not plain: several zones, ticket types, a code, fees, tax.

-- The path of the function below, see 0015.
SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', false);

-- The CHECK that goes has no name of its own, so it is found by what it says.
DO $checks$
DECLARE
    found name;
BEGIN
    FOR found IN SELECT conname FROM pg_constraint WHERE conrelid = 'bookings'::regclass AND contype = 'c'
        AND pg_get_constraintdef(oid) LIKE '%cardinality(seats)%'
    LOOP
        EXECUTE format('ALTER TABLE bookings DROP CONSTRAINT %I', found);
    END LOOP;
END
$checks$;

-- zone, unit_price: of an order those of its first line. seats: in the order of its lines. quantity: all its places,
-- of whatever zone, and 0 when the last ones were returned one by one.
ALTER TABLE bookings
    ADD COLUMN order_lines jsonb,
    ADD COLUMN order_fee bigint,
    ADD COLUMN order_fee_tax bigint,
    ADD COLUMN order_total bigint,
    ADD COLUMN order_tax bigint,
    ADD COLUMN order_code uuid;
COMMENT ON COLUMN bookings.order_lines IS 'NULL for a plain booking: one zone, one price. Otherwise what its lines '
    'have left, each with zone, ticket_type, seats, quantity, rule (zone, type, phase), phase, list_price, bundle, '
    'bundle_off, code_off, unit_price, unit_fee and unit_tax; amounts are for one place.';
COMMENT ON COLUMN bookings.order_total IS 'Of all lines and the order fee.';
COMMENT ON COLUMN bookings.order_code IS 'The keyed hash of the code that it was reserved with.';
-- Not looked for in rows that are there: they are all plain, and the CHECKs before were stricter.
ALTER TABLE bookings
    DROP CONSTRAINT bookings_quantity_check,
    ADD CONSTRAINT bookings_quantity_check CHECK (quantity > 0 OR quantity = 0 AND status = 'cancelled') NOT VALID,
    -- Places of an order may be seats and general admission.
    ADD CONSTRAINT bookings_seats_check
        CHECK (order_lines IS NOT NULL OR cardinality(seats) IN (0, quantity)) NOT VALID,
    ADD CONSTRAINT bookings_seats_within_check CHECK (cardinality(seats) <= quantity) NOT VALID,
    ADD CONSTRAINT bookings_order_lines_check CHECK (jsonb_typeof(order_lines) = 'array') NOT VALID,
    ADD CONSTRAINT bookings_order_check CHECK
        (num_nulls(order_lines, order_fee, order_fee_tax, order_total, order_tax) IN (0, 5)) NOT VALID,
    ADD CONSTRAINT bookings_order_amounts_check
        CHECK (least(order_fee, order_fee_tax, order_total, order_tax) >= 0) NOT VALID,
    ADD CONSTRAINT bookings_order_code_check CHECK (order_code IS NULL OR order_lines IS NOT NULL) NOT VALID;

-- What quotes and orders ask of a show that is sold by the thousands: how many places a price phase has given, and
-- how often a code is in use. As with booking_seats a row stands only while its booking is live. The triggers keep
-- them; where rows were deleted by hand, this writes them again:
--   UPDATE bookings SET order_lines = order_lines WHERE order_lines IS NOT NULL
CREATE TABLE order_phases (
    partition integer NOT NULL,
    booking_offset bigint NOT NULL,
    phase smallint NOT NULL CHECK (phase BETWEEN 0 AND 255),
    show_id uuid NOT NULL,
    places bigint NOT NULL CHECK (places > 0),
    PRIMARY KEY (partition, booking_offset, phase)
);
CREATE INDEX order_phases_by_show ON order_phases (show_id, phase) INCLUDE (places);

CREATE TABLE order_codes (
    partition integer NOT NULL,
    booking_offset bigint NOT NULL,
    show_id uuid NOT NULL,
    code uuid NOT NULL,
    PRIMARY KEY (partition, booking_offset)
);
CREATE INDEX order_codes_by_show ON order_codes (show_id, code);

CREATE OR REPLACE FUNCTION onsale_count_order() RETURNS trigger LANGUAGE plpgsql
SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        DELETE FROM order_phases AS p
            WHERE p.partition = OLD.partition AND p.booking_offset = OLD.booking_offset;
        DELETE FROM order_codes AS c
            WHERE c.partition = OLD.partition AND c.booking_offset = OLD.booking_offset;
    END IF;
    IF TG_OP <> 'DELETE' AND NEW.status IN ('reserved', 'confirmed') THEN
        INSERT INTO order_phases (partition, booking_offset, phase, show_id, places)
            SELECT NEW.partition, NEW.booking_offset, CAST(line ->> 'phase' AS smallint), NEW.show_id,
                SUM(CAST(line ->> 'quantity' AS bigint))
            FROM jsonb_array_elements(NEW.order_lines) AS line WHERE line ->> 'phase' IS NOT NULL
            GROUP BY CAST(line ->> 'phase' AS smallint) HAVING SUM(CAST(line ->> 'quantity' AS bigint)) > 0
            ON CONFLICT (partition, booking_offset, phase) DO UPDATE SET
                show_id = excluded.show_id, places = excluded.places;
        INSERT INTO order_codes (partition, booking_offset, show_id, code)
            SELECT NEW.partition, NEW.booking_offset, NEW.show_id, NEW.order_code WHERE NEW.order_code IS NOT NULL
            ON CONFLICT (partition, booking_offset) DO UPDATE SET
                show_id = excluded.show_id, code = excluded.code;
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER orders_are_counted AFTER INSERT ON bookings
    FOR EACH ROW WHEN (NEW.order_lines IS NOT NULL) EXECUTE FUNCTION onsale_count_order();
CREATE TRIGGER orders_are_counted_again AFTER UPDATE OF show_id, status, order_lines, order_code ON bookings
    FOR EACH ROW WHEN (OLD.order_lines IS NOT NULL OR NEW.order_lines IS NOT NULL)
    EXECUTE FUNCTION onsale_count_order();
CREATE TRIGGER orders_are_counted_no_more AFTER DELETE ON bookings
    FOR EACH ROW WHEN (OLD.order_lines IS NOT NULL) EXECUTE FUNCTION onsale_count_order();

-- As seats that are taken: counts, seen by all who see the show. A row of order_codes says nothing of who uses it.
SELECT onsale_isolate('order_phases', 'false', seen => 'onsale_sees_show(show_id)');
SELECT onsale_isolate('order_codes', 'false', seen => 'onsale_sees_show(show_id)');

CREATE OR REPLACE VIEW readable_bookings AS
SELECT
    booking_id,
    status,
    show_id,
    zone,
    seats,
    quantity,
    unit_price,
    currency,
    user_id,
    to_timestamp(reserved_at_ms / 1000.0) AS reserved_at,
    to_timestamp(expires_at_ms / 1000.0) AS expires_at,
    to_timestamp(confirmed_at_ms / 1000.0) AS confirmed_at,
    to_timestamp(ended_at_ms / 1000.0) AS ended_at,
    payment_reference,
    partition,
    booking_offset,
    updated_offset,
    order_lines,
    order_total,
    order_tax
FROM bookings;
