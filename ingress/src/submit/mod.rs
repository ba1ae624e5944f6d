//! From a command to its answer.

mod acknowledged;
mod answer;
mod asked;
mod replies;
mod send;

pub(crate) use acknowledged::Acknowledged;
pub(crate) use answer::{Answer, Final, PendingAnswer, seconds_left};
pub(crate) use asked::Asked;
pub(crate) use replies::{Known, Replies};
pub(crate) use send::{Ask, send};
