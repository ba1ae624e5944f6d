-- Payments and refunds: what was tried at a gateway, and what is known of it. The gateway decides what money has
-- moved, the log who has a place.

-- Within the path that 0016 says.
SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', false);

CREATE TABLE payments (
    -- The stem of its keys at the gateway and in the log.
    payment_id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL,
    event_id uuid NOT NULL,
    show_id uuid NOT NULL,
    booking_id uuid NOT NULL,
    -- Who pays.
    user_id uuid NOT NULL,
    -- Which payment of the booking it is.
    attempt integer NOT NULL CHECK (attempt > 0),
    -- In the smallest unit of the currency, as all amounts.
    amount bigint NOT NULL CHECK (amount >= 0),
    currency text NOT NULL CHECK (length(currency) = 3),
    method text NOT NULL CHECK (octet_length(method) BETWEEN 1 AND 64),
    gateway text NOT NULL CHECK (octet_length(gateway) BETWEEN 1 AND 32),
    state text NOT NULL CHECK (state IN ('pending', 'awaiting_buyer', 'processing', 'authorised', 'paid',
        'capturing', 'succeeded', 'cancelling', 'failed', 'timed_out', 'refunding', 'refunded', 'capture_failed',
        'needs_operator')),
    -- Counts its changes: one that expects another version changes nothing.
    version bigint NOT NULL CHECK (version > 0),
    -- What the gateway calls it.
    object text CHECK (octet_length(object) BETWEEN 1 AND 255),
    -- What the buyer has to do, as JSON.
    next_action text CHECK (next_action IS NULL OR octet_length(next_action) <= 8192 AND next_action::json IS NOT NULL),
    failure text CHECK (octet_length(failure) <= 500),
    captured bigint NOT NULL CHECK (captured >= 0),
    refunded bigint NOT NULL CHECK (refunded BETWEEN 0 AND captured),
    hold_ends_ms bigint NOT NULL CHECK (hold_ends_ms >= 0),
    extended_ms bigint NOT NULL CHECK (extended_ms >= 0),
    deadline_ms bigint NOT NULL CHECK (deadline_ms >= 0),
    tries bigint NOT NULL CHECK (tries BETWEEN 0 AND 4294967295),
    wake_at_ms bigint CHECK (wake_at_ms >= 0),
    -- NULL: the gateway has certainly never heard of it.
    asked_at_ms bigint CHECK (asked_at_ms >= 0),
    cancel_asked_at_ms bigint CHECK (cancel_asked_at_ms >= 0),
    created_at_ms bigint NOT NULL CHECK (created_at_ms >= 0),
    updated_at_ms bigint NOT NULL CHECK (updated_at_ms >= 0),
    UNIQUE (booking_id, attempt)
) WITH (fillfactor = 85);
-- Nobody pays twice for one booking.
CREATE UNIQUE INDEX one_live_payment_per_booking ON payments (booking_id)
    WHERE state NOT IN ('failed', 'timed_out', 'refunding', 'refunded', 'capture_failed');
CREATE INDEX payments_by_tenant ON payments (tenant_id, created_at_ms, payment_id);
CREATE INDEX payments_by_user ON payments (user_id, created_at_ms, payment_id);
CREATE INDEX payments_by_show ON payments (show_id);
CREATE INDEX payments_by_object ON payments (object) WHERE object IS NOT NULL;
CREATE INDEX payments_unended ON payments ((coalesce(wake_at_ms, updated_at_ms)), payment_id)
    WHERE state NOT IN ('succeeded', 'failed', 'timed_out', 'refunded');

-- What became of a payment, version by version.
CREATE TABLE payment_moves (
    payment_id uuid NOT NULL,
    version bigint NOT NULL CHECK (version > 0),
    tenant_id uuid NOT NULL,
    at_ms bigint NOT NULL CHECK (at_ms >= 0),
    -- NULL: it was opened.
    state_before text CHECK (state_before <> ''),
    state text NOT NULL CHECK (state <> ''),
    captured bigint NOT NULL CHECK (captured >= 0),
    refunded bigint NOT NULL CHECK (refunded >= 0),
    failure text CHECK (octet_length(failure) <= 500),
    -- For operators, and without what people have said.
    reason text NOT NULL CHECK (octet_length(reason) <= 500),
    -- What became known to others.
    event text CHECK (octet_length(event) BETWEEN 1 AND 64),
    PRIMARY KEY (payment_id, version)
);
CREATE INDEX payment_moves_by_tenant ON payment_moves (tenant_id);

