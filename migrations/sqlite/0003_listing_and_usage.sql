-- What a list of shows tells of a zone without its layout, and what each organizer has, for quotas.

ALTER TABLE zones ADD COLUMN is_seated INTEGER NOT NULL DEFAULT 0 CHECK (is_seated IN (0, 1));
ALTER TABLE zones ADD COLUMN places INTEGER NOT NULL DEFAULT 0 CHECK (places BETWEEN 0 AND 4294967295);
UPDATE zones SET
    is_seated = json_extract(layout, '$.admission') = 'seated',
    places = CASE json_extract(layout, '$.admission')
        WHEN 'general' THEN json_extract(layout, '$.capacity')
        ELSE (
            SELECT coalesce(sum(CASE json_type(r.value, '$.seats')
                WHEN 'array' THEN json_array_length(r.value, '$.seats')
                ELSE json_extract(r.value, '$.seats')
            END), 0)
            FROM json_each(zones.layout, '$.rows') AS r
        )
    END;

CREATE TABLE organizer_usage (
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    organizer_id BLOB NOT NULL CHECK (length(organizer_id) = 16),
    events INTEGER NOT NULL CHECK (events >= 0),
    -- Named seats of all shows.
    seats INTEGER NOT NULL CHECK (seats >= 0),
    -- Bytes of all layouts with their labels.
    layout_bytes INTEGER NOT NULL CHECK (layout_bytes >= 0),
    PRIMARY KEY (tenant_id, organizer_id)
) STRICT, WITHOUT ROWID;
INSERT INTO organizer_usage (tenant_id, organizer_id, events, seats, layout_bytes)
SELECT e.tenant_id, e.organizer_id, count(DISTINCT e.event_id),
    coalesce(sum(CASE z.is_seated WHEN 1 THEN z.places ELSE 0 END), 0),
    coalesce(sum(length(CAST(z.layout AS BLOB))), 0)
FROM events AS e
LEFT JOIN shows AS s ON s.event_id = e.event_id
LEFT JOIN zones AS z ON z.show_id = s.show_id
GROUP BY e.tenant_id, e.organizer_id;
