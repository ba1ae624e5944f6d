//! An independent, naive model of the seat machine, and what is checked against it.
//!
//! [`model::Model`] decides every command by linear scans over plain collections and shares no code
//! with the engine, so that a mistake in one of them shows as a difference. [`workload`] generates
//! histories for both, [`linear`] replays a real log through the model, and [`history`] compares
//! the answers that clients got with the log.
//!
//! With the feature `worlds`, `seed::run` builds a world from a seed: a cluster or an embedded log.
//! Members, engine, codec, journal and snapshot format are the real ones; log, topic, disks,
//! clocks, database and network are simulated and fail in every way that the real ones may. The
//! model judges every record as it enters the log, and everything that is later published,
//! projected or answered has to be exactly that.

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
