-- The audit trail by months, and chained: what was taken out of it or changed shows.

-- The whole of it may be run again: it creates what is missing of it, and nothing else.

-- What the functions below keep as their path. Without pg_temp in it that would be the first to be looked into,
-- and anyone may put a table there, so also who may only write entries: its horizon or clock would be believed.
SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', false);

-- Older entries move into the new table. Nodes of the version before go on writing into it: what they
-- leave out (lane, origin) is NULL, and a job links their entries later.
DO $before$
BEGIN
    IF (SELECT relkind = 'r' FROM pg_class WHERE oid = to_regclass('audit')) THEN
        ALTER TABLE audit RENAME TO audit_before;
        ALTER TABLE audit_before DROP CONSTRAINT IF EXISTS audit_pkey;
        DROP INDEX IF EXISTS audit_by_subject, audit_by_kind, audit_by_actor, audit_by_tenant;
        DROP TRIGGER IF EXISTS audit_is_append_only ON audit_before;
    END IF;
END
$before$;

-- Not an identity: tables in parts may have none before PostgreSQL 17.
CREATE SEQUENCE IF NOT EXISTS audit_numbers AS bigint;

CREATE TABLE IF NOT EXISTS audit (
    -- Later entries have greater ones.
    audit_id bigint NOT NULL DEFAULT nextval('audit_numbers') CHECK (audit_id > 0),
    at_ms bigint NOT NULL CHECK (at_ms >= 0),
    -- NULL for an actor without an account, such as the command line.
    actor_id uuid,
    actor_role text NOT NULL CHECK (octet_length(actor_role) BETWEEN 1 AND 32),
    -- NULL for an account of the installation.
    actor_tenant_id uuid,
    -- The request that the actor made, as its answer names it.
    request_id text CHECK (octet_length(request_id) BETWEEN 1 AND 128),
    action text NOT NULL CHECK (octet_length(action) BETWEEN 1 AND 64),
    subject_kind text NOT NULL CHECK (octet_length(subject_kind) BETWEEN 1 AND 32),
    subject_id text NOT NULL CHECK (octet_length(subject_id) BETWEEN 1 AND 200),
    -- The tenant that the subject belongs to; NULL for what is the installation's, which chains give the
    -- greatest UUID.
    tenant_id uuid CHECK (tenant_id <> 'ffffffff-ffff-ffff-ffff-ffffffffffff'),
    -- What else there is to know, as JSON without personal data.
    detail text CHECK (detail IS NULL OR octet_length(detail) <= 4096 AND detail::jsonb IS NOT NULL),
    -- The block of addresses that the request came from; NULL where there was none.
    origin text CHECK (octet_length(origin) BETWEEN 1 AND 64),
    -- Which chain of its tenant the entry stands in: 0 is what people did, and so are 65537 to 65599, which
    -- are for those who would wait for one another; n + 1 is what the log decided in partition n. NULL for an
    -- entry of a version without chains.
    lane integer CHECK (lane BETWEEN 0 AND 65599),
    -- The parts of a table in parts have to be told apart by the key.
    CONSTRAINT audit_key PRIMARY KEY (audit_id, at_ms)
) PARTITION BY RANGE (at_ms);
CREATE INDEX IF NOT EXISTS audit_by_subject ON audit (subject_id, audit_id);
-- Nearly all entries are about bookings: one kind of them is as well looked for without an index.
CREATE INDEX IF NOT EXISTS audit_by_kind ON audit (subject_kind, audit_id) WHERE subject_kind <> 'booking';
CREATE INDEX IF NOT EXISTS audit_by_actor ON audit (actor_id, audit_id);
CREATE INDEX IF NOT EXISTS audit_by_tenant ON audit (tenant_id, audit_id);
-- For walking along a chain.
CREATE INDEX IF NOT EXISTS audit_by_chain ON audit (tenant_id, lane, audit_id);
CREATE INDEX IF NOT EXISTS audit_unchained ON audit (audit_id) WHERE lane IS NULL;

-- What no month is there for. No entry is refused because a month is missing.
CREATE TABLE IF NOT EXISTS audit_other PARTITION OF audit DEFAULT;
-- Whether it has entries of a month, and which of them are old, is looked for while others wait.
CREATE INDEX IF NOT EXISTS audit_other_by_time ON audit_other (at_ms);

-- How far back entries may have been deleted because they are old enough: the one row of it. Deleting
-- an entry of before that is what the triggers let pass.
CREATE TABLE IF NOT EXISTS audit_horizon (
    one integer PRIMARY KEY CHECK (one = 1),
    dropped_before_ms bigint NOT NULL CHECK (dropped_before_ms >= 0)
);

