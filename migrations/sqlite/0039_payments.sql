-- Payments and refunds: what was tried at a gateway, and what is known of it. The gateway decides what money has
-- moved, the log who has a place.

CREATE TABLE payments (
    -- The stem of its keys at the gateway and in the log.
    payment_id BLOB NOT NULL PRIMARY KEY CHECK (length(payment_id) = 16),
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    event_id BLOB NOT NULL CHECK (length(event_id) = 16),
    show_id BLOB NOT NULL CHECK (length(show_id) = 16),
    booking_id BLOB NOT NULL CHECK (length(booking_id) = 16),
    -- Who pays.
    user_id BLOB NOT NULL CHECK (length(user_id) = 16),
    -- Which payment of the booking it is.
    attempt INTEGER NOT NULL CHECK (attempt > 0),
    -- In the smallest unit of the currency, as all amounts.
    amount INTEGER NOT NULL CHECK (amount >= 0),
    currency TEXT NOT NULL CHECK (length(currency) = 3),
    method TEXT NOT NULL CHECK (octet_length(method) BETWEEN 1 AND 64),
    gateway TEXT NOT NULL CHECK (octet_length(gateway) BETWEEN 1 AND 32),
    state TEXT NOT NULL CHECK (state IN ('pending', 'awaiting_buyer', 'processing', 'authorised', 'paid',
        'capturing', 'succeeded', 'cancelling', 'failed', 'timed_out', 'refunding', 'refunded', 'capture_failed',
        'needs_operator')),
    -- Counts its changes: one that expects another version changes nothing.
    version INTEGER NOT NULL CHECK (version > 0),
    -- What the gateway calls it.
    object TEXT CHECK (octet_length(object) BETWEEN 1 AND 255),
    -- What the buyer has to do, as JSON.
    next_action TEXT CHECK (octet_length(next_action) <= 8192 AND json_valid(next_action)),
    failure TEXT CHECK (octet_length(failure) <= 500),
    captured INTEGER NOT NULL CHECK (captured >= 0),
    refunded INTEGER NOT NULL CHECK (refunded BETWEEN 0 AND captured),
    hold_ends_ms INTEGER NOT NULL CHECK (hold_ends_ms >= 0),
    extended_ms INTEGER NOT NULL CHECK (extended_ms >= 0),
    deadline_ms INTEGER NOT NULL CHECK (deadline_ms >= 0),
    tries INTEGER NOT NULL CHECK (tries BETWEEN 0 AND 4294967295),
    wake_at_ms INTEGER CHECK (wake_at_ms >= 0),
    -- NULL: the gateway has certainly never heard of it.
    asked_at_ms INTEGER CHECK (asked_at_ms >= 0),
    cancel_asked_at_ms INTEGER CHECK (cancel_asked_at_ms >= 0),
    created_at_ms INTEGER NOT NULL CHECK (created_at_ms >= 0),
    updated_at_ms INTEGER NOT NULL CHECK (updated_at_ms >= 0),
    UNIQUE (booking_id, attempt)
) STRICT, WITHOUT ROWID;
-- Nobody pays twice for one booking.
CREATE UNIQUE INDEX one_live_payment_per_booking ON payments (booking_id)
    WHERE state NOT IN ('failed', 'timed_out', 'refunding', 'refunded', 'capture_failed');
CREATE INDEX payments_by_tenant ON payments (tenant_id, created_at_ms, payment_id);
CREATE INDEX payments_by_user ON payments (user_id, created_at_ms, payment_id);
CREATE INDEX payments_by_show ON payments (show_id);
CREATE INDEX payments_by_object ON payments (object) WHERE object IS NOT NULL;
CREATE INDEX payments_unended ON payments (coalesce(wake_at_ms, updated_at_ms), payment_id)
    WHERE state NOT IN ('succeeded', 'failed', 'timed_out', 'refunded');

-- What became of a payment, version by version.
CREATE TABLE payment_moves (
    payment_id BLOB NOT NULL CHECK (length(payment_id) = 16),
    version INTEGER NOT NULL CHECK (version > 0),
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    at_ms INTEGER NOT NULL CHECK (at_ms >= 0),
    -- NULL: it was opened.
    state_before TEXT CHECK (state_before <> ''),
    state TEXT NOT NULL CHECK (state <> ''),
    captured INTEGER NOT NULL CHECK (captured >= 0),
    refunded INTEGER NOT NULL CHECK (refunded >= 0),
    failure TEXT CHECK (octet_length(failure) <= 500),
    -- For operators, and without what people have said.
    reason TEXT NOT NULL CHECK (octet_length(reason) <= 500),
    -- What became known to others.
    event TEXT CHECK (octet_length(event) BETWEEN 1 AND 64),
    PRIMARY KEY (payment_id, version)
) STRICT, WITHOUT ROWID;
CREATE INDEX payment_moves_by_tenant ON payment_moves (tenant_id);

