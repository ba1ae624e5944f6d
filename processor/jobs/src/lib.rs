//! The durable job queue: work that follows from a fact and is done at least once.
//!
//! A job is enqueued in the transaction that makes its fact true (`onsale_store`), so that neither
//! exists without the other. A [`Worker`] claims it under a lease, runs the [`Handler`] of its kind
//! and records the result. A worker that dies or hangs loses its lease, and another one starts the
//! job again; whatever the first one reports afterwards changes nothing, because each claim has its
//! own number (the *fence*). So a job may run twice, in part even at the same time: a handler makes
//! a repeat harmless, mostly by passing the job's key to the service it calls.
//!
//! An attempt that fails is tried again after a pause that doubles, with jitter, until the kind's
//! attempts are used up; then the job is *dead* and an operator looks at it (`onsale jobs`). Each
//! kind has its own limit of jobs that run at once, so that a flood of one kind does not delay the
//! others.

mod attempt;
mod audit_trail;
mod backoff;
mod handler;
pub mod housekeeping;
mod kind;
mod metrics;
pub mod pictures;
pub mod reset_requests;
pub mod retention;
mod run;
mod schedule;
pub mod uploads;
mod worker;

pub use attempt::Attempt;
pub use handler::{Failure, Handler};
pub use kind::{Kind, Kinds, KindsError};
pub use metrics::Metrics;
pub use schedule::Schedule;
pub use worker::Worker;
