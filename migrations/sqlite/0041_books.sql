-- The books, in double entry. They name no person and are kept when the payment is gone.

CREATE TABLE postings (
    posting_id BLOB NOT NULL PRIMARY KEY CHECK (length(posting_id) = 16),
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    payment_id BLOB NOT NULL CHECK (length(payment_id) = 16),
    -- What it is about, such as refund:2.
    what TEXT NOT NULL CHECK (octet_length(what) BETWEEN 1 AND 64),
    currency TEXT NOT NULL CHECK (length(currency) = 3),
    at_ms INTEGER NOT NULL CHECK (at_ms >= 0),
    CONSTRAINT once_per_payment UNIQUE (payment_id, what)
) STRICT, WITHOUT ROWID;
CREATE INDEX postings_by_time ON postings (at_ms, posting_id);
CREATE INDEX postings_by_tenant ON postings (tenant_id, at_ms, posting_id);

CREATE TABLE posting_lines (
    -- Lines are written first: their entry closes them, and they do not stay without one.
    posting_id BLOB NOT NULL REFERENCES postings DEFERRABLE INITIALLY DEFERRED
        CHECK (length(posting_id) = 16),
    line INTEGER NOT NULL CHECK (line > 0),
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    currency TEXT NOT NULL CHECK (length(currency) = 3),
    account TEXT NOT NULL CHECK (account IN
        ('gateway', 'cash', 'sales', 'owed_to_buyers', 'refunds', 'compensation', 'disputes')),
    -- Positive: a debit. Negative: a credit.
    amount INTEGER NOT NULL CHECK (amount <> 0),
    PRIMARY KEY (posting_id, line)
) STRICT, WITHOUT ROWID;
CREATE INDEX posting_lines_by_account ON posting_lines (tenant_id, currency, account, amount);

-- An entry that does not balance is refused, and so are lines of one that is closed.
CREATE TRIGGER posting_has_to_balance BEFORE INSERT ON postings
WHEN coalesce((SELECT sum(l.amount) FROM posting_lines AS l WHERE l.posting_id = NEW.posting_id), 1) <> 0
    OR EXISTS (SELECT 1 FROM posting_lines AS l WHERE l.posting_id = NEW.posting_id
        AND (l.tenant_id <> NEW.tenant_id OR l.currency <> NEW.currency))
BEGIN
    SELECT RAISE(ABORT, 'postings: the lines of an entry come to 0 in its currency');
END;
CREATE TRIGGER posting_is_closed BEFORE INSERT ON posting_lines
WHEN EXISTS (SELECT 1 FROM postings AS p WHERE p.posting_id = NEW.posting_id)
BEGIN
    SELECT RAISE(ABORT, 'posting_lines: the entry is closed');
END;

CREATE TRIGGER postings_are_never_updated BEFORE UPDATE ON postings
BEGIN
    SELECT RAISE(ABORT, 'postings is append-only');
END;
CREATE TRIGGER postings_are_never_deleted BEFORE DELETE ON postings
BEGIN
    SELECT RAISE(ABORT, 'postings is append-only');
END;
-- INSERT OR REPLACE would delete the entry that is there without the trigger above.
CREATE TRIGGER postings_are_never_replaced BEFORE INSERT ON postings
WHEN EXISTS (SELECT 1 FROM postings AS p WHERE p.posting_id = NEW.posting_id
    OR p.payment_id = NEW.payment_id AND p.what = NEW.what)
BEGIN
    SELECT RAISE(ABORT, 'postings is append-only');
END;
CREATE TRIGGER posting_lines_are_never_updated BEFORE UPDATE ON posting_lines
BEGIN
    SELECT RAISE(ABORT, 'posting_lines is append-only');
END;
CREATE TRIGGER posting_lines_are_never_deleted BEFORE DELETE ON posting_lines
BEGIN
    SELECT RAISE(ABORT, 'posting_lines is append-only');
END;
