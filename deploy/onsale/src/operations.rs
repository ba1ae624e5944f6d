//! What the ingress asks of the process it runs in.

mod distributed;
mod embedded;
mod explain;

use onsale_ingress::{ClockStatus, OperationError};

pub(crate) use distributed::DistributedOperations;
pub(crate) use embedded::EmbeddedOperations;

/// Refuses to set machine time where nothing is wrong with it, unless it is asked for by force.
fn refuse_a_right_clock(clocks: &[ClockStatus], force: bool) -> Result<(), OperationError> {
    if force || clocks.iter().any(|clock| !clock.is_right) {
        return Ok(());
    }
    Err(OperationError::Refused(
        "Machine time and the clocks agree, so there is nothing to set; --force does it all the \
         same."
            .to_owned(),
    ))
}
