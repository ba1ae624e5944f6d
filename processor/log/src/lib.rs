//! The log decides; everything else reads it. This crate holds the two faces of the log:
//!
//! - [`commands`]: what an ingress needs — submit a command, wait for its outcome, follow all
//!   outcomes, start a live view;
//! - [`storage`]: what a processor needs — append durably, read from an offset;
//!
//! and their implementations: [`journal`] (the embedded log's files) and [`mod@kafka`]. Outcomes
//! that are published form a [`chain`]; [`waiters`] finds the requests that wait for them.

pub mod chain;
pub mod commands;
mod config;
#[cfg(any(test, feature = "contract"))]
pub mod contract;
pub mod journal;
pub mod kafka;
mod source;
pub mod storage;
pub mod waiters;

pub use chain::{Candidate, Candidates, Link, OutcomeChain, OutcomeReader, Step};
pub use commands::{CommandLog, OutcomeBatch, Reply, Submission, SubmitError};
pub use config::LogConfig;
pub use source::{LogSource, OpenLog};
pub use storage::{AppendRecord, Appended, EntryBatch, LogError, LogReader, LogWriter};
