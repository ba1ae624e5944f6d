//! Histories to try machines with.
