//! The repair of what a report names.

use std::collections::{BTreeMap, BTreeSet};

use onsale_counts::Counts;
use onsale_engine::{MACHINE_VERSION_SECOND, Partition};
use onsale_schemas::command::{Admission, Subject};
use onsale_schemas::{BookingId, EventId, LogTimeMs, Offset, PartitionId, ShowId};
use onsale_store::audit::{Actor, Audit, Unaudited};
use onsale_store::booking::{
    BookingRepair, BookingRow, BookingStatus, StoredBooking, Watermark, projected_offset,
};
use onsale_store::catalog::{EventStatus, ShowRow, ShowStatus};
use onsale_store::document::Document;
use onsale_store::retention::RetiredShows;
use onsale_store::{Store, StoreError};
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::compare::{
    OF_NO_PARTITION, blocked_places, compare, described_show, differing_columns,
    differing_event_columns, differing_show_columns, differing_status, differing_zones,
    expected_status, hex, holders_by_show, is_same_payment, shape,
};
use super::counts::EngineCounts;
use super::log_rows::{self, Asked, ReadAgainError};
use super::report::{Difference, Finding, REPORT_VERSION, Report};
use super::{Engine, Projections};

/// Oldest report that may be applied, in milliseconds (24 hours).
const REPORT_AGE_MAX_MS: u64 = 86_400_000;
/// Repaired bookings that an entry of the audit trail names; it says how many there were. Each takes 39
/// bytes of the 4,096 that an entry has for its details.
const BOOKINGS_NAMED_MAX: usize = 64;

/// What applying a report did.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Applied {
    /// Differences repaired.
    pub repaired: u64,
    /// Differences that were gone by now.
    pub gone: u64,
    /// True when the projection had stopped and was brought up to date: it goes on from there.
    #[serde(default)]
    pub projection_moved: bool,
    /// Differences that a repair from the log cannot mend, each with what to do.
    pub left: Vec<String>,
}

/// Why a report was not applied.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// Written by another program version.
    #[error(
        "the report has format {found}, this program reads up to {REPORT_VERSION}: make a new one"
    )]
    Version {
        /// Its version.
        found: u32,
    },
    /// It describes another log.
    #[error("the report is about log {report}, this server runs on log {server}")]
    OtherLog {
        /// By the report.
        report: String,
        /// Here.
        server: String,
    },
    /// The state has moved on too far.
    #[error("the report is {age_s} seconds old, at most {} are allowed: make a new one", REPORT_AGE_MAX_MS / 1_000)]
    TooOld {
        /// Its age in seconds.
        age_s: u64,
    },
    /// It describes a state that the log has not reached: the log was set back.
    #[error(
        "the report describes partition {partition} at offset {report}, the log is at {here}: \
         it was set back since; make a new report"
    )]
    Ahead {
        /// The partition.
        partition: PartitionId,
        /// By the report.
        report: u64,
        /// Here.
        here: u64,
    },
    /// The projector is at work: a repair would run into it.
    #[error("{0}; wait until the projection stands still with the log, then try again")]
    Moving(String),
    /// What the machines do not keep cannot be had.
    #[error(transparent)]
    Log(#[from] ReadAgainError),
    /// The database refused.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl ApplyError {
    /// The field of the report that is in the way.
    pub fn field(&self) -> Option<&'static str> {
        match self {
            Self::Version { .. } => Some("version"),
            Self::OtherLog { .. } => Some("log_id"),
            Self::TooOld { .. } => Some("created_at_ms"),
            Self::Ahead { .. } => Some("positions"),
            Self::Moving(_) | Self::Log(_) | Self::Store(_) => None,
        }
    }
}

/// What is repaired, and on whose behalf.
#[derive(Clone, Copy)]
struct Target<'a> {
    store: &'a Store,
    by: Option<&'a Actor>,
}

