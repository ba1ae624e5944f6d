//! Payments: what a payment does next, the gateways that it goes through, and what takes both on.

pub mod run;