-- For how long entries are kept at least: the one row of it. Who owns the tables writes it down, from
-- retention.audit_years; a role that was given what the program needs may not.
CREATE TABLE IF NOT EXISTS audit_retention (
    one integer PRIMARY KEY CHECK (one = 1),
    -- No shorter time is ever taken for old enough, whatever is configured.
    kept_days bigint NOT NULL CHECK (kept_days BETWEEN 31 AND 36600)
);
INSERT INTO audit_retention (one, kept_days) VALUES (1, 1098) ON CONFLICT DO NOTHING;

-- What is younger than that is not old enough.
CREATE OR REPLACE FUNCTION audit_horizon_is_old() RETURNS trigger LANGUAGE plpgsql
SET search_path FROM CURRENT AS $$
DECLARE
    kept bigint := coalesce((SELECT kept_days FROM audit_retention WHERE one = 1), 1098);
BEGIN
    IF NEW.dropped_before_ms > (SELECT now_ms FROM database_clock) - kept * 86400000 THEN
        RAISE EXCEPTION 'audit_horizon: entries are kept for % days at least', kept;
    END IF;
    IF TG_OP = 'UPDATE' AND NEW.dropped_before_ms < OLD.dropped_before_ms THEN
        RAISE EXCEPTION 'audit_horizon: what was deleted does not come back';
    END IF;
    RETURN NEW;
END
$$;
CREATE OR REPLACE TRIGGER audit_horizon_is_old BEFORE INSERT OR UPDATE ON audit_horizon
    FOR EACH ROW EXECUTE FUNCTION audit_horizon_is_old();

-- What is from before this moment is old enough to go; NULL while nothing is. The horizon stays where it is when
-- entries are to be kept for longer than they were, and the days that are written down hold all the same.
CREATE OR REPLACE FUNCTION audit_old_before() RETURNS bigint STABLE
    RETURN (
        SELECT least(audit_horizon.dropped_before_ms,
            database_clock.now_ms - audit_retention.kept_days * 86400000) AS before_ms
        FROM audit_horizon, audit_retention, database_clock
        WHERE audit_horizon.one = 1 AND audit_retention.one = 1
    );

-- The links of the chains. Each covers what one commit wrote for a tenant, and names the hash of the
-- link before it.
CREATE TABLE IF NOT EXISTS audit_links (
    -- The greatest UUID is the installation: that of an entry whose tenant_id is NULL.
    tenant_id uuid NOT NULL,
    -- As in audit; -1 for entries of a version without chains, which were linked later.
    lane integer NOT NULL CHECK (lane BETWEEN -1 AND 65599),
    -- From 1 on, without a gap.
    link bigint NOT NULL CHECK (link > 0),
    first_audit_id bigint NOT NULL,
    last_audit_id bigint NOT NULL CHECK (last_audit_id >= first_audit_id),
    -- The times of its entries lie within these.
    first_ms bigint NOT NULL CHECK (first_ms >= 0),
    last_ms bigint NOT NULL CHECK (last_ms >= first_ms),
    -- For each entry its number (8 bytes, the greatest first) and 16 bytes of its hash.
    members bytea NOT NULL CHECK (octet_length(members) > 0 AND octet_length(members) % 24 = 0),
    previous_hash bytea NOT NULL CHECK (octet_length(previous_hash) = 32),
    hash bytea NOT NULL CHECK (octet_length(hash) = 32),
    PRIMARY KEY (tenant_id, lane, link)
);
CREATE INDEX IF NOT EXISTS audit_links_by_age ON audit_links (last_ms);

-- Where each chain ends, and where it begins since old links were deleted.
CREATE TABLE IF NOT EXISTS audit_chains (
    tenant_id uuid NOT NULL,
    lane integer NOT NULL CHECK (lane BETWEEN -1 AND 65599),
    -- The last link; 0 in a chain without one.
    links bigint NOT NULL CHECK (links >= 0),
    entries bigint NOT NULL CHECK (entries >= 0),
    last_audit_id bigint NOT NULL CHECK (last_audit_id >= 0),
    hash bytea NOT NULL CHECK (octet_length(hash) = 32),
    -- The last link that was deleted because it was old enough, and its hash.
    dropped_links bigint NOT NULL DEFAULT 0 CHECK (dropped_links BETWEEN 0 AND links),
    dropped_entries bigint NOT NULL DEFAULT 0 CHECK (dropped_entries BETWEEN 0 AND entries),
    dropped_hash bytea CHECK (octet_length(dropped_hash) = 32),
    PRIMARY KEY (tenant_id, lane),
    CHECK ((dropped_links > 0) = (dropped_hash IS NOT NULL))
) WITH (fillfactor = 50);

