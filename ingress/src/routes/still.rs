//! Rights compared again before something personal is shown. An access token says what held when it was minted; what is
//! shown of other people, or all that is known of oneself, takes that it holds still.

use onsale_accounts::Action;
use onsale_store::StoreError;
use onsale_store::account::{Mandate, Requirement};

use crate::auth::{Caller, Role};
use crate::error::ApiError;
use crate::state::AppState;

/// The right by which a caller does this. `None` for tokens that belong to no session: they do what they say until they
/// expire.
pub(super) fn mandate(caller: &Caller, requires: Requirement, now_ms: u64) -> Option<Mandate> {
    caller.session.map(|session_id| Mandate {
        user_id: caller.user.0,
        session_id,
        requires,
        at_ms: now_ms,
    })
}

/// What has to hold for what a caller's token permits.
pub(super) fn required(caller: &Caller, action: Action) -> Requirement {
    match (caller.role, caller.member) {
        (Role::Operator, _) => Requirement::Admin,
        (Role::Organizer, Some(_)) => Requirement::Member(caller.tenant.0, action.allowed()),
        _ => Requirement::Account,
    }
}

/// Refuses a caller whose session has ended, or who is no more what has to hold.
///
/// # Errors
/// `UNAUTHORIZED`; `OVERLOADED` where the database cannot be asked.
pub(super) async fn check(
    state: &AppState,
    caller: &Caller,
    requires: Requirement,
) -> Result<(), ApiError> {
    let Some(right) = mandate(caller, requires, state.clock.now_ms()) else {
        return Ok(());
    };
    // Accounts are nobody's but their person's, so this looks at all of the installation.
    if state.installation.still_holds(right).await? {
        Ok(())
    } else {
        Err(StoreError::RightWithdrawn.into())
    }
}
