-- Room in the pages of rows that are updated all the time, so that updates stay within a page (HOT).
DROP TABLE IF EXISTS zones, user_tickets, bookings, tickets;
CREATE TABLE zones (
    zone_id uuid PRIMARY KEY,
    capacity integer NOT NULL,
    available integer NOT NULL CHECK (available >= 0),
    version bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 10);
CREATE TABLE user_tickets (
    show_id uuid NOT NULL,
    user_id uuid NOT NULL,
    tickets integer NOT NULL,
    PRIMARY KEY (show_id, user_id)
) WITH (fillfactor = 50);
CREATE TABLE bookings (
    booking_id uuid PRIMARY KEY,
    show_id uuid NOT NULL,
    zone_id uuid NOT NULL,
    user_id uuid NOT NULL,
    quantity integer NOT NULL,
    status smallint NOT NULL DEFAULT 0,
    expires_at timestamptz NOT NULL
);
-- One row per ticket, for SKIP LOCKED.
CREATE TABLE tickets (
    zone_id uuid NOT NULL,
    ticket integer NOT NULL,
    booking_id uuid
) WITH (fillfactor = 50);
CREATE INDEX tickets_free ON tickets (zone_id) WHERE booking_id IS NULL;

-- The contended row is taken last, so that it is locked for the shortest time.
CREATE OR REPLACE FUNCTION reserve(
    p_booking uuid, p_show uuid, p_zone uuid, p_user uuid, p_quantity integer, p_limit integer,
    p_expires_at_ms bigint
) RETURNS integer LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO user_tickets AS t VALUES (p_show, p_user, p_quantity)
        ON CONFLICT (show_id, user_id) DO UPDATE SET tickets = t.tickets + p_quantity
        WHERE t.tickets + p_quantity <= p_limit;
    IF NOT FOUND THEN
        RETURN 2;
    END IF;
    INSERT INTO bookings (booking_id, show_id, zone_id, user_id, quantity, expires_at)
        VALUES (p_booking, p_show, p_zone, p_user, p_quantity,
                to_timestamp(p_expires_at_ms / 1000.0));
    UPDATE zones SET available = available - p_quantity
        WHERE zone_id = p_zone AND available >= p_quantity;
    IF NOT FOUND THEN
        -- Takes the two rows above back.
        RAISE EXCEPTION 'sold out' USING ERRCODE = 'ON001';
    END IF;
    RETURN 0;
END $$;

CREATE OR REPLACE FUNCTION reserve_skip_locked(
    p_booking uuid, p_show uuid, p_zone uuid, p_user uuid, p_quantity integer, p_limit integer,
    p_expires_at_ms bigint
) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    taken integer;
BEGIN
    INSERT INTO user_tickets AS t VALUES (p_show, p_user, p_quantity)
        ON CONFLICT (show_id, user_id) DO UPDATE SET tickets = t.tickets + p_quantity
        WHERE t.tickets + p_quantity <= p_limit;
    IF NOT FOUND THEN
        RETURN 2;
    END IF;
    UPDATE tickets SET booking_id = p_booking WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM tickets WHERE zone_id = p_zone AND booking_id IS NULL
        LIMIT p_quantity FOR UPDATE SKIP LOCKED));
    GET DIAGNOSTICS taken = ROW_COUNT;
    IF taken < p_quantity THEN
        RAISE EXCEPTION 'sold out' USING ERRCODE = 'ON001';
    END IF;
    INSERT INTO bookings (booking_id, show_id, zone_id, user_id, quantity, expires_at)
        VALUES (p_booking, p_show, p_zone, p_user, p_quantity,
                to_timestamp(p_expires_at_ms / 1000.0));
    RETURN 0;
END $$;