impl Target<'_> {
    /// What the audit trail says about one repair of something that belongs to `tenant`.
    fn audit(
        &self,
        action: &'static str,
        (subject_kind, subject_id): (&'static str, Uuid),
        tenant: Option<Uuid>,
        detail: serde_json::Value,
    ) -> Audit {
        let Some(actor) = self.by else {
            return Unaudited::Automatic.into();
        };
        let entry = actor.did(action, subject_kind, subject_id).with(detail);
        match tenant {
            Some(tenant) => entry.of_tenant(tenant).into(),
            None => entry.into(),
        }
    }

    /// The tenant of an event, `None` where the database lacks the event.
    async fn tenant_of_event(&self, event: EventId) -> Result<Option<Uuid>, StoreError> {
        let row = self.store.event(event).await?;
        Ok(row.map(|row| row.tenant_id))
    }

    async fn tenant_of_show(&self, show: ShowId) -> Result<Option<Uuid>, StoreError> {
        match readable_show(self.store, show).await? {
            Some(row) => self.tenant_of_event(row.event_id).await,
            None => Ok(None),
        }
    }

    /// What the audit trail says about a repair of bookings: an entry for each of their shows.
    async fn audit_of_bookings(&self, repair: &Repair) -> Result<Audit, StoreError> {
        let Some(actor) = self.by else {
            return Ok(Unaudited::Automatic.into());
        };
        let mut shows: BTreeMap<ShowId, Vec<BookingId>> = BTreeMap::new();
        for row in &repair.rows {
            let bookings = shows.entry(row.show_id).or_default();
            bookings.push(row.booking_id);
        }
        for (booking, show) in &repair.removed {
            shows.entry(*show).or_default().push(*booking);
        }
        for show in &repair.shows {
            shows.entry(*show).or_default();
        }
        let mut entries = Vec::with_capacity(shows.len());
        for (show, bookings) in shows {
            let named: Vec<Uuid> = bookings
                .iter()
                .take(BOOKINGS_NAMED_MAX)
                .map(|booking| booking.as_uuid())
                .collect();
            let entry = actor
                .did("reconcile.bookings", "show", show)
                .with(json!({ "bookings": bookings.len(), "ids": named }));
            entries.push(match self.tenant_of_show(show).await? {
                Some(tenant) => entry.of_tenant(tenant),
                None => entry,
            });
        }
        Ok(Audit::Entries(entries))
    }
}

/// A show whose rows can be read.
async fn readable_show(store: &Store, show: ShowId) -> Result<Option<ShowRow>, StoreError> {
    match store.show(show).await {
        // Its zones were changed by hand, which is a finding of its own.
        Err(StoreError::Corrupt(_)) => Ok(None),
        read => read,
    }
}

/// What is to be done to bookings, gathered before any is touched.
#[derive(Default)]
struct Repair {
    rows: Vec<BookingRow>,
    /// Bookings that the log does not have, and their shows as far as they say.
    removed: Vec<(BookingId, ShowId)>,
    /// Shows whose seats are written again because they differ.
    shows: BTreeSet<ShowId>,
    /// Shows in which bookings stood that belong to others.
    left: BTreeSet<ShowId>,
}

impl Repair {
    /// With every seat of the shows that it touches as the machines have them.
    fn with_holders(&self, machines: &[Partition], retired: &RetiredShows) -> BookingRepair {
        let mut touched = &self.shows | &self.left;
        touched.extend(self.rows.iter().map(|row| row.show_id));
        touched.extend(self.removed.iter().map(|(_, show)| *show));
        let mut holders = BTreeMap::new();
        for machine in machines {
            let mut held = holders_by_show(machine);
            for show in &touched {
                // Seats of bookings that were deleted because they are too old stay free.
                if machine.show(*show).is_some() && !retired.has(*show) {
                    holders.insert(*show, held.remove(show).unwrap_or_default());
                }
            }
        }
        BookingRepair {
            rows: self.rows.clone(),
            removed: self.removed.iter().map(|(booking, _)| *booking).collect(),
            holders,
        }
    }

    fn len(&self) -> u64 {
        let items = self.rows.len() + self.removed.len() + self.shows.len();
        u64::try_from(items).unwrap_or(u64::MAX)
    }
}

