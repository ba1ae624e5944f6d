//! Tests of the journal that look at its files.

mod contract;
