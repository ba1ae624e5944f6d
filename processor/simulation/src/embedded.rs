//! One process over its own journal, in a world built from one seed: the real journal on a disk
//! that loses and tears what was not synced, fills up and fails, the real replicas as owner and
//! follower, snapshots that get lost, and a database that forgets what was not made durable.
//!
//! After every death the log has to hold everything acknowledged, and at most the batch that was in
//! flight; and replaying it has to give what was answered.

mod death;
mod life;
mod world;

pub(crate) use world::run;