/// Repairs what `report` names, each item as the engine has it *now*; the machines stand still.
/// What Redis does not take is left. A projection that had stopped is brought to where the machines
/// stand; nothing else may write it meanwhile. The audit trail says that it was done `by` an operator;
/// where there is none, the server repairs by itself.
///
/// # Errors
/// When the report may not be applied, before anything was changed; or when log or database fails.
pub async fn apply<'a>(
    report: &Report,
    engine: Engine<'_>,
    projections: impl Into<Projections<'a>>,
    now_ms: u64,
    by: Option<&Actor>,
) -> Result<Applied, ApplyError> {
    let Projections { store, counts } = projections.into();
    check(report, engine.machines, engine.log_id, now_ms)?;
    let mut applied = Applied::default();
    let target = Target { store, by };
    apply_to_store(report, engine, target, now_ms, &mut applied).await?;
    // Last, so that a Redis that fails keeps nothing else from being repaired.
    for machine in engine.machines {
        repair_counts(&report.differences, machine, counts, &mut applied).await;
    }
    Ok(applied)
}

async fn apply_to_store(
    report: &Report,
    engine: Engine<'_>,
    target: Target<'_>,
    now_ms: u64,
    applied: &mut Applied,
) -> Result<(), ApplyError> {
    let machines = engine.machines;
    repair_all(&report.differences, engine, target, applied, now_ms).await?;
    let behind = behind(machines, target.store).await?;
    if behind.is_empty() || !applied.left.is_empty() {
        return Ok(());
    }
    // The projection had stopped: what came since the report is not in it, so what differs by now
    // is repaired too before the watermark says that everything up to here is there.
    let rest = compare(machines, None, target.store, engine.log_id, now_ms).await?;
    repair_all(&rest.differences, engine, target, applied, now_ms).await?;
    if applied.left.is_empty() {
        for (machine, mark) in behind {
            repair_ended(machine, mark, engine, target, applied, now_ms).await?;
            set_watermark(machine, target).await?;
            applied.projection_moved = true;
        }
    }
    Ok(())
}

/// The database is where the machine is.
async fn set_watermark(machine: &Partition, target: Target<'_>) -> Result<(), StoreError> {
    let watermark = Watermark {
        partition: machine.id(),
        next_offset: machine.next_offset(),
        last_outcome: machine.last_outcome(),
        log_time_ms: machine.log_time_ms(),
    };
    let is_version_2 = machine.machine_version() >= MACHINE_VERSION_SECOND;
    let audit = match target.by {
        Some(actor) => actor
            .did("reconcile.watermark", "partition", machine.id())
            .with(json!({ "next_offset": watermark.next_offset }))
            .into(),
        None => Audit::Skipped(Unaudited::Automatic),
    };
    target
        .store
        .set_watermark(&watermark, is_version_2, audit)
        .await
}

/// Repairs the catalog one by one, then bookings all at once, as seats may have gone from one to
/// another, and at last what follows from the catalog.
async fn repair_all(
    differences: &[Difference],
    engine: Engine<'_>,
    target: Target<'_>,
    applied: &mut Applied,
    now_ms: u64,
) -> Result<(), ApplyError> {
    let mut bookings: BTreeMap<PartitionId, BTreeSet<Offset>> = BTreeMap::new();
    let mut repair = Repair::default();
    let mut is_usage_asked = false;
    for difference in differences {
        let partition = difference.partition;
        let machines = engine.machines;
        let machine = machines.iter().find(|machine| machine.id() == partition);
        let Some(machine) = machine else {
            applied.left.push(format!("no partition {partition} here"));
            continue;
        };
        match &difference.finding {
            Finding::BookingMissing { booking_id, .. }
            | Finding::BookingDiffers { booking_id, .. }
            | Finding::BookingExtra { booking_id, .. } => {
                let of_partition = bookings.entry(partition).or_default();
                of_partition.insert(booking_id.offset());
            }
            Finding::SeatHoldersDiffer { show_id } => {
                repair.shows.insert(*show_id);
            }
            finding => {
                let is_catalog = matches!(finding, Finding::CatalogOlder { .. });
                is_usage_asked |= is_catalog || *finding == Finding::UsageDiffers;
                self::repair(finding, machine, engine, target, applied).await?;
            }
        }
    }
    for machine in engine.machines {
        if let Some(offsets) = bookings.remove(&machine.id()) {
            gather(
                machine,
                offsets,
                engine,
                target,
                now_ms,
                &mut repair,
                applied,
            )
            .await?;
        }
    }
    repair_bookings(&repair, engine, target, applied).await?;
    if is_usage_asked {
        repair_usage(target, applied).await?;
    }
    Ok(())
}

