//! What payments ask of the log. A reply that does not come is *unknown*, never a refusal: the same request is handed
//! in again under the same id, and the log remembers what it decided.

use std::time::Duration;

use onsale_log::Submission;
use onsale_schemas::command::{ClaimReference, Confirm, ConfirmV2};
use onsale_schemas::envelope::{Staff, fingerprint, reference_hash};
use onsale_schemas::order::ReturnPlaces;
use onsale_schemas::partitioning::of_reference;
use onsale_schemas::{
    Actor, BookingId, Command, Envelope, Outcome, PartitionId, Rejection, RequestId, TenantId,
};
use onsale_store::StoreError;
use onsale_store::booking::BookingStatus;
use onsale_store::payment::Payment;
use uuid::Uuid;

use super::{Executor, RunError, ids};
use crate::saga::{ConfirmRefusal, Seen};

/// How long a reply is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// What the log said to places that are to be given back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum GivenBack {
    /// They are on sale again.
    Done,
    /// There is nothing to give back: the booking has ended.
    Ended,
    /// It does not have these places.
    Refused,
    /// No reply.
    Unknown,
}

impl Executor {
    /// Confirms a booking for a payment, by the reference under which the log knows the sale.
    pub(super) async fn confirm(&self, payment: &Payment) -> Result<Seen, RunError> {
        // What was seen of a row that is another one by now is written down nowhere.
        let mut seen = Seen::LogUnknown;
        for reference in self.references_of(payment).await?.unwrap_or_default() {
            seen = self.confirm_by(payment, &reference).await?;
            if seen != Seen::ConfirmRefused(ConfirmRefusal::OtherReference) {
                break;
            }
            // It is sold for good under another reference, so asking for it by the next one sells nothing anew.
        }
        Ok(seen)
    }

    /// Confirms a booking: the reference is tied to it first, then it is sold.
    async fn confirm_by(&self, payment: &Payment, reference: &str) -> Result<Seen, StoreError> {
        let tenant = TenantId(payment.tenant);
        let hash = reference_hash(tenant, reference);
        let claim = Command::ClaimReference(ClaimReference {
            reference: hash,
            partition: payment.booking.partition(),
            booking: payment.booking.offset(),
        });
        let claimed = Request {
            id: ids::request(payment.id, &format!("claim {reference}")),
            // Claiming it again for the same booking yields the same.
            meaning: None,
            partition: of_reference(hash, self.log.partitions()),
            tenant,
        };
        match self.ask(claimed, claim).await {
            Some(Outcome::ReferenceClaimed(_)) => {}
            Some(Outcome::Rejected(Rejection::PaymentReferenceUsed)) => {
                return Ok(Seen::ConfirmRefused(ConfirmRefusal::ReferenceUsed));
            }
            Some(other) => return Ok(unexpected("a claim of a reference", &other)),
            None => return Ok(Seen::LogUnknown),
        }
        let target = payment.id.to_string();
        let asked = Request {
            id: ids::request(payment.id, &format!("confirm {reference}")),
            // Two who ask get one answer, also where places become free between them.
            meaning: Some(fingerprint(
                "payment confirm",
                &target,
                reference.as_bytes(),
            )),
            partition: payment.booking.partition(),
            tenant,
        };
        let command = Command::ConfirmV2(ConfirmV2 {
            confirm: Confirm {
                booking: payment.booking.offset(),
                by: Actor::Staff,
                payment_reference: reference.to_owned(),
            },
            paid: Some((payment.amount, payment.currency)),
        });
        Ok(match self.ask(asked, command).await {
            Some(Outcome::Confirmed(confirmed)) => Seen::Confirmed {
                at_ms: confirmed.confirmed_at_ms,
            },
            Some(Outcome::ConfirmedV2(confirmed)) => Seen::Confirmed {
                at_ms: confirmed.confirmed_at_ms,
            },
            Some(Outcome::Rejected(why)) => match refusal(&why) {
                Some(ConfirmRefusal::Unknown) => self.forgotten(payment, reference).await?,
                Some(refusal) => Seen::ConfirmRefused(refusal),
                None => unexpected("a confirmation", &Outcome::Rejected(why)),
            },
            Some(other) => unexpected("a confirmation", &other),
            None => Seen::LogUnknown,
        })
    }

