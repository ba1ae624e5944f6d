-- What is kept too long: reports of what would be deleted, and the shows whose bookings were.

CREATE TABLE retention_reports (
    report_id BLOB NOT NULL PRIMARY KEY CHECK (length(report_id) = 16),
    created_at_ms INTEGER NOT NULL CHECK (created_at_ms >= 0),
    state TEXT NOT NULL CHECK (state IN ('open', 'applying', 'applied', 'withdrawn')),
    -- Of each kind: before which moment it is too old, how much of it there was, how much is gone; as
    -- JSON.
    kinds TEXT NOT NULL CHECK (octet_length(kinds) <= 65536 AND json_valid(kinds)),
    ended_at_ms INTEGER CHECK (ended_at_ms >= 0),
    CHECK ((state IN ('applied', 'withdrawn')) = (ended_at_ms IS NOT NULL))
) STRICT;
CREATE INDEX retention_reports_by_time ON retention_reports (created_at_ms, report_id);
-- One at a time is looked at, and applied.
CREATE UNIQUE INDEX retention_reports_unended ON retention_reports (ended_at_ms IS NULL)
    WHERE ended_at_ms IS NULL;

-- The shows whose bookings a report is about.
CREATE TABLE retention_shows (
    report_id BLOB NOT NULL REFERENCES retention_reports,
    show_id BLOB NOT NULL CHECK (length(show_id) = 16),
    bookings INTEGER NOT NULL CHECK (bookings > 0),
    deleted INTEGER NOT NULL DEFAULT 0 CHECK (deleted >= 0),
    done_at_ms INTEGER CHECK (done_at_ms >= 0),
    PRIMARY KEY (report_id, show_id)
) STRICT;

-- The log goes on to know every booking, so the database has to say which of them it is not expected to
-- have: of these shows those that were reserved before that moment.
CREATE TABLE retired_shows (
    show_id BLOB NOT NULL PRIMARY KEY CHECK (length(show_id) = 16),
    before_ms INTEGER NOT NULL CHECK (before_ms >= 0),
    report_id BLOB NOT NULL CHECK (length(report_id) = 16),
    retired_at_ms INTEGER NOT NULL CHECK (retired_at_ms >= 0)
) STRICT;
