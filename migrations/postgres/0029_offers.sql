-- What a show has for sale, with the names of its ticket types, phases and bundles; NULL where every zone is
-- sold at its unit price. A number keeps its name for good, because old bookings show it.
ALTER TABLE shows
    ADD COLUMN companions_per_accessible integer NOT NULL DEFAULT 0
        CHECK (companions_per_accessible BETWEEN 0 AND 8),
    ADD COLUMN offer text CHECK (offer IS NULL OR offer::jsonb IS NOT NULL);

-- A show's document tells of it.
DROP TRIGGER show_has_changed ON shows;
CREATE TRIGGER show_has_changed BEFORE UPDATE OF name, starts_at_ms, sale_opens_at_ms,
    sale_closes_at_ms, closes_by_default, hold_ms, cooldown_ms, status, companions_per_accessible, offer ON shows
    FOR EACH ROW EXECUTE FUNCTION catalog_row_has_changed();
