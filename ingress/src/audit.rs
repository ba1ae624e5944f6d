//! Who is behind a request, for the audit trail.

use onsale_store::audit::{Actor, address_block};

use crate::auth::Caller;
use crate::context::RequestContext;

/// The caller of a request.
pub(crate) fn actor(caller: &Caller, context: &RequestContext) -> Actor {
    let request_id = context.request_id();
    Actor {
        id: Some(caller.user.0),
        role: caller.role.as_str().to_owned(),
        tenant_id: caller.scope().one(),
        request_id: (!request_id.is_empty()).then(|| request_id.to_owned()),
        origin: context.address().map(address_block),
    }
}
