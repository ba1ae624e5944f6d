-- How a tenant looks to buyers, and what it says of itself. All of it is shown to everybody.
CREATE TABLE tenant_branding (
    tenant_id uuid PRIMARY KEY REFERENCES tenants,
    -- As #rrggbb: all four, or those of the pages.
    background_color text CHECK (octet_length(background_color) = 7),
    text_color text CHECK (octet_length(text_color) = 7),
    accent_color text CHECK (octet_length(accent_color) = 7),
    accent_text_color text CHECK (octet_length(accent_text_color) = 7),
    contact_email text CHECK (octet_length(contact_email) BETWEEN 1 AND 254),
    contact_phone text CHECK (octet_length(contact_phone) BETWEEN 1 AND 32),
    website text CHECK (octet_length(website) BETWEEN 1 AND 2048),
    imprint text CHECK (octet_length(imprint) BETWEEN 1 AND 8000),
    terms text CHECK (octet_length(terms) BETWEEN 1 AND 80000),
    -- The file is in the folder or the bucket of uploads; each has another name.
    logo_id uuid UNIQUE,
    logo_width integer CHECK (logo_width > 0),
    logo_height integer CHECK (logo_height > 0),
    changed_at_ms bigint NOT NULL CHECK (changed_at_ms >= 0),
    CHECK ((background_color IS NULL) = (text_color IS NULL)),
    CHECK ((background_color IS NULL) = (accent_color IS NULL)),
    CHECK ((background_color IS NULL) = (accent_text_color IS NULL)),
    CHECK ((logo_id IS NULL) = (logo_width IS NULL)),
    CHECK ((logo_id IS NULL) = (logo_height IS NULL))
);
-- What is public of it is read on behalf of the installation, by slug.
SELECT onsale_isolate('tenant_branding');