/// What has to be done to these bookings of a partition.
async fn gather(
    machine: &Partition,
    offsets: BTreeSet<Offset>,
    engine: Engine<'_>,
    target: Target<'_>,
    now_ms: u64,
    repair: &mut Repair,
    applied: &mut Applied,
) -> Result<(), ApplyError> {
    let of_log = match engine.log {
        Some(log) => log_rows::read(log, machine, Asked::These(offsets.clone())).await?,
        None => None,
    };
    let retired = target.store.retired_shows().await?;
    for offset in offsets {
        let id = BookingId::new(machine.id(), offset);
        let stored = target.store.stored_booking(id).await?;
        let stands = stored.as_ref().and_then(|stored| stored.row.as_ref().ok());
        match &of_log {
            Some(rows) => match (rows.get(&offset), &stored) {
                // It was deleted because it is too old.
                (Some(row), None) if retired.may_lack(row.show_id, row.reserved_at_ms) => {
                    applied.gone += 1;
                }
                (Some(row), _) if stands == Some(row) => applied.gone += 1,
                (Some(row), _) => {
                    repair.left.extend(stands.map(|stands| stands.show_id));
                    repair.rows.push(row.clone());
                }
                (None, Some(_)) => {
                    let show = stands.map_or_else(no_show, |stands| stands.show_id);
                    repair.removed.push((id, show));
                }
                (None, None) => applied.gone += 1,
            },
            None if stored.is_none() && may_be_lacking(machine, offset, &retired) => {
                applied.gone += 1;
            }
            None => {
                if let Some(why) = unrepairable(id, machine, stands) {
                    applied.left.push(why);
                }
                match booking_row(id, machine, stored.as_ref(), now_ms) {
                    Some(row) => repair.rows.push(row),
                    None => applied.gone += 1,
                }
            }
        }
    }
    Ok(())
}

/// Whether a booking of the machine was deleted because it is too old.
fn may_be_lacking(machine: &Partition, offset: Offset, retired: &RetiredShows) -> bool {
    machine
        .booking(offset)
        .is_some_and(|booking| retired.may_lack(booking.show, booking.reserved_at_ms))
}

/// Of a row that does not say which.
fn no_show() -> ShowId {
    ShowId::from_bytes([0; 16])
}

/// All in one transaction.
async fn repair_bookings(
    repair: &Repair,
    engine: Engine<'_>,
    target: Target<'_>,
    applied: &mut Applied,
) -> Result<(), ApplyError> {
    if repair.len() == 0 {
        return Ok(());
    }
    let audit = target.audit_of_bookings(repair).await?;
    let retired = target.store.retired_shows().await?;
    let bookings = repair.with_holders(engine.machines, &retired);
    target.store.repair_bookings(bookings, audit).await?;
    applied.repaired += repair.len();
    Ok(())
}

/// Adds up what organizers have.
async fn repair_usage(target: Target<'_>, applied: &mut Applied) -> Result<(), ApplyError> {
    if target.store.usage_differs().await? {
        let audit = match target.by {
            Some(actor) => actor
                .did("reconcile.usage", "partition", OF_NO_PARTITION)
                .into(),
            None => Audit::Skipped(Unaudited::Automatic),
        };
        target.store.repair_usage(audit).await?;
        applied.repaired += 1;
    }
    Ok(())
}

/// What is found of a partition in Redis. A Redis that fails is no reason to leave the rest: its
/// counts cost nothing but an early refusal.
async fn repair_counts(
    differences: &[Difference],
    machine: &Partition,
    counts: Option<&Counts>,
    applied: &mut Applied,
) {
    let mut engine = None;
    for difference in differences {
        if difference.partition != machine.id() {
            continue;
        }
        let repaired = match (&difference.finding, counts) {
            (Finding::RedisPlacesDiffer { .. } | Finding::RedisTicketsDiffer { .. }, None) => {
                applied
                    .left
                    .push("counts in Redis: no redis.url is configured here".to_owned());
                continue;
            }
            (Finding::RedisPlacesDiffer { show_id, zone, .. }, Some(counts)) => {
                let engine = engine.get_or_insert_with(|| EngineCounts::of(machine));
                engine.repair_places(*show_id, *zone, counts).await
            }
            (
                Finding::RedisTicketsDiffer {
                    event_id, user_id, ..
                },
                Some(counts),
            ) => {
                let engine = engine.get_or_insert_with(|| EngineCounts::of(machine));
                engine.repair_tickets(*event_id, *user_id, counts).await
            }
            _ => continue,
        };
        match repaired {
            Ok(true) => applied.repaired += 1,
            Ok(false) => applied.gone += 1,
            Err(error) => applied.left.push(format!("counts in Redis: {error}")),
        }
    }
}

