-- An event may name its venue without a show that was made from a map of it.

CREATE INDEX events_by_venue ON events (venue_id) WHERE venue_id IS NOT NULL;

-- Within the path that 0016 says.
SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', false);

-- A venue is seen by who sees a show in it, or an event that names it.
CREATE OR REPLACE FUNCTION onsale_sees_venue(id uuid) RETURNS boolean LANGUAGE plpgsql
    STABLE PARALLEL SAFE SET search_path FROM CURRENT AS $$
BEGIN
    RETURN EXISTS (SELECT FROM shows AS s WHERE s.venue_id = id)
        OR EXISTS (SELECT FROM events AS e WHERE e.venue_id = id AND e.deleted_at_ms IS NULL);
END
$$;
