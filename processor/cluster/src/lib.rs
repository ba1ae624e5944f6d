//! What the nodes of a cluster know of one another and do together: each announces itself once a
//! second, all follow the list of [`Nodes`], and a [`Cluster`] has snapshots cut, partitions moved,
//! clocks reset and the database compared wherever that has to happen. Nothing decides by any of it:
//! who owns a partition is in the log.
//!
//! The binary puts the parts together. Nodes ask one another by HTTP ([`between_nodes`], [`Peers`]),
//! behind a [`Gate`].

mod announce;
mod cluster;
mod config;
mod gate;
pub mod http_client;
mod internal;
mod nodes;
mod owners;
mod ownership;
mod peers;
mod reconcile;
mod schedule;
mod seats;
mod watermarks;

pub use announce::Announcer;
pub use cluster::{ClockSet, Cluster, ClusterError, PartitionState};
pub use config::ClusterConfig;
pub use gate::Gate;
pub use internal::{
    Internal, ProcessProbe, ProjectionSlot, Readiness, between_nodes, operations, public,
};
pub use nodes::{Heard, NodeList, Nodes, Replicas, recorded_partitions, twice_advice};
pub use owners::Owners;
pub use ownership::watch;
pub use peers::{PeerError, Peers};
pub use schedule::{REPORTS_DIR, reconcile_every};
pub use seats::StoredSeats;
pub use watermarks::Watermarks;