CREATE TABLE refunds (
    -- The stem of its keys in the log; at the gateway that is the payment's, with the number.
    refund_id BLOB NOT NULL PRIMARY KEY CHECK (length(refund_id) = 16),
    payment_id BLOB NOT NULL CHECK (length(payment_id) = 16),
    number INTEGER NOT NULL CHECK (number > 0),
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    -- What goes back on sale, as JSON.
    returns TEXT NOT NULL CHECK (octet_length(returns) <= 65536 AND json_valid(returns)),
    amount INTEGER NOT NULL CHECK (amount >= 0),
    compensation INTEGER NOT NULL CHECK (compensation >= 0),
    rule TEXT NOT NULL CHECK (octet_length(rule) BETWEEN 1 AND 64),
    -- What the one who asked has said. It goes when that person is erased.
    reason TEXT CHECK (octet_length(reason) <= 500),
    state TEXT NOT NULL CHECK (state IN
        ('requested', 'approved', 'processing', 'done', 'refused', 'needs_operator')),
    version INTEGER NOT NULL CHECK (version > 0),
    object TEXT CHECK (octet_length(object) BETWEEN 1 AND 255),
    failure TEXT CHECK (octet_length(failure) <= 500),
    tries INTEGER NOT NULL CHECK (tries BETWEEN 0 AND 4294967295),
    wake_at_ms INTEGER CHECK (wake_at_ms >= 0),
    asked_by BLOB CHECK (length(asked_by) = 16),
    created_at_ms INTEGER NOT NULL CHECK (created_at_ms >= 0),
    updated_at_ms INTEGER NOT NULL CHECK (updated_at_ms >= 0),
    UNIQUE (payment_id, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX refunds_by_tenant ON refunds (tenant_id, created_at_ms, refund_id);
CREATE INDEX refunds_by_asker ON refunds (asked_by) WHERE asked_by IS NOT NULL;
CREATE INDEX refunds_by_object ON refunds (object) WHERE object IS NOT NULL;
CREATE INDEX refunds_unended ON refunds (coalesce(wake_at_ms, updated_at_ms), refund_id)
    WHERE state NOT IN ('done', 'refused');

-- What became of a refund, version by version.
CREATE TABLE refund_moves (
    refund_id BLOB NOT NULL CHECK (length(refund_id) = 16),
    version INTEGER NOT NULL CHECK (version > 0),
    payment_id BLOB NOT NULL CHECK (length(payment_id) = 16),
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    at_ms INTEGER NOT NULL CHECK (at_ms >= 0),
    state_before TEXT CHECK (state_before <> ''),
    state TEXT NOT NULL CHECK (state <> ''),
    amount INTEGER NOT NULL CHECK (amount >= 0),
    failure TEXT CHECK (octet_length(failure) <= 500),
    reason TEXT NOT NULL CHECK (octet_length(reason) <= 500),
    event TEXT CHECK (octet_length(event) BETWEEN 1 AND 64),
    PRIMARY KEY (refund_id, version)
) STRICT, WITHOUT ROWID;
CREATE INDEX refund_moves_by_payment ON refund_moves (payment_id);
CREATE INDEX refund_moves_by_tenant ON refund_moves (tenant_id);

-- A payment goes with the bookings of its show, once retention has retired these, and what belongs to it goes with it.
CREATE TRIGGER payments_are_kept BEFORE DELETE ON payments
WHEN NOT EXISTS (SELECT 1 FROM retired_shows AS r
    WHERE r.show_id = OLD.show_id AND OLD.updated_at_ms < r.before_ms)
BEGIN
    SELECT RAISE(ABORT, 'payments are kept as long as the bookings of their show');
END;
CREATE TRIGGER payment_moves_are_never_updated BEFORE UPDATE ON payment_moves
BEGIN
    SELECT RAISE(ABORT, 'payment_moves is append-only');
END;
CREATE TRIGGER payment_moves_are_never_deleted BEFORE DELETE ON payment_moves
WHEN EXISTS (SELECT 1 FROM payments AS p WHERE p.payment_id = OLD.payment_id)
BEGIN
    SELECT RAISE(ABORT, 'payment_moves is append-only');
END;
-- INSERT OR REPLACE would delete the row that is there without the trigger above.
CREATE TRIGGER payment_moves_are_never_replaced BEFORE INSERT ON payment_moves
WHEN EXISTS (SELECT 1 FROM payment_moves AS m
    WHERE m.payment_id = NEW.payment_id AND m.version = NEW.version)
BEGIN
    SELECT RAISE(ABORT, 'payment_moves is append-only');
END;
CREATE TRIGGER refunds_are_kept BEFORE DELETE ON refunds
WHEN EXISTS (SELECT 1 FROM payments AS p WHERE p.payment_id = OLD.payment_id)
BEGIN
    SELECT RAISE(ABORT, 'refunds are kept as long as their payment');
END;
CREATE TRIGGER refund_moves_are_never_updated BEFORE UPDATE ON refund_moves
BEGIN
    SELECT RAISE(ABORT, 'refund_moves is append-only');
END;
CREATE TRIGGER refund_moves_are_never_deleted BEFORE DELETE ON refund_moves
WHEN EXISTS (SELECT 1 FROM payments AS p WHERE p.payment_id = OLD.payment_id)
BEGIN
    SELECT RAISE(ABORT, 'refund_moves is append-only');
END;
CREATE TRIGGER refund_moves_are_never_replaced BEFORE INSERT ON refund_moves
WHEN EXISTS (SELECT 1 FROM refund_moves AS m
    WHERE m.refund_id = NEW.refund_id AND m.version = NEW.version)
BEGIN
    SELECT RAISE(ABORT, 'refund_moves is append-only');
END;
