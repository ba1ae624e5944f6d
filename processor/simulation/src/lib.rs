//! An independent, naive model of the seat machine, and what is checked against it.
//!
//! [`model::Model`] decides every command by linear scans over plain collections and shares no
//! code with the engine, so that a mistake in one of them shows as a difference. [`workload`] makes
//! histories for both, [`linear`] replays a real log through the model.

pub mod linear;
pub mod model;
pub mod workload;
