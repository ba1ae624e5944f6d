//! One file per verb.

pub(crate) mod audit;
pub(crate) mod clock;
pub(crate) mod config;
pub(crate) mod demo;
pub(crate) mod dev;
pub(crate) mod doctor;
pub(crate) mod failover;
pub(crate) mod hall;
pub(crate) mod jobs;
pub(crate) mod keys;
pub(crate) mod load;
pub(crate) mod migrate;
pub(crate) mod read_image;
pub(crate) mod reconcile;
pub(crate) mod replay;
pub(crate) mod retention;
pub(crate) mod serve;
pub(crate) mod snapshot;
pub(crate) mod status;
pub(crate) mod store;
pub(crate) mod tenant;
pub(crate) mod token;
pub(crate) mod user;
pub(crate) mod verify;
