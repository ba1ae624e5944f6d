-- The audit trail, chained: what was taken out of it or changed shows.

-- Where the table was lost and 0010 has created it anew, all of this may be run again.

-- The block of addresses that the request came from; NULL where there was none.
ALTER TABLE audit ADD COLUMN origin TEXT CHECK (octet_length(origin) BETWEEN 1 AND 64);
-- Which chain of its tenant the entry stands in: 0 is what people did (on PostgreSQL also 65537 to 65599),
-- n + 1 what the log decided in partition n. NULL for an entry of a version without chains, which a job links
-- later.
ALTER TABLE audit ADD COLUMN lane INTEGER CHECK (lane BETWEEN 0 AND 65599);
-- For walking along a chain.
CREATE INDEX IF NOT EXISTS audit_by_chain ON audit (tenant_id, lane, audit_id);
CREATE INDEX IF NOT EXISTS audit_unchained ON audit (audit_id) WHERE lane IS NULL;
-- For deleting what is old.
CREATE INDEX IF NOT EXISTS audit_by_time ON audit (at_ms);
-- Nearly all entries are about bookings: one kind of them is as well looked for without an index.
DROP INDEX IF EXISTS audit_by_kind;
CREATE INDEX IF NOT EXISTS audit_by_kind ON audit (subject_kind, audit_id) WHERE subject_kind <> 'booking';

-- How far back entries may have been deleted because they are old enough: the one row of it. Deleting
-- an entry of before that is what the triggers let pass.
CREATE TABLE IF NOT EXISTS audit_horizon (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    dropped_before_ms INTEGER NOT NULL CHECK (dropped_before_ms >= 0)
) STRICT;

-- For how long entries are kept at least: the one row of it, written from retention.audit_years.
CREATE TABLE IF NOT EXISTS audit_retention (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    -- No shorter time is ever taken for old enough, whatever is configured.
    kept_days INTEGER NOT NULL CHECK (kept_days BETWEEN 31 AND 36600)
) STRICT;
INSERT OR IGNORE INTO audit_retention (one, kept_days) VALUES (1, 1098);

-- What is younger than that is not old enough.
CREATE TRIGGER IF NOT EXISTS audit_horizon_is_old BEFORE INSERT ON audit_horizon
WHEN NEW.dropped_before_ms > (SELECT now_ms FROM database_clock)
    - coalesce((SELECT kept_days FROM audit_retention WHERE one = 1), 1098) * 86400000
BEGIN
    SELECT RAISE(ABORT, 'audit_horizon: entries are kept for as many days as audit_retention says');
END;
CREATE TRIGGER IF NOT EXISTS audit_horizon_stays_old BEFORE UPDATE ON audit_horizon
WHEN NEW.dropped_before_ms > (SELECT now_ms FROM database_clock)
    - coalesce((SELECT kept_days FROM audit_retention WHERE one = 1), 1098) * 86400000
    OR NEW.dropped_before_ms < OLD.dropped_before_ms
BEGIN
    SELECT RAISE(ABORT, 'audit_horizon: entries are kept for as many days as audit_retention says');
END;

-- The links of the chains. Each covers what one commit wrote for a tenant, and names the hash of the
-- link before it.
CREATE TABLE IF NOT EXISTS audit_links (
    -- The greatest UUID is the installation: that of an entry whose tenant_id is NULL.
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    -- As in audit; -1 for entries of a version without chains, which were linked later.
    lane INTEGER NOT NULL CHECK (lane BETWEEN -1 AND 65599),
    -- From 1 on, without a gap.
    link INTEGER NOT NULL CHECK (link > 0),
    first_audit_id INTEGER NOT NULL,
    last_audit_id INTEGER NOT NULL CHECK (last_audit_id >= first_audit_id),
    -- The times of its entries lie within these.
    first_ms INTEGER NOT NULL CHECK (first_ms >= 0),
    last_ms INTEGER NOT NULL CHECK (last_ms >= first_ms),
    -- For each entry its number (8 bytes, the greatest first) and 16 bytes of its hash.
    members BLOB NOT NULL CHECK (length(members) > 0 AND length(members) % 24 = 0),
    previous_hash BLOB NOT NULL CHECK (length(previous_hash) = 32),
    hash BLOB NOT NULL CHECK (length(hash) = 32),
    PRIMARY KEY (tenant_id, lane, link)
) STRICT;
CREATE INDEX IF NOT EXISTS audit_links_by_age ON audit_links (last_ms);

-- Where each chain ends, and where it begins since old links were deleted.
CREATE TABLE IF NOT EXISTS audit_chains (
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    lane INTEGER NOT NULL CHECK (lane BETWEEN -1 AND 65599),
    -- The last link; 0 in a chain without one.
    links INTEGER NOT NULL CHECK (links >= 0),
    entries INTEGER NOT NULL CHECK (entries >= 0),
    last_audit_id INTEGER NOT NULL CHECK (last_audit_id >= 0),
    hash BLOB NOT NULL CHECK (length(hash) = 32),
    -- The last link that was deleted because it was old enough, and its hash.
    dropped_links INTEGER NOT NULL DEFAULT 0 CHECK (dropped_links BETWEEN 0 AND links),
    dropped_entries INTEGER NOT NULL DEFAULT 0 CHECK (dropped_entries BETWEEN 0 AND entries),
    dropped_hash BLOB CHECK (length(dropped_hash) = 32),
    PRIMARY KEY (tenant_id, lane),
    CHECK ((dropped_links > 0) = (dropped_hash IS NOT NULL))
) STRICT, WITHOUT ROWID;

-- Up to where the entries about what the log decided are written: a projection that begins again writes
-- none of them a second time.
CREATE TABLE IF NOT EXISTS audit_projected (
    partition INTEGER PRIMARY KEY CHECK (partition BETWEEN 0 AND 65535),
    next_offset INTEGER NOT NULL CHECK (next_offset >= 0)
) STRICT;

-- Entries that are to be kept for longer than they were stay, although the horizon does not go back.
DROP TRIGGER IF EXISTS audit_is_never_deleted;
CREATE TRIGGER IF NOT EXISTS audit_is_never_deleted BEFORE DELETE ON audit
WHEN NOT EXISTS (SELECT 1 FROM audit_horizon, audit_retention, database_clock WHERE
    min(dropped_before_ms, now_ms - kept_days * 86400000) > OLD.at_ms)
BEGIN
    SELECT RAISE(ABORT, 'audit is append-only');
END;

CREATE TRIGGER IF NOT EXISTS audit_links_are_never_updated BEFORE UPDATE ON audit_links
BEGIN
    SELECT RAISE(ABORT, 'audit_links is append-only');
END;
CREATE TRIGGER IF NOT EXISTS audit_links_are_never_deleted BEFORE DELETE ON audit_links
WHEN NOT EXISTS (SELECT 1 FROM audit_horizon, audit_retention, database_clock WHERE
    min(dropped_before_ms, now_ms - kept_days * 86400000) > OLD.last_ms)
BEGIN
    SELECT RAISE(ABORT, 'audit_links is append-only');
END;
-- INSERT OR REPLACE would delete the link that is there without the trigger above.
CREATE TRIGGER IF NOT EXISTS audit_links_are_never_replaced BEFORE INSERT ON audit_links
WHEN EXISTS (SELECT 1 FROM audit_links
    WHERE tenant_id = NEW.tenant_id AND lane = NEW.lane AND link = NEW.link)
BEGIN
    SELECT RAISE(ABORT, 'audit_links is append-only');
END;
