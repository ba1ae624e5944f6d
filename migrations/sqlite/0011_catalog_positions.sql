-- The last record of the log that changed what it decides about a row: a catalog document made from
-- the row before does not know of it, even where it comes behind it in the log.
ALTER TABLE events ADD COLUMN amended_offset INTEGER CHECK (amended_offset >= 0);
ALTER TABLE shows ADD COLUMN amended_offset INTEGER CHECK (amended_offset >= 0);
ALTER TABLE shows ADD COLUMN closed_offset INTEGER CHECK (closed_offset >= 0);