    /// What became of a booking that the machine has forgotten, or never knew.
    async fn forgotten(&self, payment: &Payment, reference: &str) -> Result<Seen, StoreError> {
        let Some(row) = self.store.booking(payment.booking).await? else {
            return Ok(Seen::ConfirmRefused(ConfirmRefusal::Unknown));
        };
        Ok(match (row.status, row.confirmed_at_ms) {
            (BookingStatus::Confirmed, Some(at_ms))
                if row.payment_reference.as_deref() == Some(reference) =>
            {
                Seen::Confirmed { at_ms }
            }
            (BookingStatus::Confirmed, _) => Seen::ConfirmRefused(ConfirmRefusal::OtherReference),
            (BookingStatus::Cancelled, _) => Seen::ConfirmRefused(ConfirmRefusal::Cancelled),
            (BookingStatus::Expired, _) => Seen::ConfirmRefused(ConfirmRefusal::Expired),
            // The machine forgets no live booking.
            (BookingStatus::Reserved, _) => Seen::ConfirmRefused(ConfirmRefusal::Unknown),
        })
    }

    /// Makes the hold of a payment last longer.
    pub(super) async fn extend(&self, payment: &Payment, by_ms: u32) -> Seen {
        let step = payment.extended_ms.to_string();
        let asked = Request {
            id: ids::request(payment.id, &format!("extend {step}")),
            meaning: Some(fingerprint("payment extend", &step, &by_ms.to_be_bytes())),
            partition: payment.booking.partition(),
            tenant: TenantId(payment.tenant),
        };
        let command = Command::Extend {
            booking: payment.booking.offset(),
            by_ms,
        };
        match self.ask(asked, command).await {
            Some(Outcome::Extended { expires_at_ms, .. }) => Seen::Extended {
                hold_ends_ms: expires_at_ms,
            },
            Some(Outcome::Rejected(why)) if !why.is_transient() => Seen::ExtendRefused,
            Some(other) => unexpected("an extension", &other),
            None => Seen::LogUnknown,
        }
    }

    /// Gives a whole booking back, held or sold. `stem` is the payment or refund that it follows from.
    pub(super) async fn give_back(
        &self,
        stem: Uuid,
        tenant: Uuid,
        booking: BookingId,
    ) -> GivenBack {
        let asked = Request {
            id: ids::request(stem, "return"),
            meaning: Some(fingerprint("payment return", &stem.to_string(), &[])),
            partition: booking.partition(),
            tenant: TenantId(tenant),
        };
        let command = Command::Return {
            booking: booking.offset(),
        };
        self.given_back(asked, command).await
    }

    /// Gives some places of a sold booking back.
    pub(super) async fn give_places_back(
        &self,
        stem: Uuid,
        tenant: Uuid,
        (partition, places): (PartitionId, ReturnPlaces),
    ) -> GivenBack {
        let asked = Request {
            id: ids::request(stem, "return places"),
            meaning: Some(fingerprint("payment return places", &stem.to_string(), &[])),
            partition,
            tenant: TenantId(tenant),
        };
        self.given_back(asked, Command::ReturnPlaces(places)).await
    }

    async fn given_back(&self, asked: Request, command: Command) -> GivenBack {
        match self.ask(asked, command).await {
            Some(
                Outcome::Released { .. } | Outcome::ReleasedV2(_) | Outcome::PlacesReturned(_),
            ) => GivenBack::Done,
            Some(Outcome::Rejected(why)) => match why {
                Rejection::AlreadyCancelled
                | Rejection::ShowCancelled
                | Rejection::ReservationExpired
                | Rejection::UnknownBooking => GivenBack::Ended,
                why if why.is_transient() => GivenBack::Unknown,
                why => {
                    tracing::warn!(request = %asked.id, code = why.code(), "places are not given back");
                    GivenBack::Refused
                }
            },
            Some(other) => {
                let _ = unexpected("a return", &other);
                GivenBack::Unknown
            }
            None => GivenBack::Unknown,
        }
    }

