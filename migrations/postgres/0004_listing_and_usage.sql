-- What a list of shows tells of a zone without its layout, and what each organizer has, for quotas.

ALTER TABLE zones ADD COLUMN is_seated integer NOT NULL DEFAULT 0 CHECK (is_seated IN (0, 1));
ALTER TABLE zones ADD COLUMN places bigint NOT NULL DEFAULT 0 CHECK (places BETWEEN 0 AND 4294967295);
UPDATE zones SET
    is_seated = CASE layout::jsonb ->> 'admission' WHEN 'seated' THEN 1 ELSE 0 END,
    places = CASE layout::jsonb ->> 'admission'
        WHEN 'general' THEN (layout::jsonb ->> 'capacity')::bigint
        ELSE (
            SELECT coalesce(sum(CASE jsonb_typeof(r -> 'seats')
                WHEN 'array' THEN jsonb_array_length(r -> 'seats')
                ELSE (r ->> 'seats')::integer
            END), 0)
            FROM jsonb_array_elements(layout::jsonb -> 'rows') AS r
        )
    END;

CREATE TABLE organizer_usage (
    tenant_id uuid NOT NULL,
    organizer_id uuid NOT NULL,
    events bigint NOT NULL CHECK (events >= 0),
    -- Named seats of all shows.
    seats bigint NOT NULL CHECK (seats >= 0),
    -- Bytes of all layouts with their labels.
    layout_bytes bigint NOT NULL CHECK (layout_bytes >= 0),
    PRIMARY KEY (tenant_id, organizer_id)
);
INSERT INTO organizer_usage (tenant_id, organizer_id, events, seats, layout_bytes)
SELECT e.tenant_id, e.organizer_id, count(DISTINCT e.event_id),
    coalesce(sum(CASE z.is_seated WHEN 1 THEN z.places ELSE 0 END), 0)::bigint,
    coalesce(sum(octet_length(z.layout)), 0)::bigint
FROM events AS e
LEFT JOIN shows AS s ON s.event_id = e.event_id
LEFT JOIN zones AS z ON z.show_id = s.show_id
GROUP BY e.tenant_id, e.organizer_id;
