//! Metrics of gateways and payments.

mod calls;
mod standing;

pub use calls::GatewayMetrics;
pub(crate) use calls::{CallOutcome, Timed};
pub use standing::StandingMetrics;