/// Writes the bookings that have ended since the projection stopped. A comparison looks at live ones
/// only, and nobody would ever project the others once the watermark is behind them. Where the log
/// no longer goes back to its beginning, those that the engine has forgotten by now are lost to the
/// database.
async fn repair_ended(
    machine: &Partition,
    mark: Watermark,
    engine: Engine<'_>,
    target: Target<'_>,
    applied: &mut Applied,
    now_ms: u64,
) -> Result<(), ApplyError> {
    let of_log = match engine.log {
        Some(log) => log_rows::read(log, machine, Asked::All).await?,
        None => None,
    };
    let retired = target.store.retired_shows().await?;
    let mut repair = Repair::default();
    if let Some(rows) = of_log {
        let rows = rows.into_values();
        let ended = rows.filter(|row| !row.status.is_live());
        for row in ended.filter(|row| row.updated_offset >= mark.next_offset) {
            let stored = target.store.stored_booking(row.booking_id).await?;
            if stored.is_none() && retired.may_lack(row.show_id, row.reserved_at_ms) {
                continue;
            }
            if stored.is_none_or(|stored| stored.row.as_ref() != Ok(&row)) {
                repair.rows.push(row);
            }
        }
        return repair_bookings(&repair, engine, target, applied).await;
    }
    for booking in machine.bookings() {
        let has_ended = booking
            .ended_at_ms
            .is_some_and(|ended_at_ms| ended_at_ms >= mark.log_time_ms);
        if has_ended {
            let id = BookingId::new(machine.id(), booking.booking);
            let stored = target.store.stored_booking(id).await?;
            if stored.is_none() && retired.may_lack(booking.show, booking.reserved_at_ms) {
                continue;
            }
            let row = booking_row(id, machine, stored.as_ref(), now_ms);
            repair.rows.extend(row);
        }
    }
    repair_bookings(&repair, engine, target, applied).await
}

/// The machines that the projection has not reached, each with where it stands.
async fn behind<'a>(
    machines: &'a [Partition],
    store: &Store,
) -> Result<Vec<(&'a Partition, Watermark)>, StoreError> {
    let watermarks = store.watermarks().await?;
    Ok(machines
        .iter()
        .filter(|machine| projected_offset(&watermarks, machine.id()) < machine.next_offset())
        .map(|machine| {
            let mark = watermarks
                .iter()
                .find(|mark| mark.partition == machine.id());
            let never = Watermark {
                partition: machine.id(),
                next_offset: 0,
                last_outcome: None,
                log_time_ms: LogTimeMs::default(),
            };
            (machine, mark.copied().unwrap_or(never))
        })
        .collect())
}

/// Whether a report may be applied to the projections of these machines.
///
/// # Errors
/// [`ApplyError::Version`], [`ApplyError::OtherLog`], [`ApplyError::TooOld`] or
/// [`ApplyError::Ahead`].
pub fn check(
    report: &Report,
    machines: &[Partition],
    log_id: [u8; 16],
    now_ms: u64,
) -> Result<(), ApplyError> {
    if !(1..=REPORT_VERSION).contains(&report.version) {
        return Err(ApplyError::Version {
            found: report.version,
        });
    }
    let server = hex(&log_id);
    if report.log_id != server {
        return Err(ApplyError::OtherLog {
            report: report.log_id.clone(),
            server,
        });
    }
    let age_ms = now_ms.saturating_sub(report.created_at_ms);
    if age_ms > REPORT_AGE_MAX_MS {
        return Err(ApplyError::TooOld {
            age_s: age_ms / 1_000,
        });
    }
    for position in &report.positions {
        let here = machines
            .iter()
            .find(|machine| machine.id() == position.partition)
            .map_or(0, Partition::next_offset);
        if position.next_offset > here {
            return Err(ApplyError::Ahead {
                partition: position.partition,
                report: position.next_offset,
                here,
            });
        }
    }
    Ok(())
}

