//! Compares the answers that clients got with the log: every acknowledged answer must be the one
//! that a sequential replay gives, nothing acknowledged may be missing or there twice, and a
//! request that was answered before another was sent must precede it in the log.
//!
//! A history is a file of JSON lines, one for each request ([`Call`]). Reading it gives the
//! [`Judge`], which is shown every outcome of the replay and then returns its [`Verdict`].

mod answer;
mod call;
mod judge;
mod order;
mod verdict;

pub use answer::{Answer, Granted, Refused};
pub use call::{Action, Call, HistoryError, read};
pub use judge::Judge;
pub use verdict::{Verdict, Violation};
