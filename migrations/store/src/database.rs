//! The two databases behind one narrow face: statements with `$n` placeholders and values in, rows
//! out. Both take the same SQL wherever it is standard, so each query is written once.

mod classify;
mod gateway;
mod latch;
mod lent;
pub(crate) mod postgres;
mod row;
pub(crate) mod sqlite;
pub(crate) mod tls;
mod told;
pub(crate) mod trail;
mod transaction;
mod value;
mod writes;

pub(crate) use classify::{classify, is_unique_violation, violation_detail};
pub(crate) use gateway::Database;
pub use latch::Latch;
#[cfg(feature = "testing")]
pub(crate) use lent::Lent;
pub(crate) use lent::within;
pub(crate) use row::Row;
pub(crate) use transaction::{Durability, Transaction, on};
pub(crate) use value::{Value, integer};
pub(crate) use writes::Writes;