async fn repair(
    finding: &Finding,
    machine: &Partition,
    engine: Engine<'_>,
    target: Target<'_>,
    applied: &mut Applied,
) -> Result<(), ApplyError> {
    match finding {
        Finding::BlocksDiffer { show_id } => {
            repair_blocks(*show_id, machine, target).await?;
            applied.repaired += 1;
            Ok(())
        }
        Finding::ShowStatusDiffers { show_id, .. } => {
            let cancelled = machine.show(*show_id).is_some_and(|show| show.cancelled);
            repair_status(*show_id, cancelled, target).await?;
            applied.repaired += 1;
            Ok(())
        }
        Finding::CatalogOlder {
            event_id, show_id, ..
        } => {
            let subject = match show_id {
                Some(show) => Subject::Show {
                    show: *show,
                    event: *event_id,
                },
                None => Subject::Event(*event_id),
            };
            repair_catalog(&subject, machine, engine, target, applied).await
        }
        Finding::ShowDiffers { show_id, .. } => {
            repair_show(*show_id, machine, target, applied).await
        }
        Finding::ZonesDiffer { show_id, .. } => {
            repair_zones(*show_id, machine, engine, target, applied).await
        }
        Finding::EventDiffers { event_id, .. } => {
            repair_event(*event_id, machine, target, applied).await
        }
        Finding::ZoneSumsDiffer { show_id, .. } => {
            applied.left.push(format!(
                "show {show_id}: the engine contradicts itself; run `onsale verify` and report it"
            ));
            Ok(())
        }
        Finding::WatermarkAhead { .. } => {
            set_watermark(machine, target).await?;
            applied.repaired += 1;
            Ok(())
        }
        // See `repair_all` and `repair_counts`.
        Finding::BookingMissing { .. }
        | Finding::BookingDiffers { .. }
        | Finding::BookingExtra { .. }
        | Finding::SeatHoldersDiffer { .. }
        | Finding::UsageDiffers
        | Finding::RedisPlacesDiffer { .. }
        | Finding::RedisTicketsDiffer { .. } => Ok(()),
        Finding::ShowMissing { show_id } => {
            applied.left.push(format!(
                "show {show_id}: the log has no document with its names and labels (it was opened \
                 by a version before these were kept); restore the catalog from a backup of the \
                 database"
            ));
            Ok(())
        }
    }
}

fn status(cancelled: bool) -> ShowStatus {
    if cancelled {
        ShowStatus::Cancelled
    } else {
        ShowStatus::Open
    }
}

async fn repair_status(
    show: ShowId,
    cancelled: bool,
    target: Target<'_>,
) -> Result<(), ApplyError> {
    let status = status(cancelled);
    let detail = json!({ "status": status.as_str() });
    let tenant = target.tenant_of_show(show).await?;
    let audit = target.audit("reconcile.show_status", ("show", show.0), tenant, detail);
    target.store.set_show_status(show, status, audit).await?;
    Ok(())
}

async fn repair_blocks(
    show: ShowId,
    machine: &Partition,
    target: Target<'_>,
) -> Result<(), ApplyError> {
    let (seats, quantities) = blocked_places(machine, show);
    let tenant = target.tenant_of_show(show).await?;
    let audit = target.audit(
        "reconcile.blocks",
        ("show", show.0),
        tenant,
        json!({ "seats": seats.len(), "zones": quantities.len() }),
    );
    target
        .store
        .repair_blocks(show, &seats, &quantities, audit)
        .await?;
    Ok(())
}

