//! What runs a seat machine: the [`replica`] step function, the [`embedded`] driver (one core
//! thread and a follower in one process), the [`member`] of a distributed partition and its driver
//! [`node`], the [`projector`] and the [`counts_feed`] beside it, [`reconcile`], offline [`replay`],
//! and [`standings`], which says how a request fared.

mod askers;
pub mod audit_months;
mod checksum;
pub mod clock;
pub mod config;
pub mod counts_feed;
pub mod embedded;
pub mod fit;
mod gauges;
pub mod member;
pub mod metrics;
pub mod node;
pub mod offsets;
pub mod projector;
pub mod reconcile;
pub mod recovery;
pub mod replay;
pub mod replica;
pub mod snapshots;
pub mod standings;
mod start;
mod threads;

pub use start::StartFailure;