-- Up to where the entries about what the log decided are written: a projection that begins again writes
-- none of them a second time.
CREATE TABLE IF NOT EXISTS audit_projected (
    partition integer PRIMARY KEY CHECK (partition BETWEEN 0 AND 65535),
    next_offset bigint NOT NULL CHECK (next_offset >= 0)
);

CREATE OR REPLACE FUNCTION audit_is_append_only() RETURNS trigger LANGUAGE plpgsql
SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_OP = 'DELETE' AND TG_LEVEL = 'ROW' AND OLD.at_ms < audit_old_before() THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'audit is append-only';
END
$$;
-- A trigger for rows is there on every part, also where one is named by itself.
CREATE OR REPLACE TRIGGER audit_is_append_only BEFORE UPDATE OR DELETE ON audit
    FOR EACH ROW EXECUTE FUNCTION audit_is_append_only();
CREATE OR REPLACE TRIGGER audit_is_never_truncated BEFORE TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only();
CREATE OR REPLACE TRIGGER audit_other_is_never_truncated BEFORE TRUNCATE ON audit_other
    FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only();

CREATE OR REPLACE FUNCTION audit_links_are_append_only() RETURNS trigger LANGUAGE plpgsql
SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_OP = 'DELETE' AND TG_LEVEL = 'ROW' AND OLD.last_ms < audit_old_before() THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'audit_links is append-only';
END
$$;
CREATE OR REPLACE TRIGGER audit_links_are_append_only BEFORE UPDATE OR DELETE ON audit_links
    FOR EACH ROW EXECUTE FUNCTION audit_links_are_append_only();
CREATE OR REPLACE TRIGGER audit_links_are_never_truncated BEFORE TRUNCATE ON audit_links
    FOR EACH STATEMENT EXECUTE FUNCTION audit_links_are_append_only();

