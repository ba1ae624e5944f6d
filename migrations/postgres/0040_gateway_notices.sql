-- What gateways say by themselves, and what banks take back.

-- The inbox: a notice lies here by its id before the gateway hears that it was received, so a repeat is known. Its body
-- is not kept: it may name people, and what is acted on is what the gateway says when it is asked.
CREATE TABLE gateway_notices (
    gateway text NOT NULL CHECK (octet_length(gateway) BETWEEN 1 AND 32),
    event_id text NOT NULL CHECK (octet_length(event_id) BETWEEN 1 AND 160),
    kind text NOT NULL CHECK (octet_length(kind) BETWEEN 1 AND 200),
    -- What it is about, as far as it says.
    object text CHECK (octet_length(object) BETWEEN 1 AND 255),
    payment_id uuid,
    refund_object text CHECK (octet_length(refund_object) BETWEEN 1 AND 255),
    dispute_object text CHECK (octet_length(dispute_object) BETWEEN 1 AND 255),
    happened_at_ms bigint NOT NULL CHECK (happened_at_ms >= 0),
    received_at_ms bigint NOT NULL CHECK (received_at_ms >= 0),
    handled_at_ms bigint CHECK (handled_at_ms >= 0),
    outcome text CHECK (octet_length(outcome) <= 500),
    PRIMARY KEY (gateway, event_id),
    CHECK ((handled_at_ms IS NULL) = (outcome IS NULL))
);
CREATE INDEX gateway_notices_by_age ON gateway_notices (received_at_ms) WHERE handled_at_ms IS NOT NULL;
CREATE INDEX gateway_notices_unhandled ON gateway_notices (received_at_ms) WHERE handled_at_ms IS NULL;
CREATE INDEX gateway_notices_by_payment ON gateway_notices (payment_id) WHERE payment_id IS NOT NULL;

CREATE TABLE disputes (
    gateway text NOT NULL CHECK (octet_length(gateway) BETWEEN 1 AND 32),
    -- What the gateway calls it.
    object text NOT NULL CHECK (octet_length(object) BETWEEN 1 AND 255),
    payment_id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    amount bigint NOT NULL CHECK (amount >= 0),
    currency text NOT NULL CHECK (length(currency) = 3),
    state text NOT NULL CHECK (state IN ('open', 'won', 'lost')),
    -- Why, in the gateway's word.
    reason text NOT NULL CHECK (octet_length(reason) <= 64),
    -- Until when an answer is expected.
    due_at_ms bigint CHECK (due_at_ms >= 0),
    opened_at_ms bigint NOT NULL CHECK (opened_at_ms >= 0),
    updated_at_ms bigint NOT NULL CHECK (updated_at_ms >= 0),
    PRIMARY KEY (gateway, object)
);
CREATE INDEX disputes_by_payment ON disputes (payment_id);
CREATE INDEX disputes_by_tenant ON disputes (tenant_id, opened_at_ms, payment_id);

-- As refunds are, see 0039.
CREATE TRIGGER disputes_are_kept BEFORE DELETE ON disputes
    FOR EACH ROW EXECUTE FUNCTION payment_history_is_kept();
CREATE TRIGGER disputes_are_never_truncated BEFORE TRUNCATE ON disputes
    FOR EACH STATEMENT EXECUTE FUNCTION payment_history_is_kept();

-- The installation's alone.
SELECT onsale_isolate('gateway_notices', 'false');
SELECT onsale_isolate('disputes', 'false', seen => 'tenant_id = (SELECT onsale_tenant())');
