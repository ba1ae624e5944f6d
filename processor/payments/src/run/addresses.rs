//! Addresses of buyers, for methods whose gateway wants one. They lie sealed; one is opened for the call that needs it
//! and goes with it.

use onsale_private::{KeyRing, OpenError, Private};
use onsale_schemas::UserId;
use onsale_store::{Store, sealed_columns};

/// The address of who pays, an account or a guest; `None` where there is none, or none that opens.
///
/// # Errors
/// Why it is not known now; another process may be able to tell.
pub(super) async fn address(
    store: &Store,
    ring: Option<&KeyRing>,
    payer: UserId,
) -> Result<Option<Private>, String> {
    let ring = ring.ok_or_else(|| "this process has no key for addresses".to_owned())?;
    let id = payer.0;
    let user = store.user(id).await.map_err(|error| error.to_string())?;
    let (place, email) = match user {
        Some(user) => (sealed_columns::email(id), user.email),
        None => {
            let guest = store.guest(id).await.map_err(|error| error.to_string())?;
            let email = guest.and_then(|guest| guest.email);
            (sealed_columns::guest_email(id), email)
        }
    };
    let Some(email) = email else { return Ok(None) };
    match ring.open(place, &email.sealed) {
        Ok(address) => Ok(Some(address)),
        Err(error @ OpenError::UnknownKey { .. }) => Err(error.to_string()),
        Err(error @ OpenError::Damaged { .. }) => {
            tracing::warn!(%error, "a method that needs the buyer's address cannot be used");
            Ok(None)
        }
    }
}