CREATE TABLE refunds (
    -- The stem of its keys in the log; at the gateway that is the payment's, with the number.
    refund_id uuid PRIMARY KEY,
    payment_id uuid NOT NULL,
    number integer NOT NULL CHECK (number > 0),
    tenant_id uuid NOT NULL,
    -- What goes back on sale, as JSON.
    returns text NOT NULL CHECK (octet_length(returns) <= 65536 AND returns::json IS NOT NULL),
    amount bigint NOT NULL CHECK (amount >= 0),
    compensation bigint NOT NULL CHECK (compensation >= 0),
    rule text NOT NULL CHECK (octet_length(rule) BETWEEN 1 AND 64),
    -- What the one who asked has said. It goes when that person is erased.
    reason text CHECK (octet_length(reason) <= 500),
    state text NOT NULL CHECK (state IN
        ('requested', 'approved', 'processing', 'done', 'refused', 'needs_operator')),
    version bigint NOT NULL CHECK (version > 0),
    object text CHECK (octet_length(object) BETWEEN 1 AND 255),
    failure text CHECK (octet_length(failure) <= 500),
    tries bigint NOT NULL CHECK (tries BETWEEN 0 AND 4294967295),
    wake_at_ms bigint CHECK (wake_at_ms >= 0),
    asked_by uuid,
    created_at_ms bigint NOT NULL CHECK (created_at_ms >= 0),
    updated_at_ms bigint NOT NULL CHECK (updated_at_ms >= 0),
    UNIQUE (payment_id, number)
) WITH (fillfactor = 85);
CREATE INDEX refunds_by_tenant ON refunds (tenant_id, created_at_ms, refund_id);
CREATE INDEX refunds_by_asker ON refunds (asked_by) WHERE asked_by IS NOT NULL;
CREATE INDEX refunds_by_object ON refunds (object) WHERE object IS NOT NULL;
CREATE INDEX refunds_unended ON refunds ((coalesce(wake_at_ms, updated_at_ms)), refund_id)
    WHERE state NOT IN ('done', 'refused');

-- What became of a refund, version by version.
CREATE TABLE refund_moves (
    refund_id uuid NOT NULL,
    version bigint NOT NULL CHECK (version > 0),
    payment_id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    at_ms bigint NOT NULL CHECK (at_ms >= 0),
    state_before text CHECK (state_before <> ''),
    state text NOT NULL CHECK (state <> ''),
    amount bigint NOT NULL CHECK (amount >= 0),
    failure text CHECK (octet_length(failure) <= 500),
    reason text NOT NULL CHECK (octet_length(reason) <= 500),
    event text CHECK (octet_length(event) BETWEEN 1 AND 64),
    PRIMARY KEY (refund_id, version)
);
CREATE INDEX refund_moves_by_payment ON refund_moves (payment_id);
CREATE INDEX refund_moves_by_tenant ON refund_moves (tenant_id);

-- A payment goes with the bookings of its show, once retention has retired these, and what belongs to it goes with it.
CREATE OR REPLACE FUNCTION payments_are_kept() RETURNS trigger LANGUAGE plpgsql
SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_OP = 'DELETE' AND TG_LEVEL = 'ROW' AND EXISTS (SELECT 1 FROM retired_shows AS r
        WHERE r.show_id = OLD.show_id AND OLD.updated_at_ms < r.before_ms)
    THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'payments are kept as long as the bookings of their show';
END
$$;
CREATE TRIGGER payments_are_kept BEFORE DELETE ON payments
    FOR EACH ROW EXECUTE FUNCTION payments_are_kept();
CREATE TRIGGER payments_are_never_truncated BEFORE TRUNCATE ON payments
    FOR EACH STATEMENT EXECUTE FUNCTION payments_are_kept();

CREATE OR REPLACE FUNCTION payment_history_is_kept() RETURNS trigger LANGUAGE plpgsql
SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_OP = 'DELETE' AND TG_LEVEL = 'ROW'
        AND NOT EXISTS (SELECT 1 FROM payments AS p WHERE p.payment_id = OLD.payment_id)
    THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME;
END
$$;
CREATE TRIGGER payment_moves_are_append_only BEFORE UPDATE OR DELETE ON payment_moves
    FOR EACH ROW EXECUTE FUNCTION payment_history_is_kept();
CREATE TRIGGER payment_moves_are_never_truncated BEFORE TRUNCATE ON payment_moves
    FOR EACH STATEMENT EXECUTE FUNCTION payment_history_is_kept();
CREATE TRIGGER refunds_are_kept BEFORE DELETE ON refunds
    FOR EACH ROW EXECUTE FUNCTION payment_history_is_kept();
CREATE TRIGGER refunds_are_never_truncated BEFORE TRUNCATE ON refunds
    FOR EACH STATEMENT EXECUTE FUNCTION payment_history_is_kept();
CREATE TRIGGER refund_moves_are_append_only BEFORE UPDATE OR DELETE ON refund_moves
    FOR EACH ROW EXECUTE FUNCTION payment_history_is_kept();
CREATE TRIGGER refund_moves_are_never_truncated BEFORE TRUNCATE ON refund_moves
    FOR EACH STATEMENT EXECUTE FUNCTION payment_history_is_kept();

-- No caller changes them: what happens to money is the program's doing. A payment is seen by who pays, by who sells
-- and by who has taken its guest over; its refunds with it.
SELECT onsale_isolate('payments', 'false', seen =>
    'user_id = (SELECT onsale_user()) OR tenant_id = (SELECT onsale_tenant()) OR onsale_owns_guest(user_id)');
SELECT onsale_isolate('payment_moves', 'false', seen => 'tenant_id = (SELECT onsale_tenant())');
SELECT onsale_isolate('refunds', 'false', seen =>
    'tenant_id = (SELECT onsale_tenant()) OR EXISTS (SELECT 1 FROM payments p WHERE p.payment_id = refunds.payment_id)');
SELECT onsale_isolate('refund_moves', 'false', seen => 'tenant_id = (SELECT onsale_tenant())');
