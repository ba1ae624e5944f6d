-- What became of a zone's places after its show was opened: where rows that were added have their seats,
-- which seats were taken away, and the record of the log that changed them last. NULL: nothing.
ALTER TABLE zones ADD COLUMN growth text CHECK (growth IS NULL OR growth::jsonb IS NOT NULL);

-- A change of it is another version of the show, as a change of the layout is.
CREATE TRIGGER zone_has_grown AFTER UPDATE OF growth ON zones
    FOR EACH ROW EXECUTE FUNCTION zone_has_changed();
