//! Snapshots: format, manifest and stores.
