-- What gateways say by themselves, and what banks take back.

-- The inbox: a notice lies here by its id before the gateway hears that it was received, so a repeat is known. Its body
-- is not kept: it may name people, and what is acted on is what the gateway says when it is asked.
CREATE TABLE gateway_notices (
    gateway TEXT NOT NULL CHECK (octet_length(gateway) BETWEEN 1 AND 32),
    event_id TEXT NOT NULL CHECK (octet_length(event_id) BETWEEN 1 AND 160),
    kind TEXT NOT NULL CHECK (octet_length(kind) BETWEEN 1 AND 200),
    -- What it is about, as far as it says.
    object TEXT CHECK (octet_length(object) BETWEEN 1 AND 255),
    payment_id BLOB CHECK (length(payment_id) = 16),
    refund_object TEXT CHECK (octet_length(refund_object) BETWEEN 1 AND 255),
    dispute_object TEXT CHECK (octet_length(dispute_object) BETWEEN 1 AND 255),
    happened_at_ms INTEGER NOT NULL CHECK (happened_at_ms >= 0),
    received_at_ms INTEGER NOT NULL CHECK (received_at_ms >= 0),
    handled_at_ms INTEGER CHECK (handled_at_ms >= 0),
    outcome TEXT CHECK (octet_length(outcome) <= 500),
    PRIMARY KEY (gateway, event_id),
    CHECK ((handled_at_ms IS NULL) = (outcome IS NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX gateway_notices_by_age ON gateway_notices (received_at_ms) WHERE handled_at_ms IS NOT NULL;
CREATE INDEX gateway_notices_unhandled ON gateway_notices (received_at_ms) WHERE handled_at_ms IS NULL;
CREATE INDEX gateway_notices_by_payment ON gateway_notices (payment_id) WHERE payment_id IS NOT NULL;

CREATE TABLE disputes (
    gateway TEXT NOT NULL CHECK (octet_length(gateway) BETWEEN 1 AND 32),
    -- What the gateway calls it.
    object TEXT NOT NULL CHECK (octet_length(object) BETWEEN 1 AND 255),
    payment_id BLOB NOT NULL CHECK (length(payment_id) = 16),
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    amount INTEGER NOT NULL CHECK (amount >= 0),
    currency TEXT NOT NULL CHECK (length(currency) = 3),
    state TEXT NOT NULL CHECK (state IN ('open', 'won', 'lost')),
    -- Why, in the gateway's word.
    reason TEXT NOT NULL CHECK (octet_length(reason) <= 64),
    -- Until when an answer is expected.
    due_at_ms INTEGER CHECK (due_at_ms >= 0),
    opened_at_ms INTEGER NOT NULL CHECK (opened_at_ms >= 0),
    updated_at_ms INTEGER NOT NULL CHECK (updated_at_ms >= 0),
    PRIMARY KEY (gateway, object)
) STRICT, WITHOUT ROWID;
CREATE INDEX disputes_by_payment ON disputes (payment_id);
CREATE INDEX disputes_by_tenant ON disputes (tenant_id, opened_at_ms, payment_id);

-- As refunds are, see 0039.
CREATE TRIGGER disputes_are_kept BEFORE DELETE ON disputes
WHEN EXISTS (SELECT 1 FROM payments AS p WHERE p.payment_id = OLD.payment_id)
BEGIN
    SELECT RAISE(ABORT, 'disputes are kept as long as their payment');
END;
