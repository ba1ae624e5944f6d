//! An independent, naive model of the seat machine, and what is checked against it.
//!
//! [`model::Model`] decides every command by linear scans over plain collections and shares no
//! code with the engine, so that a mistake in one of them shows as a difference. [`workload`] makes
//! histories for both, [`linear`] replays a real log through the model, [`history`] holds what clients
//! were told against it.
//!
//! With the feature `worlds`, `seed::run` makes a world from a seed, a cluster or an embedded log,
//! in which the real code lives through everything that can go wrong and is held to the model at
//! every step.

#[cfg(feature = "worlds")]
pub mod agreement;
#[cfg(feature = "worlds")]
mod cluster;
#[cfg(feature = "worlds")]
mod embedded;
pub mod history;
pub mod linear;
pub mod model;
#[cfg(feature = "worlds")]
mod projection;
#[cfg(feature = "worlds")]
pub mod seed;
#[cfg(feature = "worlds")]
mod snapshots;
#[cfg(feature = "worlds")]
mod stats;
mod table;
#[cfg(feature = "worlds")]
mod trace;
#[cfg(feature = "worlds")]
mod truth;
pub mod workload;
