-- Where shows take place: venues with their maps, and the charts of shows that were made from one.

CREATE TABLE venues (
    venue_id BLOB NOT NULL PRIMARY KEY CHECK (length(venue_id) = 16),
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    name TEXT NOT NULL CHECK (octet_length(name) BETWEEN 1 AND 800),
    address TEXT CHECK (octet_length(address) BETWEEN 1 AND 2000),
    city TEXT CHECK (octet_length(city) BETWEEN 1 AND 800),
    -- ISO 3166-1, two letters.
    country TEXT CHECK (octet_length(country) = 2),
    -- In millionths of a degree.
    latitude_e6 INTEGER CHECK (latitude_e6 BETWEEN -90000000 AND 90000000),
    longitude_e6 INTEGER CHECK (longitude_e6 BETWEEN -180000000 AND 180000000),
    -- A name of the IANA database, as Asia/Bangkok.
    time_zone TEXT NOT NULL CHECK (octet_length(time_zone) BETWEEN 1 AND 64),
    website TEXT CHECK (octet_length(website) BETWEEN 1 AND 2048),
    -- Counts its changes.
    version INTEGER NOT NULL CHECK (version > 0),
    created_at_ms INTEGER NOT NULL CHECK (created_at_ms >= 0),
    updated_at_ms INTEGER NOT NULL CHECK (updated_at_ms >= 0),
    CHECK ((latitude_e6 IS NULL) = (longitude_e6 IS NULL))
) STRICT;
CREATE INDEX venues_by_tenant ON venues (tenant_id, name, venue_id);

-- The halls of a venue. A version is never changed.
CREATE TABLE venue_maps (
    map_id BLOB NOT NULL CHECK (length(map_id) = 16),
    version INTEGER NOT NULL CHECK (version > 0),
    venue_id BLOB NOT NULL REFERENCES venues,
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    name TEXT NOT NULL CHECK (octet_length(name) BETWEEN 1 AND 800),
    -- Seats and standing room.
    places INTEGER NOT NULL CHECK (places >= 0),
    -- BLAKE3 of the hall's canonical JSON.
    address BLOB NOT NULL CHECK (length(address) = 32),
    -- That JSON, deflated, and its length.
    hall BLOB NOT NULL CHECK (length(hall) > 0),
    hall_bytes INTEGER NOT NULL CHECK (hall_bytes > 0),
    created_at_ms INTEGER NOT NULL CHECK (created_at_ms >= 0),
    PRIMARY KEY (map_id, version)
) STRICT;
CREATE INDEX venue_maps_by_venue ON venue_maps (venue_id, map_id, version);
CREATE INDEX venue_maps_by_tenant ON venue_maps (tenant_id);

-- What pages draw, by what it is.
CREATE TABLE charts (
    -- BLAKE3 of the JSON.
    address BLOB NOT NULL CHECK (length(address) = 32),
    tenant_id BLOB NOT NULL CHECK (length(tenant_id) = 16),
    -- The JSON, deflated, and its length.
    chart BLOB NOT NULL CHECK (length(chart) > 0),
    chart_bytes INTEGER NOT NULL CHECK (chart_bytes > 0),
    PRIMARY KEY (address, tenant_id)
) STRICT;

-- What a show was made from. A show that is restored from the log may be of a venue that is gone.
ALTER TABLE shows ADD COLUMN venue_id BLOB CHECK (length(venue_id) = 16);
ALTER TABLE shows ADD COLUMN map_id BLOB CHECK (length(map_id) = 16);
ALTER TABLE shows ADD COLUMN map_version INTEGER CHECK (map_version > 0);
ALTER TABLE shows ADD COLUMN chart BLOB CHECK (length(chart) = 32);
CREATE INDEX shows_by_venue ON shows (venue_id) WHERE venue_id IS NOT NULL;
CREATE INDEX shows_by_chart ON shows (chart) WHERE chart IS NOT NULL;
