//! A cluster in a world built from one seed: the real members, engine, codec, snapshot format and
//! matching of replies on several nodes, over a log, a topic, disks, clocks and a database that
//! fail in every way that the real ones may.
//!
//! Every record is judged by the model as it enters the log; whatever any part of the cluster later
//! says about it has to be exactly that. The faults are followed by a time without any, in which
//! every request has to be answered.

mod broker;
mod clients;
mod events;
mod faults;
mod healing;
mod ingress;
mod plan;
mod processor;
mod topic_reader;
mod upgrade;
mod world;

pub(crate) use world::run;
