//! What the audit trail says of what the log decided: bookings made, confirmed, cancelled, expired, and
//! what staff did to shows and events.
//!
//! Written in the transaction of the rows, thousands at once, so it is there exactly when they are and a
//! sale pays nothing for it. A projection that begins again (its watermark was set back) writes no entry
//! twice: `audit_projected` remembers how far they go, apart from the watermark. A repair that sets the watermark
//! forward writes those of what it passes over, or one that says that they are missing. Where a show or an event
//! is cancelled one entry says so for all its bookings, as one record of the log does.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use onsale_schemas::outcome::{BlockChange, EndedBooking};
use onsale_schemas::{
    Asker, BookingId, EventId, LogTimeMs, Offset, Outcome, OutcomeRecord, PartitionId, ShowId,
    UserId,
};
use serde_json::json;
use uuid::Uuid;

use super::batch::ProjectionBatch;
use super::bulk;
use super::plan::Plan;
use crate::audit::chain::{ChainKey, Lane, Member, Stored, owner};
use crate::database::trail::{chain, new_numbers};
use crate::database::{Transaction, Value, integer};
use crate::error::StoreError;

mod version_3;

/// The role of what nobody asked for: a hold that has run out.
const LOG: &str = "log";
/// The role of who asked for what is not written down with its outcome.
const UNKNOWN: &str = "unknown";
const BUYER: &str = "buyer";
/// Staff of a tenant, the installation's own, or a service: the log does not say which.
const STAFF: &str = "staff";

/// By what the tenant is found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Place {
    Show(ShowId),
    Event(EventId),
    Installation,
}

/// Something that the log decided, as it is written down.
#[derive(Debug)]
pub(crate) struct Decided {
    offset: Offset,
    at_ms: LogTimeMs,
    place: Place,
    actor: ActorOf,
    request_id: Option<Uuid>,
    action: &'static str,
    subject_kind: &'static str,
    subject_id: String,
    detail: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct ActorOf {
    id: Option<Uuid>,
    role: &'static str,
    tenant: Option<Uuid>,
}

impl ActorOf {
    const fn someone(role: &'static str) -> Self {
        Self {
            id: None,
            role,
            tenant: None,
        }
    }

    fn buyer(user: UserId) -> Self {
        Self {
            id: Some(user.0),
            ..Self::someone(BUYER)
        }
    }

