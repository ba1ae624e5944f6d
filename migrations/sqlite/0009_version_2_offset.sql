-- Record from which on the partition's machine is of version 2: times may be set back.
ALTER TABLE projector_watermarks ADD COLUMN version_2_since_offset INTEGER
    CHECK (version_2_since_offset >= 0);