/// Brings an event or show from its document, and what the engine itself knows of the show as it is
/// now: the document is as old as the last change that was asked for.
async fn repair_catalog(
    subject: &Subject,
    machine: &Partition,
    engine: Engine<'_>,
    target: Target<'_>,
    applied: &mut Applied,
) -> Result<(), ApplyError> {
    let document = match machine.document(subject).map(Document::decode) {
        Some(Ok(document)) => document,
        Some(Err(error)) => {
            applied
                .left
                .push(format!("{subject:?}: its document: {error}"));
            return Ok(());
        }
        None => {
            applied.gone += 1;
            return Ok(());
        }
    };
    let (kind, id) = match subject {
        Subject::Event(event) => ("event", event.0),
        Subject::Show { show, .. } => ("show", show.0),
    };
    let tenant = Some(document.event.row.tenant_id);
    let nothing = serde_json::Value::Null;
    let audit = target.audit("reconcile.catalog", (kind, id), tenant, nothing);
    if target.store.restore_document(&document, audit).await? {
        applied.repaired += 1;
    } else {
        applied.gone += 1;
    }
    if let Subject::Show { show: id, .. } = *subject
        && let (Some(show), Some(row)) = (machine.show(id), readable_show(target.store, id).await?)
    {
        if differing_status(&show, &row, machine.log_time_ms()).is_some() {
            repair_status(id, show.cancelled, target).await?;
        }
        if !differing_zones(&show, &row, None).is_empty() {
            repair_zones(id, machine, engine, target, applied).await?;
        }
        if !differing_show_columns(&show, &row, machine.id()).is_empty() {
            repair_show(id, machine, target, applied).await?;
        }
        repair_blocks(id, machine, target).await?;
    }
    Ok(())
}

/// Name and beginning are not the engine's to know and stay as they are.
async fn repair_show(
    id: ShowId,
    machine: &Partition,
    target: Target<'_>,
    applied: &mut Applied,
) -> Result<(), ApplyError> {
    let (Some(show), Some(mut row)) = (machine.show(id), readable_show(target.store, id).await?)
    else {
        applied.gone += 1;
        return Ok(());
    };
    if differing_show_columns(&show, &row, machine.id()).is_empty() {
        applied.gone += 1;
        return Ok(());
    }
    row.event_id = show.event;
    row.partition = machine.id();
    row.sale_opens_at_ms = show.sale_opens_at_ms;
    row.sale_closes_at_ms = show.sale_closes_at_ms;
    row.hold_ms = show.hold_ms;
    row.cooldown_ms = show.cooldown_ms;
    for (zone, engine) in row.zones.iter_mut().zip(&show.zones) {
        zone.unit_price = engine.unit_price;
        zone.currency = engine.currency.as_str().to_owned();
    }
    let tenant = target.tenant_of_event(row.event_id).await?;
    let nothing = serde_json::Value::Null;
    let audit = target.audit("reconcile.show", ("show", id.0), tenant, nothing);
    target.store.update_show(&row, audit).await?;
    applied.repaired += 1;
    Ok(())
}

/// Brings the zones of a show from its document, with the prices that the engine has. Where the document
/// was written when zones were missing already, an earlier one of the log has them.
async fn repair_zones(
    id: ShowId,
    machine: &Partition,
    engine: Engine<'_>,
    target: Target<'_>,
    applied: &mut Applied,
) -> Result<(), ApplyError> {
    let Some(show) = machine.show(id) else {
        applied.gone += 1;
        return Ok(());
    };
    let subject = Subject::Show {
        show: id,
        event: show.event,
    };
    let described = described_show(machine, &subject);
    let stands = match target.store.show(id).await {
        Ok(Some(row)) => differing_zones(&show, &row, described.as_ref()).is_empty(),
        // The row is another finding.
        Ok(None) => true,
        Err(StoreError::Corrupt(_)) => false,
        Err(error) => return Err(error.into()),
    };
    if stands {
        applied.gone += 1;
        return Ok(());
    }
    let shapes: Vec<Admission> = show
        .zones
        .iter()
        .map(|zone| zone.admission.clone())
        .collect();
    let fits = move |row: &ShowRow| {
        let found = row.zones.iter().map(|zone| shape(&zone.admission));
        found.eq(shapes.iter().cloned())
    };
    let described = match (described.filter(&fits), engine.log) {
        (None, Some(log)) => log_rows::described_before(log, machine.id(), subject, fits).await?,
        (described, _) => described,
    };
    let Some(mut row) = described else {
        applied.left.push(format!(
            "show {id}: the log has no document with the names and labels of its zones as they are \
             sold; restore the table zones from a backup of the database"
        ));
        return Ok(());
    };
    for (zone, engine) in row.zones.iter_mut().zip(&show.zones) {
        zone.unit_price = engine.unit_price;
        zone.currency = engine.currency.as_str().to_owned();
    }
    let tenant = target.tenant_of_event(show.event).await?;
    let detail = json!({ "zones": row.zones.len() });
    let audit = target.audit("reconcile.zones", ("show", id.0), tenant, detail);
    target.store.repair_zones(&row, audit).await?;
    applied.repaired += 1;
    Ok(())
}

