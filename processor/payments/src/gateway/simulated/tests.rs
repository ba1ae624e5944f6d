//! The simulation: its machine, and the gateway in this process.

mod gateway;
mod machine;
mod saved;

const NOW_MS: u64 = 1_700_000_000_000;
