-- Which events were changed, with their shows and zones, so that each node's search follows the catalog without
-- looking through it.

-- The path of the function below, see 0015.
SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', false);

-- In the order in which a projection uses them, see 0016.
DO $locks$
BEGIN
    LOCK TABLE shows, events IN SHARE ROW EXCLUSIVE MODE;
END
$locks$;

-- A row for each change, in no order that a reader could go by: a transaction may commit after one that has
-- written later. So a row says which transaction wrote it, and a reader comes again for whatever was written by
-- those that were not over when it last read (from pg_snapshot_xmin on).
CREATE TABLE IF NOT EXISTS catalog_changes (
    sequence bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id uuid NOT NULL,
    moment bigint NOT NULL DEFAULT (pg_current_xact_id()::text::bigint),
    -- By the clock of the database, for what is trimmed.
    written_at_ms bigint NOT NULL DEFAULT (CAST(extract(epoch FROM clock_timestamp()) * 1000 AS bigint))
);
CREATE INDEX IF NOT EXISTS catalog_changes_by_moment ON catalog_changes (moment, sequence);

-- The newest moment of which something was deleted: who knows less has missed changes.
CREATE TABLE IF NOT EXISTS catalog_changes_trimmed (
    one integer PRIMARY KEY CHECK (one = 1),
    moment bigint NOT NULL CHECK (moment >= 0)
);
INSERT INTO catalog_changes_trimmed (one, moment) VALUES (1, 0) ON CONFLICT (one) DO NOTHING;

CREATE OR REPLACE FUNCTION note_catalog_change() RETURNS trigger LANGUAGE plpgsql
SET search_path FROM CURRENT AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        INSERT INTO catalog_changes (event_id) VALUES (OLD.event_id);
    ELSE
        INSERT INTO catalog_changes (event_id) VALUES (NEW.event_id);
    END IF;
    RETURN NULL;
END
$$;

-- Whatever is told of an event or a show makes another version of its row, zones included (0005).
CREATE OR REPLACE TRIGGER event_was_changed AFTER UPDATE ON events
    FOR EACH ROW WHEN (OLD.version IS DISTINCT FROM NEW.version) EXECUTE FUNCTION note_catalog_change();
CREATE OR REPLACE TRIGGER event_came_or_went AFTER INSERT OR DELETE ON events
    FOR EACH ROW EXECUTE FUNCTION note_catalog_change();
CREATE OR REPLACE TRIGGER show_was_changed AFTER UPDATE ON shows
    FOR EACH ROW WHEN (OLD.version IS DISTINCT FROM NEW.version) EXECUTE FUNCTION note_catalog_change();
CREATE OR REPLACE TRIGGER show_came_or_went AFTER INSERT OR DELETE ON shows
    FOR EACH ROW EXECUTE FUNCTION note_catalog_change();

-- Who changes the catalog leaves a row here; nobody but the program reads them.
SELECT onsale_isolate('catalog_changes', 'false', added => '(SELECT onsale_is_caller())');
