-- The functions that had no path of their own: what they call, and the operators in them, were looked for along
-- that of whoever changed a row. The others have one since 0015 and 0016. (onsale_isolate runs in migrations alone,
-- as the owner of the tables.)

-- The whole of it may be run again. The path is that of 0015: PostgreSQL's own come first, then what lies
-- beside the function, and last what anyone may create for a session.
SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', false);

CREATE OR REPLACE FUNCTION catalog_row_has_changed() RETURNS trigger LANGUAGE plpgsql
SET search_path FROM CURRENT AS $$
BEGIN
    NEW.version := OLD.version + 1;
    RETURN NEW;
END
$$;
CREATE OR REPLACE FUNCTION zone_has_changed() RETURNS trigger LANGUAGE plpgsql
SET search_path FROM CURRENT AS $$
BEGIN
    UPDATE shows SET version = version + 1 WHERE show_id = NEW.show_id;
    RETURN NULL;
END
$$;
