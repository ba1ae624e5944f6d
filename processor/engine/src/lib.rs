//! The seat machine: a pure function of its log.
