//! What an account is to the installation.

use uuid::Uuid;

use super::admins::Admins;
use crate::Store;
use crate::account::{Act, Gain, SessionEnd, UserRole, UserRow};
use crate::error::StoreError;

impl Store {
    /// Gives an account another role in the installation, and ends its sessions: their tokens say the
    /// old one. What someone invited who is no admin any more is withdrawn; changes of the address of someone who
    /// becomes one, and that wait, are good no more. That it is known whose the address is, the caller vouches for. The
    /// account as it is then, `None` when there is none.
    ///
    /// # Errors
    /// [`StoreError::LastAdmin`], [`StoreError::RightWithdrawn`], and as every write.
    pub async fn set_user_role(
        &self,
        id: Uuid,
        role: UserRole,
        now_ms: u64,
        act: impl Into<Act>,
    ) -> Result<Option<UserRow>, StoreError> {
        self.set_role(id, role, Gain::OfAnyone, now_ms, act.into())
            .await
    }

    /// As [`Store::set_user_role`], and only to an account whose address is known to be its person's is the role of an
    /// admin given.
    ///
    /// # Errors
    /// [`StoreError::AddressNotOwned`], and as [`Store::set_user_role`].
    pub async fn set_role_of_owner(
        &self,
        id: Uuid,
        role: UserRole,
        now_ms: u64,
        act: impl Into<Act>,
    ) -> Result<Option<UserRow>, StoreError> {
        self.set_role(id, role, Gain::OfOwner, now_ms, act.into())
            .await
    }

    async fn set_role(
        &self,
        id: Uuid,
        role: UserRole,
        gain: Gain,
        now_ms: u64,
        act: Act,
    ) -> Result<Option<UserRow>, StoreError> {
        let admins = match role {
            UserRole::Admin => Admins::Stay,
            UserRole::Buyer => Admins::LoseOne,
        };
        // To take rights away is always possible.
        let gains = (role == UserRole::Admin).then_some((gain, now_ms));
        self.change_user(id, (admins, gains), act, move |user| {
            user.role = role;
            Some((SessionEnd::Role, now_ms))
        })
        .await
    }
}
