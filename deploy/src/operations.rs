//! What the ingress asks of the process it runs in.

mod distributed;
mod embedded;
mod explain;

pub(crate) use distributed::DistributedOperations;
pub(crate) use embedded::EmbeddedOperations;