    /// Hands a command in and waits. `None`: what became of it is not known, or it is certainly not in the log; both
    /// are asked again.
    async fn ask(&self, asked: Request, command: Command) -> Option<Outcome> {
        let Request {
            id,
            meaning,
            partition,
            tenant,
        } = asked;
        let envelope = Envelope {
            request_id: Some(id),
            idempotency: meaning,
            trace: None,
            command,
            by: Some(Staff {
                user: ids::PAYMENTS,
                tenant: Some(tenant),
            }),
        };
        let (submission, received) = match Submission::new(partition, id, envelope) {
            Ok(submission) => submission,
            Err(error) => {
                tracing::error!(request = %id, %error, "a command of a payment cannot be encoded");
                return None;
            }
        };
        if let Err(error) = self.log.submit(submission) {
            tracing::debug!(request = %id, %error, "the log takes no command now");
            return None;
        }
        match tokio::time::timeout(PATIENCE, received).await {
            Ok(Ok(Ok(record))) => Some(record.outcome),
            Ok(Ok(Err(error))) => {
                tracing::debug!(request = %id, %error, "the log takes no command now");
                None
            }
            Ok(Err(_dropped)) => None,
            Err(_elapsed) => None,
        }
    }
}

/// Under which id something is asked, and for whom.
#[derive(Clone, Copy)]
struct Request {
    id: RequestId,
    /// The fingerprint under which its answer is remembered.
    meaning: Option<u64>,
    partition: PartitionId,
    tenant: TenantId,
}

/// Why a sale was refused; `None` for what is no answer to that.
fn refusal(why: &Rejection) -> Option<ConfirmRefusal> {
    Some(match why {
        Rejection::ReservationExpired => ConfirmRefusal::Expired,
        Rejection::AlreadyCancelled => ConfirmRefusal::Cancelled,
        Rejection::ShowCancelled => ConfirmRefusal::ShowCancelled,
        Rejection::AlreadyConfirmed => ConfirmRefusal::OtherReference,
        Rejection::PaymentReferenceUsed => ConfirmRefusal::ReferenceUsed,
        Rejection::AmountDiffers { .. } => ConfirmRefusal::AmountMismatch,
        Rejection::UnknownBooking => ConfirmRefusal::Unknown,
        _ => return None,
    })
}

/// What is no answer to what was asked leaves it open: it is asked again, and somebody reads this.
fn unexpected(what: &str, outcome: &Outcome) -> Seen {
    match outcome {
        // A table is full, which passes.
        Outcome::Rejected(why) if why.is_transient() => {
            tracing::warn!("{what} waits: the log is full");
        }
        Outcome::Rejected(why) => {
            tracing::error!(
                code = why.code(),
                number = why.number(),
                "{what} was refused"
            );
        }
        _ => tracing::error!("{what} has an outcome of something else"),
    }
    Seen::LogUnknown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_of_a_sale_has_its_meaning_and_no_other_has_one() {
        let currency = "THB".parse().unwrap();
        for (why, expected) in [
            (Rejection::ReservationExpired, ConfirmRefusal::Expired),
            (Rejection::AlreadyCancelled, ConfirmRefusal::Cancelled),
            (Rejection::ShowCancelled, ConfirmRefusal::ShowCancelled),
            (Rejection::AlreadyConfirmed, ConfirmRefusal::OtherReference),
            (
                Rejection::PaymentReferenceUsed,
                ConfirmRefusal::ReferenceUsed,
            ),
            (
                Rejection::AmountDiffers { total: 1, currency },
                ConfirmRefusal::AmountMismatch,
            ),
            (Rejection::UnknownBooking, ConfirmRefusal::Unknown),
        ] {
            assert!(refusal(&why) == Some(expected), "{why:?}");
        }
        // Asked again: a full table passes, and of the others nobody knows what they mean for money.
        let full = Rejection::Full {
            table: onsale_schemas::rejection::FullTable::Idempotency,
        };
        for why in [full, Rejection::SaleClosed, Rejection::IdempotencyKeyReused] {
            assert!(refusal(&why).is_none(), "{why:?}");
        }
    }
}
