//! Who asked for something, as its record in the log says: for the audit trail of readers that see its
//! outcome.

use uuid::Uuid;

use crate::command::{Actor, Command};
use crate::envelope::{Envelope, Staff};
use crate::ids::{TenantId, UserId};

/// First byte of each, in [`Asker::to_bytes`].
const BUYER: u8 = 1;
const STAFF: u8 = 2;
const SOME_STAFF: u8 = 3;

/// See the module.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Asker {
    /// A buyer.
    Buyer(UserId),
    /// A member of staff, or a service.
    Staff(Staff),
    /// Someone of the staff, of whom the record does not say more: those of machine version 1.
    SomeStaff,
}

impl Asker {
    /// Who asks for what is in this envelope; `None` where nobody does (ticks, claims, barriers,
    /// documents).
    pub fn of(envelope: &Envelope) -> Option<Self> {
        if let Some(staff) = envelope.by {
            return Some(Self::Staff(staff));
        }
        let by = |actor: &Actor| match actor {
            Actor::Buyer(user) => Self::Buyer(*user),
            Actor::Staff => Self::SomeStaff,
        };
        match &envelope.command {
            Command::Reserve(reserve) => Some(Self::Buyer(reserve.user)),
            Command::ReserveV2(reserve) => Some(Self::Buyer(reserve.user)),
            Command::Confirm(confirm) => Some(by(&confirm.by)),
            Command::ConfirmV2(confirm) => Some(by(&confirm.confirm.by)),
            Command::Release { by: actor, .. } => Some(by(actor)),
            Command::Extend { .. }
            | Command::Return { .. }
            | Command::Block(_)
            | Command::Unblock(_)
            | Command::OpenShow(_)
            | Command::OpenShowV2(_)
            | Command::AmendShow(_)
            | Command::CloseShow { .. }
            | Command::CancelShow { .. }
            | Command::AmendEvent(_)
            | Command::CancelEvent { .. }
            | Command::ResetClock
            | Command::OpenShowV3(_)
            | Command::SetOffer(_)
            | Command::CreateCodes(_)
            | Command::AmendCodes(_)
            | Command::EndCodes { .. }
            | Command::ReturnPlaces(_)
            | Command::AddSeats(_)
            | Command::TakeSeats(_) => Some(Self::SomeStaff),
            Command::Tick { .. }
            | Command::Claim { .. }
            | Command::Barrier { .. }
            | Command::ClaimReference(_)
            | Command::Describe(_) => None,
        }
    }

    /// For beside an outcome, where it travels without its command. Never changed, only added to: those
    /// who do not know a kind read nobody.
    pub fn to_bytes(self) -> Vec<u8> {
        match self {
            Self::Buyer(user) => [&[BUYER][..], user.0.as_bytes()].concat(),
            Self::Staff(Staff { user, tenant }) => {
                let tenant = tenant.map(|tenant| tenant.0.into_bytes());
                let tenant = tenant.as_ref().map_or(&[][..], <[u8; 16]>::as_slice);
                [&[STAFF][..], user.0.as_bytes(), tenant].concat()
            }
            Self::SomeStaff => vec![SOME_STAFF],
        }
    }

    /// What [`Asker::to_bytes`] made; `None` for anything else.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (kind, rest) = bytes.split_first()?;
        match (*kind, rest.len()) {
            (BUYER, 16) => Some(Self::Buyer(UserId(Uuid::from_slice(rest).ok()?))),
            (STAFF, 16 | 32) => {
                let (user, tenant) = rest.split_at_checked(16)?;
                Some(Self::Staff(Staff {
                    user: UserId(Uuid::from_slice(user).ok()?),
                    tenant: match tenant {
                        [] => None,
                        tenant => Some(TenantId(Uuid::from_slice(tenant).ok()?)),
                    },
                }))
            }
            (SOME_STAFF, 0) => Some(Self::SomeStaff),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asked_is_read_as_it_was_written() {
        let user = UserId(Uuid::from_u128(7));
        let staff = Staff { user, tenant: None };
        let of_tenant = Staff {
            user,
            tenant: Some(TenantId(Uuid::from_u128(9))),
        };
        for asker in [
            Asker::Buyer(user),
            Asker::Staff(staff),
            Asker::Staff(of_tenant),
            Asker::SomeStaff,
        ] {
            let bytes = asker.to_bytes();
            assert_eq!(Asker::from_bytes(&bytes), Some(asker));
            assert_eq!(Asker::from_bytes(&bytes[1..]), None);
            assert_eq!(Asker::from_bytes(&[&bytes[..], &[0]].concat()), None);
        }
        for other in [&[][..], &[9], &[BUYER; 16]] {
            assert_eq!(Asker::from_bytes(other), None);
        }
    }

    #[test]
    fn the_envelope_names_staff_before_its_command_names_a_buyer() {
        let user = UserId(Uuid::from_u128(7));
        let command = Command::Release {
            booking: 3,
            by: Actor::Buyer(user),
        };
        let mut envelope = Envelope::machine(command);
        assert_eq!(Asker::of(&envelope), Some(Asker::Buyer(user)));
        let staff = Staff { user, tenant: None };
        envelope.by = Some(staff);
        assert_eq!(Asker::of(&envelope), Some(Asker::Staff(staff)));
        let tick = Envelope::machine(Command::Tick { epoch: 1 });
        assert_eq!(Asker::of(&tick), None);
    }
}
