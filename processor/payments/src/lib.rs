//! Payments: what a payment does next, the gateways that it goes through, and what takes both on.
//!
//! [`saga`] says what is due for a payment and what it is after something was seen, and does nothing itself. [`gateway`]
//! has what money is asked of. [`run`] does with both, the log and the database what is due.
//! [`metrics`] show it.

pub mod gateway;
pub mod metrics;
pub mod run;
pub mod saga;
