-- How a tenant looks to buyers, and what it says of itself. All of it is shown to everybody.
CREATE TABLE tenant_branding (
    tenant_id BLOB NOT NULL PRIMARY KEY CHECK (length(tenant_id) = 16) REFERENCES tenants,
    -- As #rrggbb: all four, or those of the pages.
    background_color TEXT CHECK (octet_length(background_color) = 7),
    text_color TEXT CHECK (octet_length(text_color) = 7),
    accent_color TEXT CHECK (octet_length(accent_color) = 7),
    accent_text_color TEXT CHECK (octet_length(accent_text_color) = 7),
    contact_email TEXT CHECK (octet_length(contact_email) BETWEEN 1 AND 254),
    contact_phone TEXT CHECK (octet_length(contact_phone) BETWEEN 1 AND 32),
    website TEXT CHECK (octet_length(website) BETWEEN 1 AND 2048),
    imprint TEXT CHECK (octet_length(imprint) BETWEEN 1 AND 8000),
    terms TEXT CHECK (octet_length(terms) BETWEEN 1 AND 80000),
    -- The file is in the folder or the bucket of uploads; each has another name.
    logo_id BLOB UNIQUE CHECK (length(logo_id) = 16),
    logo_width INTEGER CHECK (logo_width > 0),
    logo_height INTEGER CHECK (logo_height > 0),
    changed_at_ms INTEGER NOT NULL CHECK (changed_at_ms >= 0),
    CHECK ((background_color IS NULL) = (text_color IS NULL)),
    CHECK ((background_color IS NULL) = (accent_color IS NULL)),
    CHECK ((background_color IS NULL) = (accent_text_color IS NULL)),
    CHECK ((logo_id IS NULL) = (logo_width IS NULL)),
    CHECK ((logo_id IS NULL) = (logo_height IS NULL))
) STRICT;
