-- The books, in double entry. They name no person and are kept when the payment is gone.

-- Within the path that 0016 says.
SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', false);

CREATE TABLE postings (
    posting_id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL,
    payment_id uuid NOT NULL,
    -- What it is about, such as refund:2.
    what text NOT NULL CHECK (octet_length(what) BETWEEN 1 AND 64),
    currency text NOT NULL CHECK (length(currency) = 3),
    at_ms bigint NOT NULL CHECK (at_ms >= 0),
    CONSTRAINT once_per_payment UNIQUE (payment_id, what)
);
CREATE INDEX postings_by_time ON postings (at_ms, posting_id);
CREATE INDEX postings_by_tenant ON postings (tenant_id, at_ms, posting_id);

CREATE TABLE posting_lines (
    -- Lines are written first: their entry closes them, and they do not stay without one.
    posting_id uuid NOT NULL REFERENCES postings DEFERRABLE INITIALLY DEFERRED,
    line integer NOT NULL CHECK (line > 0),
    tenant_id uuid NOT NULL,
    currency text NOT NULL CHECK (length(currency) = 3),
    account text NOT NULL CHECK (account IN
        ('gateway', 'cash', 'sales', 'owed_to_buyers', 'refunds', 'compensation', 'disputes')),
    -- Positive: a debit. Negative: a credit.
    amount bigint NOT NULL CHECK (amount <> 0),
    PRIMARY KEY (posting_id, line)
);
CREATE INDEX posting_lines_by_account ON posting_lines (tenant_id, currency, account) INCLUDE (amount);

-- An entry that does not balance is refused, and so are lines of one that is closed.
CREATE OR REPLACE FUNCTION posting_has_to_balance() RETURNS trigger LANGUAGE plpgsql
SET search_path FROM CURRENT AS $$
BEGIN
    IF coalesce((SELECT sum(l.amount) FROM posting_lines AS l WHERE l.posting_id = NEW.posting_id), 1) <> 0
        OR EXISTS (SELECT 1 FROM posting_lines AS l WHERE l.posting_id = NEW.posting_id
            AND (l.tenant_id <> NEW.tenant_id OR l.currency <> NEW.currency))
    THEN
        RAISE EXCEPTION 'postings: the lines of an entry come to 0 in its currency';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER posting_has_to_balance BEFORE INSERT ON postings
    FOR EACH ROW EXECUTE FUNCTION posting_has_to_balance();

CREATE OR REPLACE FUNCTION posting_is_closed() RETURNS trigger LANGUAGE plpgsql
SET search_path FROM CURRENT AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM postings AS p WHERE p.posting_id = NEW.posting_id) THEN
        RAISE EXCEPTION 'posting_lines: the entry is closed';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER posting_is_closed BEFORE INSERT ON posting_lines
    FOR EACH ROW EXECUTE FUNCTION posting_is_closed();

CREATE OR REPLACE FUNCTION books_are_append_only() RETURNS trigger LANGUAGE plpgsql
SET search_path FROM CURRENT AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME;
END
$$;
CREATE TRIGGER postings_are_append_only BEFORE UPDATE OR DELETE ON postings
    FOR EACH ROW EXECUTE FUNCTION books_are_append_only();
CREATE TRIGGER postings_are_never_truncated BEFORE TRUNCATE ON postings
    FOR EACH STATEMENT EXECUTE FUNCTION books_are_append_only();
CREATE TRIGGER posting_lines_are_append_only BEFORE UPDATE OR DELETE ON posting_lines
    FOR EACH ROW EXECUTE FUNCTION books_are_append_only();
CREATE TRIGGER posting_lines_are_never_truncated BEFORE TRUNCATE ON posting_lines
    FOR EACH STATEMENT EXECUTE FUNCTION books_are_append_only();

SELECT onsale_isolate('postings', 'false', seen => 'tenant_id = (SELECT onsale_tenant())');
SELECT onsale_isolate('posting_lines', 'false', seen => 'tenant_id = (SELECT onsale_tenant())');