-- Creates what is missing of the parts for these months, from the one of a time on; returns how many that
-- were. A month that the part for all others has entries of stays in there. It runs with the rights of
-- who owns the tables, so a role that may only write entries can have it done.
CREATE OR REPLACE FUNCTION audit_make_months(from_ms bigint, months integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT SET lock_timeout = '2s' AS $$
DECLARE
    home text := pg_catalog.quote_ident(pg_catalog.current_schema());
    begins timestamp;
    month timestamp;
    part text;
    low bigint;
    high bigint;
    is_there boolean;
    is_alone boolean := false;
    made integer := 0;
BEGIN
    -- With the owner's rights nothing is looked for where others may create functions or operators: those with
    -- the very types of a call come before PostgreSQL's own.
    PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
    IF months NOT BETWEEN 1 AND 1200 THEN
        RAISE EXCEPTION 'audit_make_months: % months, expected 1 to 1200', months;
    END IF;
    begins := date_trunc('month', to_timestamp(from_ms / 1000.0) AT TIME ZONE 'UTC');
    FOR step IN 0 .. months - 1 LOOP
        month := begins + make_interval(months => step);
        part := home || '.' || quote_ident('audit_' || to_char(month, 'YYYY_MM'));
        CONTINUE WHEN to_regclass(part) IS NOT NULL;
        low := (extract(epoch FROM month) * 1000)::bigint;
        high := (extract(epoch FROM month + interval '1 month') * 1000)::bigint;
        EXECUTE format('SELECT EXISTS (SELECT 1 FROM %s.audit_other WHERE at_ms >= $1 AND at_ms < $2)', home)
            INTO is_there USING low, high;
        CONTINUE WHEN is_there;
        -- One at a time, and nobody waits who has nothing to make.
        IF NOT is_alone THEN
            PERFORM pg_advisory_xact_lock(8208, 15);
            is_alone := true;
            CONTINUE WHEN to_regclass(part) IS NOT NULL;
        END IF;
        -- Attached, because creating it in place would keep every writer waiting.
        EXECUTE format('CREATE TABLE %s (LIKE %s.audit INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', part, home);
        EXECUTE format('ALTER TABLE %s.audit ATTACH PARTITION %s FOR VALUES FROM (%s) TO (%s)',
            home, part, low, high);
        EXECUTE format('CREATE TRIGGER audit_is_never_truncated BEFORE TRUNCATE ON %s FOR EACH STATEMENT '
            'EXECUTE FUNCTION %s.audit_is_append_only()', part, home);
        made := made + 1;
    END LOOP;
    RETURN made;
END
$$;

-- Drops the oldest part for a month that has entries, if it ends before that time and is old enough, with the
-- empty ones before it, and at most `others` such entries in the part for all others; returns how many entries
-- that were. From the first DROP to the commit everyone waits who writes or reads entries, so everything else
-- comes before it.
CREATE OR REPLACE FUNCTION audit_drop_months(before_ms bigint, others integer) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT SET lock_timeout = '2s' AS $$
DECLARE
    home text := pg_catalog.quote_ident(pg_catalog.current_schema());
    horizon bigint := least(before_ms, coalesce(audit_old_before(), 0));
    part text;
    old_parts text[] := '{}';
    held bigint;
    dropped bigint := 0;
BEGIN
    -- As in audit_make_months.
    PERFORM pg_catalog.set_config('search_path', 'pg_catalog, pg_temp', true);
    PERFORM pg_advisory_xact_lock(8208, 15);
    FOR part IN
        SELECT c.relname FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
        WHERE i.inhparent = to_regclass(home || '.audit') AND c.relname ~ '^audit_[0-9]{4}_[0-9]{2}$'
            AND extract(epoch FROM to_date(substr(c.relname, 7), 'YYYY_MM')::timestamp
                + interval '1 month') * 1000 <= horizon
        ORDER BY c.relname
    LOOP
        -- What is older than the horizon gets no entries any more.
        EXECUTE format('SELECT count(*) FROM %s.%I', home, part) INTO held;
        old_parts := array_append(old_parts, part);
        dropped := dropped + held;
        EXIT WHEN dropped > 0;
    END LOOP;
    EXECUTE format('DELETE FROM %1$s.audit_other WHERE at_ms < $1 AND ctid = ANY (ARRAY('
        'SELECT ctid FROM %1$s.audit_other WHERE at_ms < $1 LIMIT $2))', home) USING horizon, others;
    GET DIAGNOSTICS held = ROW_COUNT;
    FOREACH part IN ARRAY old_parts LOOP
        EXECUTE format('DROP TABLE %s.%I', home, part);
    END LOOP;
    RETURN dropped + held;
END
$$;
-- They are for the role that the program connects as, to which `onsale migrate --grant` gives them.
REVOKE EXECUTE ON FUNCTION audit_make_months(bigint, integer), audit_drop_months(bigint, integer) FROM PUBLIC;

-- The trigger of months that were there before, where someone has taken it away.
DO $months$
DECLARE
    part regclass;
BEGIN
    FOR part IN
        SELECT i.inhrelid::regclass FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'audit'::regclass AND c.relname ~ '^audit_[0-9]{4}_[0-9]{2}$'
    LOOP
        EXECUTE format('CREATE OR REPLACE TRIGGER audit_is_never_truncated BEFORE TRUNCATE ON %s '
            'FOR EACH STATEMENT EXECUTE FUNCTION audit_is_append_only()', part);
    END LOOP;
END
$months$;

-- Months of entries that are there, and three more from this one on. An entry from before 2020 was written by a
-- clock that was not set: it is kept without its month, and with no month from there to now.
DO $entries$
DECLARE
    now_ms bigint := (SELECT c.now_ms FROM database_clock AS c);
    first_ms bigint := now_ms;
    months interval;
BEGIN
    IF to_regclass('audit_before') IS NULL THEN
        PERFORM audit_make_months(now_ms, 4);
        RETURN;
    END IF;
    SELECT least(min(at_ms), now_ms) INTO first_ms FROM audit_before WHERE at_ms >= 1577836800000;
    months := age(date_trunc('month', to_timestamp(now_ms / 1000.0)), date_trunc('month', to_timestamp(first_ms / 1000.0)));
    PERFORM audit_make_months(first_ms, 4 + least(1000, greatest(0,
        (extract(year FROM months) * 12 + extract(month FROM months))::integer)));
    INSERT INTO audit (audit_id, at_ms, actor_id, actor_role, actor_tenant_id, request_id, action,
            subject_kind, subject_id, tenant_id, detail)
        SELECT audit_id, at_ms, actor_id, actor_role, actor_tenant_id, request_id, action, subject_kind,
            subject_id, tenant_id, detail FROM audit_before ORDER BY audit_id;
    PERFORM setval('audit_numbers', greatest(1, (SELECT coalesce(max(audit_id), 0) FROM audit_before)),
        EXISTS (SELECT 1 FROM audit_before));
    DROP TABLE audit_before;
END
$entries$;
