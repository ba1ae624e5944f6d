-- For people with psql: times as times. The program reads the tables.

CREATE VIEW readable_bookings AS
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
    updated_offset
FROM bookings;

CREATE VIEW readable_shows AS
SELECT
    s.show_id,
    s.status,
    e.name AS event,
    s.name AS show,
    s.partition,
    to_timestamp(s.starts_at_ms / 1000.0) AS starts_at,
    to_timestamp(s.sale_opens_at_ms / 1000.0) AS sale_opens_at,
    to_timestamp(s.sale_closes_at_ms / 1000.0) AS sale_closes_at,
    s.hold_ms / 1000.0 AS hold_seconds
FROM shows AS s
JOIN events AS e USING (event_id);

CREATE VIEW readable_watermarks AS
SELECT partition, next_offset, last_outcome, to_timestamp(log_time_ms / 1000.0) AS log_time
FROM projector_watermarks;
