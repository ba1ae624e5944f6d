//! Payments: gateways, what is done at them and in the log.

pub mod gateway;
