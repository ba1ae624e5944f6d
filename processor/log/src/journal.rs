//! The embedded log: CRC-framed segment files with group commit.
