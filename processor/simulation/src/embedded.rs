//! One process over a journal of its own, in a world made from one seed: the real journal on a disk
//! that loses and tears what was not synced, runs full and fails, the real replicas as owner and
//! follower, snapshots that get lost, and a database that forgets what was not made durable.
//!
//! After every death the log has to hold everything acknowledged, and at most the batch that was on
//! its way; and what is made of it again has to be what was answered.

mod death;
mod life;
mod world;

pub(crate) use world::run;