/// Sets what the log decides about an event; what people read of it stays.
async fn repair_event(
    id: EventId,
    machine: &Partition,
    target: Target<'_>,
    applied: &mut Applied,
) -> Result<(), ApplyError> {
    let sells = machine
        .shows()
        .any(|show| show.event == id && !show.cancelled);
    let (Some(view), Some(row)) = (machine.event(id), target.store.event(id).await?) else {
        applied.gone += 1;
        return Ok(());
    };
    let columns = differing_event_columns(&view, sells, &row);
    if columns.is_empty() {
        applied.gone += 1;
        return Ok(());
    }
    let is_cancelled = view.cancelled || (!sells && row.status == EventStatus::Cancelled);
    let detail = json!({ "columns": columns });
    let audit = target.audit(
        "reconcile.event",
        ("event", id.0),
        Some(row.tenant_id),
        detail,
    );
    let limit = view.max_tickets_per_user;
    target
        .store
        .repair_event(id, limit, is_cancelled, audit)
        .await?;
    applied.repaired += 1;
    Ok(())
}

/// Why the row of a booking cannot be made right from the machine alone.
fn unrepairable(id: BookingId, machine: &Partition, stands: Option<&BookingRow>) -> Option<String> {
    let booking = machine.booking(id.offset())?;
    let is_paid_otherwise = match stands {
        Some(row) => !is_same_payment(&booking, row),
        None => booking.payment_hash.is_some(),
    };
    is_paid_otherwise.then(|| {
        format!(
            "booking {id}: its payment reference is in the log alone, which no longer goes back to \
             its beginning; restore it from a backup of the database"
        )
    })
}

/// What the row of a booking should be by the machine, `None` where it is just that.
fn booking_row(
    id: BookingId,
    machine: &Partition,
    stored: Option<&StoredBooking>,
    now_ms: u64,
) -> Option<BookingRow> {
    let row = stored.and_then(|stored| stored.row.as_ref().ok());
    match (machine.booking(id.offset()), row) {
        (Some(booking), row) => {
            if row.is_some_and(|row| differing_columns(&booking, row).is_empty()) {
                return None;
            }
            let status = expected_status(&booking);
            Some(BookingRow {
                booking_id: id,
                // What the engine does not keep stays as it was.
                request_id: row.and_then(|row| row.request_id),
                payment_reference: row.and_then(|row| row.payment_reference.clone()),
                event_id: booking.event,
                show_id: booking.show,
                user_id: booking.user,
                zone: booking.zone,
                seats: booking.seats.to_vec(),
                quantity: booking.quantity,
                unit_price: booking.unit_price,
                currency: booking.currency.as_str().to_owned(),
                status,
                reserved_at_ms: booking.reserved_at_ms,
                expires_at_ms: booking.expires_at_ms,
                confirmed_at_ms: booking.confirmed_at_ms.or_else(|| {
                    row.filter(|_| booking.ended_at_ms.is_some())?
                        .confirmed_at_ms
                }),
                ended_at_ms: booking.ended_at_ms,
                updated_offset: machine.next_offset().saturating_sub(1),
            })
        }
        // The engine has forgotten it, so it ended more than an hour ago; which way is in the log.
        (None, Some(row)) if row.status.is_live() => Some(BookingRow {
            status: if row.confirmed_at_ms.is_some() {
                BookingStatus::Cancelled
            } else {
                BookingStatus::Expired
            },
            ended_at_ms: Some(now_ms),
            ..row.clone()
        }),
        (None, _) => None,
    }
}
