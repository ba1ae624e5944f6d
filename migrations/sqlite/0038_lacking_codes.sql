-- Groups of codes of which the log has decided what was written down nowhere here: the database was lost, or comes from
-- a backup that is older than the log. What their terms are by now is known by the machine alone, until reconciliation
-- brings them or somebody gives them anew.

CREATE TABLE lacking_codes (
    show_id BLOB NOT NULL CHECK (length(show_id) = 16),
    -- It need not be in code_groups.
    code_group INTEGER NOT NULL CHECK (code_group BETWEEN 0 AND 4294967295),
    -- The last record about it of which nothing was written down.
    noted_offset INTEGER NOT NULL CHECK (noted_offset >= 0),
    PRIMARY KEY (show_id, code_group)
) STRICT, WITHOUT ROWID;

-- The record that said last what the terms are. NULL: from before this migration. One that comes again changes nothing.
ALTER TABLE code_groups ADD COLUMN changed_offset INTEGER CHECK (changed_offset >= 0);
