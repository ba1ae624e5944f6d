-- What became of a zone's places after its show was opened: where rows that were added have their seats,
-- which seats were taken away, and the record of the log that changed them last. NULL: nothing.
ALTER TABLE zones ADD COLUMN growth TEXT CHECK (growth IS NULL OR json_valid(growth));

-- A change of it is another version of the show, as a change of the layout is.
CREATE TRIGGER zone_has_grown AFTER UPDATE OF growth ON zones
BEGIN
    UPDATE shows SET version = version + 1 WHERE show_id = NEW.show_id;
END;
