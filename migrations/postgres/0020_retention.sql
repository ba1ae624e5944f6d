-- What is kept too long: reports of what would be deleted, and the shows whose bookings were.

CREATE TABLE retention_reports (
    report_id uuid PRIMARY KEY,
    created_at_ms bigint NOT NULL CHECK (created_at_ms >= 0),
    state text NOT NULL CHECK (state IN ('open', 'applying', 'applied', 'withdrawn')),
    -- Of each kind: before which moment it is too old, how much of it there was, how much is gone; as
    -- JSON.
    kinds text NOT NULL CHECK (octet_length(kinds) <= 65536),
    ended_at_ms bigint CHECK (ended_at_ms >= 0),
    CHECK ((state IN ('applied', 'withdrawn')) = (ended_at_ms IS NOT NULL))
);
CREATE INDEX retention_reports_by_time ON retention_reports (created_at_ms, report_id);
-- One at a time is looked at, and applied.
CREATE UNIQUE INDEX retention_reports_unended ON retention_reports ((ended_at_ms IS NULL))
    WHERE ended_at_ms IS NULL;

-- The shows whose bookings a report is about.
CREATE TABLE retention_shows (
    report_id uuid NOT NULL REFERENCES retention_reports,
    show_id uuid NOT NULL,
    bookings bigint NOT NULL CHECK (bookings > 0),
    deleted bigint NOT NULL DEFAULT 0 CHECK (deleted >= 0),
    done_at_ms bigint CHECK (done_at_ms >= 0),
    PRIMARY KEY (report_id, show_id)
);

-- The log goes on to know every booking, so the database has to say which of them it is not expected to
-- have: of these shows those that were reserved before that moment.
CREATE TABLE retired_shows (
    show_id uuid PRIMARY KEY,
    before_ms bigint NOT NULL CHECK (before_ms >= 0),
    report_id uuid NOT NULL,
    retired_at_ms bigint NOT NULL CHECK (retired_at_ms >= 0)
);

-- The installation's alone.
SELECT onsale_isolate('retention_shows', 'false');
SELECT onsale_isolate('retired_shows', 'false');
