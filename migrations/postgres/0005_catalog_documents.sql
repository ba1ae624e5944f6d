-- What of the catalog the log has. Every write of a row that its document tells of makes another
-- version of it; `described_version` is the last one that came back from the log as a document.

ALTER TABLE events
    ADD COLUMN version bigint NOT NULL DEFAULT 1 CHECK (version > 0),
    ADD COLUMN described_version bigint NOT NULL DEFAULT 0 CHECK (described_version >= 0);
ALTER TABLE shows
    ADD COLUMN version bigint NOT NULL DEFAULT 1 CHECK (version > 0),
    ADD COLUMN described_version bigint NOT NULL DEFAULT 0 CHECK (described_version >= 0);
CREATE INDEX events_undescribed ON events (event_id) WHERE described_version < version;
CREATE INDEX shows_undescribed ON shows (show_id) WHERE described_version < version;

CREATE FUNCTION catalog_row_has_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.version := OLD.version + 1;
    RETURN NEW;
END
$$;
CREATE FUNCTION zone_has_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE shows SET version = version + 1 WHERE show_id = NEW.show_id;
    RETURN NULL;
END
$$;
CREATE TRIGGER event_has_changed BEFORE UPDATE OF tenant_id, organizer_id, name, description, venue,
    city, category, starts_at_ms, max_tickets_per_user, minimum_age, status ON events
    FOR EACH ROW EXECUTE FUNCTION catalog_row_has_changed();
CREATE TRIGGER show_has_changed BEFORE UPDATE OF name, starts_at_ms, sale_opens_at_ms,
    sale_closes_at_ms, hold_ms, status ON shows
    FOR EACH ROW EXECUTE FUNCTION catalog_row_has_changed();
CREATE TRIGGER zone_has_changed AFTER UPDATE OF name, unit_price, layout ON zones
    FOR EACH ROW EXECUTE FUNCTION zone_has_changed();

-- The log that this database is a projection of, and a record of each partition by which it is
-- known again.

CREATE TABLE log_identity (
    one integer PRIMARY KEY CHECK (one = 1),
    log_id bytea NOT NULL CHECK (octet_length(log_id) = 16)
);
CREATE TABLE log_marks (
    partition integer PRIMARY KEY CHECK (partition BETWEEN 0 AND 65535),
    record_offset bigint NOT NULL CHECK (record_offset >= 0),
    -- An unsigned 64-bit number, stored by its bits.
    checksum bigint NOT NULL
);
