-- Where shows take place: venues with their maps, and the charts of shows that were made from one.

CREATE TABLE venues (
    venue_id uuid PRIMARY KEY,
    tenant_id uuid NOT NULL,
    name text NOT NULL CHECK (octet_length(name) BETWEEN 1 AND 800),
    address text CHECK (octet_length(address) BETWEEN 1 AND 2000),
    city text CHECK (octet_length(city) BETWEEN 1 AND 800),
    -- ISO 3166-1, two letters.
    country text CHECK (octet_length(country) = 2),
    -- In millionths of a degree.
    latitude_e6 bigint CHECK (latitude_e6 BETWEEN -90000000 AND 90000000),
    longitude_e6 bigint CHECK (longitude_e6 BETWEEN -180000000 AND 180000000),
    -- A name of the IANA database, as Asia/Bangkok.
    time_zone text NOT NULL CHECK (octet_length(time_zone) BETWEEN 1 AND 64),
    website text CHECK (octet_length(website) BETWEEN 1 AND 2048),
    -- Counts its changes.
    version bigint NOT NULL CHECK (version > 0),
    created_at_ms bigint NOT NULL CHECK (created_at_ms >= 0),
    updated_at_ms bigint NOT NULL CHECK (updated_at_ms >= 0),
    CHECK ((latitude_e6 IS NULL) = (longitude_e6 IS NULL))
);
CREATE INDEX venues_by_tenant ON venues (tenant_id, name, venue_id);

-- The halls of a venue. A version is never changed.
CREATE TABLE venue_maps (
    map_id uuid NOT NULL,
    version bigint NOT NULL CHECK (version > 0),
    venue_id uuid NOT NULL REFERENCES venues,
    tenant_id uuid NOT NULL,
    name text NOT NULL CHECK (octet_length(name) BETWEEN 1 AND 800),
    -- Seats and standing room.
    places bigint NOT NULL CHECK (places >= 0),
    -- BLAKE3 of the hall's canonical JSON.
    address bytea NOT NULL CHECK (octet_length(address) = 32),
    -- That JSON, deflated, and its length.
    hall bytea NOT NULL CHECK (octet_length(hall) > 0),
    hall_bytes bigint NOT NULL CHECK (hall_bytes > 0),
    created_at_ms bigint NOT NULL CHECK (created_at_ms >= 0),
    PRIMARY KEY (map_id, version)
);
CREATE INDEX venue_maps_by_venue ON venue_maps (venue_id, map_id, version);
CREATE INDEX venue_maps_by_tenant ON venue_maps (tenant_id);

-- What pages draw, by what it is.
CREATE TABLE charts (
    -- BLAKE3 of the JSON.
    address bytea NOT NULL CHECK (octet_length(address) = 32),
    tenant_id uuid NOT NULL,
    -- The JSON, deflated, and its length.
    chart bytea NOT NULL CHECK (octet_length(chart) > 0),
    chart_bytes bigint NOT NULL CHECK (chart_bytes > 0),
    PRIMARY KEY (address, tenant_id)
);

-- What a show was made from. A show that is restored from the log may be of a venue that is gone.
ALTER TABLE shows
    ADD COLUMN venue_id uuid,
    ADD COLUMN map_id uuid,
    ADD COLUMN map_version bigint CHECK (map_version > 0),
    ADD COLUMN chart bytea CHECK (octet_length(chart) = 32);
CREATE INDEX shows_by_venue ON shows (venue_id) WHERE venue_id IS NOT NULL;
CREATE INDEX shows_by_chart ON shows (chart) WHERE chart IS NOT NULL;

-- Within the path that 0016 says.
SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', false);

-- A venue is seen by who sees a show in it.
CREATE FUNCTION onsale_sees_venue(id uuid) RETURNS boolean LANGUAGE plpgsql
    STABLE PARALLEL SAFE SET search_path FROM CURRENT AS $$
BEGIN
    RETURN EXISTS (SELECT FROM shows AS s WHERE s.venue_id = id);
END
$$;

SELECT onsale_isolate('venues',
    seen => 'tenant_id = (SELECT onsale_tenant()) OR (SELECT onsale_is_caller()) AND onsale_sees_venue(venue_id)');
SELECT onsale_isolate('venue_maps');
-- Whoever knows the address of a chart was shown it.
SELECT onsale_isolate('charts', seen => '(SELECT onsale_is_caller())');
