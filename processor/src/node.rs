//! The distributed mode: one process that runs members of some partitions' groups over Kafka.
//!
//! ```text
//! commands topic ─▶ driver thread: members apply ─▶ outcomes topic ─▶ ingresses, projectors
//!       ▲                 │   ▲                          │
//!       └── ticks, claims ┘   └── read back, compared ◀──┘
//!                         └─▶ snapshot thread: disk, database
//! ```
//!
//! The driver does what its [`crate::member::Member`]s ask for and nothing of its own accord. The
//! database is only ever used off its thread: without it a node serves, and starts from its disk.

mod driver;
mod follow;
mod foundation;
mod gauges;
mod publish;
mod recovery;
mod runtime;
mod seat;
mod shared;
mod snapshots;

pub mod database;
pub mod projection;
pub mod reconcile;
pub mod status;

pub use runtime::{Node, NodeError, NodeOptions};
