-- Whether the end of a sale follows the beginning, and its cool-down, are told by a show's document too:
-- a change of them is another version of the row.
DROP TRIGGER show_has_changed ON shows;
CREATE TRIGGER show_has_changed BEFORE UPDATE OF name, starts_at_ms, sale_opens_at_ms,
    sale_closes_at_ms, closes_by_default, hold_ms, cooldown_ms, status ON shows
    FOR EACH ROW EXECUTE FUNCTION catalog_row_has_changed();
