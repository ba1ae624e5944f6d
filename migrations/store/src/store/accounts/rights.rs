//! Gaining rights: what every way to them goes through.

use super::address_changes;
use crate::account::{Gain, UserRow};
use crate::database::Transaction;
use crate::error::StoreError;

/// Whether a person may gain rights, in the installation or in a tenant, and what follows. Behind the lock of its
/// account, and before what gives them is written.
///
/// A change of the address that was asked for before is good no more: whoever gave the rights gave them to the person of
/// the address that the account has.
///
/// # Errors
/// [`StoreError::AddressNotOwned`] where the address has to be known to be the person's, and is not.
pub(super) async fn gain(
    transaction: &mut Transaction,
    user: &UserRow,
    gain: Gain,
    now_ms: u64,
) -> Result<(), StoreError> {
    if gain == Gain::OfOwner && !user.owns_address() {
        return Err(StoreError::AddressNotOwned);
    }
    address_changes::void(transaction, user.user_id, now_ms).await
}
