-- Who buys without an account. Each purchase is a guest of its own, whose id stands in the log where an
-- account's would; an account whose verified address is the same may take it over.
CREATE TABLE guests (
    guest_id uuid PRIMARY KEY,
    -- NULL once they are forgotten or erased. Many guests may have the same address.
    email_sealed bytea CHECK (octet_length(email_sealed) BETWEEN 1 AND 2048),
    email_hash bytea CHECK (octet_length(email_hash) = 32),
    locale text CHECK (octet_length(locale) BETWEEN 1 AND 35),
    created_at_ms bigint NOT NULL CHECK (created_at_ms >= 0),
    -- Until when its token is good.
    expires_at_ms bigint NOT NULL CHECK (expires_at_ms >= 0),
    -- The account that took it over: its bookings are that account's since.
    owner_id uuid REFERENCES users,
    taken_over_at_ms bigint CHECK (taken_over_at_ms >= 0),
    erased_at_ms bigint CHECK (erased_at_ms >= 0),
    -- 1: it has bookings, so housekeeping does not look at it again.
    is_kept integer NOT NULL DEFAULT 0 CHECK (is_kept IN (0, 1)),
    CHECK ((email_sealed IS NULL) = (email_hash IS NULL)),
    CHECK ((owner_id IS NULL) = (taken_over_at_ms IS NULL)),
    CHECK (erased_at_ms IS NULL OR (email_sealed IS NULL AND owner_id IS NULL AND locale IS NULL))
);
CREATE INDEX guests_by_address ON guests (email_hash, created_at_ms) WHERE email_hash IS NOT NULL;
CREATE INDEX guests_by_owner ON guests (owner_id, created_at_ms) WHERE owner_id IS NOT NULL;
CREATE INDEX guests_by_end ON guests (expires_at_ms) WHERE is_kept = 0;
CREATE INDEX guests_by_age ON guests (created_at_ms) WHERE email_hash IS NOT NULL;

-- 1: only buyers whose address is verified reserve places of the event.
ALTER TABLE events ADD COLUMN requires_verified_account integer NOT NULL DEFAULT 0
    CHECK (requires_verified_account IN (0, 1));
-- The document of an event tells of it, so a change of it is another version of the row.
DROP TRIGGER event_has_changed ON events;
CREATE TRIGGER event_has_changed BEFORE UPDATE OF tenant_id, organizer_id, name, description, venue,
    city, category, starts_at_ms, max_tickets_per_user, minimum_age, status, requires_verified_account
    ON events
    FOR EACH ROW EXECUTE FUNCTION catalog_row_has_changed();
