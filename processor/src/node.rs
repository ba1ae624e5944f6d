//! The distributed mode: one process that runs members of some partitions' groups over Kafka.
//!
//! ```text
//! commands topic ─▶ driver thread: members apply ─▶ outcomes topic ─▶ ingresses, projectors
//!       ▲                 │   ▲                          │
//!       └── ticks, claims ┘   └── read back, compared ◀──┘
//!                         └─▶ snapshot thread: disk, database
//! ```
//!
//! One driver thread reads commands and outcomes of its partitions, steps their
//! [`crate::member::Member`]s and does what they ask for, nothing of its own accord. Another thread
//! writes the snapshots: they are frozen at once but written only when every outcome in them is
//! published, because outcomes cannot be derived again from a snapshot that contains them.
//!
//! A start takes the newest usable snapshot from disk or database. The database is only ever used
//! off the driver thread: without it a node serves and starts from its disk, and only the copies of
//! its snapshots are missing.
//!
//! Every node announces its state once a second in `<prefix>.nodes`. Ingresses read that for
//! `status` and to know whom to ask; nothing decides by it, because who owns a partition is in the
//! log.

mod assignment;
mod driver;
mod follow;
mod foundation;
mod gauges;
mod publish;
mod recovery;
mod runtime;
mod snapshots;
mod start;
mod state;

pub mod database;
pub mod projection;
pub mod reconcile;
pub mod status;

pub use runtime::Node;
pub use start::{NodeError, NodeOptions};