    fn of(asker: Asker) -> Self {
        match asker {
            Asker::Buyer(user) => Self::buyer(user),
            Asker::Staff(staff) => Self {
                id: Some(staff.user.0),
                role: STAFF,
                tenant: staff.tenant.map(|tenant| tenant.0),
            },
            Asker::SomeStaff => Self::someone(STAFF),
        }
    }
}

/// Adds what a record decided that nobody has written down yet.
pub(super) fn note(into: &mut Vec<Decided>, batch: &ProjectionBatch, record: &OutcomeRecord) {
    for ended in &record.expired {
        let became = "\"reserved\",\"after\":\"expired\"";
        let entry = of_booking(
            batch.partition,
            record,
            "booking.expire",
            ended.into(),
            became,
        );
        into.push(Decided {
            actor: ActorOf::someone(LOG),
            request_id: None,
            ..entry
        });
    }
    if record.replay_of.is_some() {
        return;
    }
    let asker = batch
        .askers
        .binary_search_by_key(&record.offset, |(offset, _)| *offset)
        .ok()
        .and_then(|found| batch.askers.get(found))
        .map(|(_, asker)| ActorOf::of(*asker));
    if let Some(entry) = of_outcome(batch.partition, record) {
        let actor = asker.unwrap_or(entry.actor);
        into.push(Decided { actor, ..entry });
    }
}

/// A booking that an outcome is about.
struct Touched {
    booking: Offset,
    show: ShowId,
    user: UserId,
    quantity: u32,
}

impl From<&EndedBooking> for Touched {
    fn from(ended: &EndedBooking) -> Self {
        Self {
            booking: ended.booking,
            show: ended.show,
            user: ended.user,
            quantity: ended.quantity,
        }
    }
}

/// What a record's own outcome is written down as, with the actor that the outcome shows. Details are
/// written as text at once, because there are thousands in a transaction; they hold nothing but ids,
/// numbers and words of this program.
fn of_outcome(partition: PartitionId, record: &OutcomeRecord) -> Option<Decided> {
    let position = record.offset;
    Some(match &record.outcome {
        Outcome::Reserved(reserved) => Decided {
            actor: ActorOf::buyer(reserved.user),
            detail: format!(
                "{{\"changes\":{{\"status\":{{\"before\":null,\"after\":\"reserved\"}}}},\
                 \"show_id\":\"{}\",\"user_id\":\"{}\",\"quantity\":{},\"unit_price\":{},\
                 \"currency\":\"{}\",\"position\":{position}}}",
                reserved.show.0,
                reserved.user.0,
                reserved.quantity,
                reserved.unit_price,
                reserved.currency.as_str(),
            ),
            ..entry(
                record,
                Place::Show(reserved.show),
                "booking.reserve",
                "booking",
                BookingId::new(partition, reserved.booking)
                    .as_uuid()
                    .to_string(),
            )
        },
        Outcome::Confirmed(confirmed) if confirmed.first => {
            let became = if confirmed.revived {
                "\"expired\",\"after\":\"confirmed\""
            } else {
                "\"reserved\",\"after\":\"confirmed\""
            };
            let booking = Touched {
                booking: confirmed.booking,
                show: confirmed.show,
                user: confirmed.user,
                quantity: confirmed.quantity,
            };
            of_booking(partition, record, "booking.confirm", booking, became)
        }
        Outcome::Released {
            booking,
            was_confirmed,
        } => {
            let became = if *was_confirmed {
                "\"confirmed\",\"after\":\"cancelled\""
            } else {
                "\"reserved\",\"after\":\"cancelled\""
            };
            of_booking(partition, record, "booking.cancel", booking.into(), became)
        }
        Outcome::Extended {
            booking,
            show,
            user,
            expires_at_ms,
        } => Decided {
            detail: format!(
                "{{\"changes\":{{\"expires_at_ms\":{{\"after\":{expires_at_ms}}}}},\
                 \"show_id\":\"{}\",\"user_id\":\"{}\",\"position\":{position}}}",
                show.0, user.0,
            ),
            ..entry(
                record,
                Place::Show(*show),
                "booking.extend",
                "booking",
                BookingId::new(partition, *booking).as_uuid().to_string(),
            )
        },
        _ => return of_staff(partition, record),
    })
}

/// As [`of_outcome`], for what staff does to shows, events and clocks.
fn of_staff(partition: PartitionId, record: &OutcomeRecord) -> Option<Decided> {
    let position = record.offset;
    Some(match &record.outcome {
        Outcome::Blocked(change) => of_block(record, "show.block", change),
        Outcome::Unblocked(change) => of_block(record, "show.unblock", change),
        Outcome::ShowOpened { show, .. } => of_show(record, "show.open", *show),
        Outcome::ShowAmended { show } => of_show(record, "show.amend", *show),
        Outcome::ShowClosed { show } => of_show(record, "show.close", *show),
        Outcome::ShowCancelled { show } => of_show(record, "show.cancel", *show),
        Outcome::EventAmended {
            event,
            max_tickets_per_user,
        } => Decided {
            detail: format!(
                "{{\"max_tickets_per_user\":{max_tickets_per_user},\"position\":{position}}}"
            ),
            ..of_event(record, "event.amend", *event)
        },
        Outcome::EventCancelled { event } => of_event(record, "event.cancel", *event),
        Outcome::ClockReset { from_ms, to_ms } => Decided {
            actor: ActorOf::someone(STAFF),
            detail: format!(
                "{{\"changes\":{{\"log_time_ms\":{{\"before\":{from_ms},\"after\":{to_ms}}}}},\
                 \"position\":{position}}}"
            ),
            ..entry(
                record,
                Place::Installation,
                "clock.reset",
                "partition",
                partition.to_string(),
            )
        },
        Outcome::ReservedV2(_)
        | Outcome::ConfirmedV2(_)
        | Outcome::ReleasedV2(_)
        | Outcome::PlacesReturned(_)
        | Outcome::OfferSet { .. }
        | Outcome::CodesCreated { .. }
        | Outcome::CodesAmended { .. }
        | Outcome::CodesEnded { .. }
        | Outcome::SeatsAdded { .. }
        | Outcome::SeatsTaken(_) => return version_3::of_outcome(partition, record),
        // Those of bookings, an equal answer, what nodes say to one another, and what is written down where
        // it was done.
        Outcome::Reserved(_)
        | Outcome::Confirmed(_)
        | Outcome::Released { .. }
        | Outcome::Extended { .. }
        | Outcome::Nothing
        | Outcome::Claimed { .. }
        | Outcome::BarrierPassed { .. }
        | Outcome::ReferenceClaimed(_)
        | Outcome::Described(_)
        | Outcome::Rejected(_) => return None,
    })
}

fn entry(
    record: &OutcomeRecord,
    place: Place,
    action: &'static str,
    subject_kind: &'static str,
    subject_id: String,
) -> Decided {
    Decided {
        offset: record.offset,
        at_ms: record.log_time_ms,
        place,
        // Who asked is not said where the projector sees outcomes alone.
        actor: ActorOf::someone(UNKNOWN),
        request_id: record.request_id.map(|id| id.0),
        action,
        subject_kind,
        subject_id,
        detail: format!("{{\"position\":{}}}", record.offset),
    }
}

/// `became` is the status before, and behind it the one after, as JSON.
fn of_booking(
    partition: PartitionId,
    record: &OutcomeRecord,
    action: &'static str,
    booking: Touched,
    became: &'static str,
) -> Decided {
    let id = BookingId::new(partition, booking.booking).as_uuid();
    Decided {
        detail: format!(
            "{{\"changes\":{{\"status\":{{\"before\":{became}}}}},\"show_id\":\"{}\",\
             \"user_id\":\"{}\",\"quantity\":{},\"position\":{}}}",
            booking.show.0, booking.user.0, booking.quantity, record.offset,
        ),
        ..entry(
            record,
            Place::Show(booking.show),
            action,
            "booking",
            id.to_string(),
        )
    }
}

fn of_show(record: &OutcomeRecord, action: &'static str, show: ShowId) -> Decided {
    Decided {
        actor: ActorOf::someone(STAFF),
        ..entry(
            record,
            Place::Show(show),
            action,
            "show",
            show.0.to_string(),
        )
    }
}

fn of_event(record: &OutcomeRecord, action: &'static str, event: EventId) -> Decided {
    Decided {
        actor: ActorOf::someone(STAFF),
        ..entry(
            record,
            Place::Event(event),
            action,
            "event",
            event.0.to_string(),
        )
    }
}

fn of_block(record: &OutcomeRecord, action: &'static str, change: &BlockChange) -> Decided {
    let places = if change.seats.is_empty() {
        u64::from(change.quantity)
    } else {
        u64::try_from(change.seats.len()).unwrap_or(u64::MAX)
    };
    Decided {
        detail: format!(
            "{{\"zone\":{},\"places\":{places},\"position\":{}}}",
            change.zone, record.offset,
        ),
        ..of_show(record, action, change.show)
    }
}

/// An entry with everything that its row has.
#[derive(Debug)]
pub(crate) struct DecidedRow {
    pub(crate) audit_id: i64,
    pub(crate) at_ms: i64,
    pub(crate) actor_id: Option<Uuid>,
    pub(crate) actor_role: &'static str,
    pub(crate) actor_tenant_id: Option<Uuid>,
    pub(crate) request_id: Option<String>,
    pub(crate) action: &'static str,
    pub(crate) subject_kind: &'static str,
    pub(crate) subject_id: String,
    pub(crate) tenant_id: Option<Uuid>,
    pub(crate) detail: String,
}

impl DecidedRow {
    fn member(&self) -> Member {
        Stored {
            audit_id: self.audit_id,
            at_ms: self.at_ms,
            actor_id: self.actor_id,
            actor_role: self.actor_role,
            actor_tenant_id: self.actor_tenant_id,
            request_id: self.request_id.as_deref(),
            action: self.action,
            subject_kind: self.subject_kind,
            subject_id: &self.subject_id,
            tenant_id: self.tenant_id,
            detail: Some(&self.detail),
            origin: None,
        }
        .member()
    }
}

/// What a batch decided.
pub(crate) fn decided(batch: &ProjectionBatch) -> Vec<Decided> {
    let mut decided = Vec::new();
    for record in &batch.outcomes {
        note(&mut decided, batch, record);
    }
    decided
}

/// Writes the entries of a plan that are not there yet.
pub(super) async fn write(transaction: &mut Transaction, plan: &Plan) -> Result<(), StoreError> {
    if plan.decided.is_empty() {
        return Ok(());
    }
    let next = plan.watermark.next_offset;
    write_decided(transaction, plan.partition, &plan.decided, next).await
}

/// Writes the entries of records before `next` that are not there yet. The transaction has locked the watermark.
pub(crate) async fn write_decided(
    transaction: &mut Transaction,
    partition: PartitionId,
    decided: &[Decided],
    next: Offset,
) -> Result<(), StoreError> {
    let written = written_up_to(transaction, partition).await?;
    if next <= written {
        return Ok(());
    }
    let due: Vec<&Decided> = decided
        .iter()
        .filter(|decided| decided.offset >= written)
        .collect();
    if !due.is_empty() {
        insert(transaction, partition, due).await?;
    }
    set_written(transaction, partition, next).await
}

/// Notes that a repair sets the watermark from `from` to `next`: the projector comes to nothing before that any
/// more. The records before it that have no entries.
pub(crate) async fn pass_over(
    transaction: &mut Transaction,
    partition: PartitionId,
    from: Offset,
    next: Offset,
) -> Result<Option<Range<Offset>>, StoreError> {
    let written = written_up_to(transaction, partition).await?;
    // One that was ahead of the log says nothing of what was projected.
    let begin = if from > next {
        written
    } else {
        written.max(from)
    };
    // Also set back: a log that has lost its end has other records there.
    set_written(transaction, partition, next).await?;
    Ok((begin < next).then_some(begin..next))
}

async fn insert(
    transaction: &mut Transaction,
    partition: PartitionId,
    due: Vec<&Decided>,
) -> Result<(), StoreError> {
    let tenants = Tenants::of(transaction, &due).await?;
    let lane = Lane::of_log(partition);
    let mut chains = BTreeMap::new();
    for decided in &due {
        let tenant = owner(tenants.of_place(decided.place));
        chains.entry(tenant).or_insert(None);
    }
    for (tenant, head) in &mut chains {
        let key = ChainKey {
            tenant: *tenant,
            lane,
        };
        *head = Some((chain::lock(transaction, key).await?, Vec::new()));
    }
    // Numbers are given out behind the locks, so that they grow along each chain.
    let ids = new_numbers(transaction, due.len()).await?;
    let mut rows = Vec::with_capacity(due.len());
    for (decided, audit_id) in due.into_iter().zip(ids) {
        let tenant_id = tenants.of_place(decided.place);
        let row = DecidedRow {
            audit_id,
            at_ms: integer("log_time_ms", decided.at_ms)?,
            actor_id: decided.actor.id,
            actor_role: decided.actor.role,
            actor_tenant_id: decided.actor.tenant,
            request_id: decided.request_id.map(|id| id.to_string()),
            action: decided.action,
            subject_kind: decided.subject_kind,
            subject_id: decided.subject_id.clone(),
            tenant_id,
            detail: decided.detail.clone(),
        };
        if let Some(Some((_, members))) = chains.get_mut(&owner(tenant_id)) {
            members.push(row.member());
        }
        rows.push(row);
    }
    bulk::insert_decided(transaction, &rows, lane).await?;
    for (head, members) in chains.into_values().flatten() {
        head.append(transaction, &members).await?;
    }
    Ok(())
}

async fn set_written(
    transaction: &mut Transaction,
    partition: PartitionId,
    next: Offset,
) -> Result<(), StoreError> {
    transaction
        .execute(
            "INSERT INTO audit_projected (partition, next_offset) VALUES ($1, $2) \
             ON CONFLICT (partition) DO UPDATE SET next_offset = excluded.next_offset",
            &[partition.0.into(), integer("next_offset", next)?.into()],
        )
        .await
        .map(drop)
}

/// The record from which on entries are missing. Only who has locked the partition's watermark writes it: its
/// projector, or a repair.
async fn written_up_to(
    transaction: &mut Transaction,
    partition: PartitionId,
) -> Result<Offset, StoreError> {
    transaction
        .fetch_optional(
            "SELECT next_offset FROM audit_projected WHERE partition = $1",
            &[partition.0.into()],
        )
        .await?
        .map_or(Ok(0), |row| row.number("next_offset"))
}

/// To whom shows and events belong. What the catalog lacks belongs to nobody: its entries are the
/// installation's.
struct Tenants(HashMap<Uuid, Uuid>);

impl Tenants {
    async fn of(transaction: &mut Transaction, due: &[&Decided]) -> Result<Self, StoreError> {
        let mut shows = Vec::new();
        let mut events = Vec::new();
        for decided in due {
            match decided.place {
                Place::Show(show) => shows.push(show.0),
                Place::Event(event) => events.push(event.0),
                Place::Installation => {}
            }
        }
        let mut found = HashMap::new();
        let of_shows = match transaction {
            Transaction::Postgres(_) => {
                "SELECT s.show_id AS id, e.tenant_id FROM shows AS s \
                 JOIN events AS e ON e.event_id = s.event_id WHERE s.show_id IN \
                 (SELECT CAST(value AS uuid) FROM json_array_elements_text(CAST($1 AS json)))"
            }
            Transaction::Sqlite(_) => {
                "SELECT s.show_id AS id, e.tenant_id FROM shows AS s \
                 JOIN events AS e ON e.event_id = s.event_id WHERE s.show_id IN \
                 (SELECT unhex(value) FROM json_each($1))"
            }
        };
        let of_events = match transaction {
            Transaction::Postgres(_) => {
                "SELECT event_id AS id, tenant_id FROM events WHERE event_id IN \
                 (SELECT CAST(value AS uuid) FROM json_array_elements_text(CAST($1 AS json)))"
            }
            Transaction::Sqlite(_) => {
                "SELECT event_id AS id, tenant_id FROM events WHERE event_id IN \
                 (SELECT unhex(value) FROM json_each($1))"
            }
        };
        for (mut ids, sql) in [(shows, of_shows), (events, of_events)] {
            ids.sort_unstable();
            ids.dedup();
            if ids.is_empty() {
                continue;
            }
            // Both databases read hexadecimal digits without hyphens.
            let ids: Vec<String> = ids.iter().map(|id| id.simple().to_string()).collect();
            let ids = json!(ids).to_string();
            for row in transaction.fetch(sql, &[Value::from(&ids)]).await? {
                found.insert(row.uuid("id")?, row.uuid("tenant_id")?);
            }
        }
        Ok(Self(found))
    }

    fn of_place(&self, place: Place) -> Option<Uuid> {
        match place {
            Place::Show(show) => self.0.get(&show.0).copied(),
            Place::Event(event) => self.0.get(&event.0).copied(),
            Place::Installation => None,
        }
    }
}
