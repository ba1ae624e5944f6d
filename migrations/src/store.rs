//! One store, two databases.

use onsale_schemas::{BookingId, EventId, PartitionId, RequestId, ShowId};

use crate::booking::{BookingFilter, BookingRow, Watermark, ZoneSums};
use crate::catalog::{EventFilter, EventRow, Page, RememberedAnswer, ShowRow, ShowStatus};
use crate::error::StoreError;
use crate::projection::ProjectionBatch;
use crate::snapshot::SnapshotInfo;

/// A handle to the database, cheap to clone.
#[derive(Clone, Debug)]
pub struct Store {}

#[expect(
    clippy::unimplemented,
    unused_variables,
    clippy::unused_async,
    reason = "interface first"
)]
impl Store {
    /// Opens `sqlite://PATH` (made when missing, WAL) or `postgres://…` with at most
    /// `connections_max` connections. Does not touch the schema.
    pub async fn connect(url: &str, connections_max: u32) -> Result<Self, StoreError> {
        unimplemented!()
    }
    /// Applies missing migrations; returns how many.
    pub async fn migrate(&self) -> Result<usize, StoreError> {
        unimplemented!()
    }
    /// Error unless every migration this program knows is applied and none that it does not know.
    pub async fn check_schema(&self) -> Result<(), StoreError> {
        unimplemented!()
    }
    /// A round trip.
    pub async fn ping(&self) -> Result<(), StoreError> {
        unimplemented!()
    }
    /// `(in use, idle)` connections.
    pub fn connections(&self) -> (u32, u32) {
        unimplemented!()
    }

    // Catalog.

    /// Adds an event. `Exists` when the id is taken.
    pub async fn add_event(&self, event: &EventRow) -> Result<(), StoreError> {
        unimplemented!()
    }
    /// Replaces an event's row.
    pub async fn update_event(&self, event: &EventRow) -> Result<bool, StoreError> {
        unimplemented!()
    }
    /// One event.
    pub async fn event(&self, id: EventId) -> Result<Option<EventRow>, StoreError> {
        unimplemented!()
    }
    /// Events by (starts_at_ms, event_id), page by number from 1.
    pub async fn events(
        &self,
        filter: &EventFilter,
        page: u32,
        per_page: u32,
    ) -> Result<Page<EventRow>, StoreError> {
        unimplemented!()
    }
    /// Adds a show with its zones in one transaction. `Exists` when the id is taken.
    pub async fn add_show(&self, show: &ShowRow) -> Result<(), StoreError> {
        unimplemented!()
    }
    /// Replaces times, prices and hold of a show (not its layout, status or partition).
    pub async fn update_show(&self, show: &ShowRow) -> Result<bool, StoreError> {
        unimplemented!()
    }
    /// One show with its zones.
    pub async fn show(&self, id: ShowId) -> Result<Option<ShowRow>, StoreError> {
        unimplemented!()
    }
    /// Shows of an event with their zones, by (starts_at_ms, show_id).
    pub async fn shows_of_event(&self, id: EventId) -> Result<Vec<ShowRow>, StoreError> {
        unimplemented!()
    }
    /// Shows with this status, with their zones, of all events, by show id.
    pub async fn shows_with_status(&self, status: ShowStatus) -> Result<Vec<ShowRow>, StoreError> {
        unimplemented!()
    }
    /// Sets a show's status outside the projection (reconciliation only).
    pub async fn set_show_status(
        &self,
        id: ShowId,
        status: ShowStatus,
    ) -> Result<bool, StoreError> {
        unimplemented!()
    }
    /// A remembered answer of a catalog call.
    pub async fn recall_answer(
        &self,
        id: RequestId,
    ) -> Result<Option<RememberedAnswer>, StoreError> {
        unimplemented!()
    }
    /// Remembers an answer of a catalog call; the first one wins and is returned.
    pub async fn remember_answer(
        &self,
        id: RequestId,
        answer: &RememberedAnswer,
        now_ms: u64,
    ) -> Result<RememberedAnswer, StoreError> {
        unimplemented!()
    }
    /// Forgets remembered answers older than `before_ms`; returns how many.
    pub async fn forget_answers(&self, before_ms: u64) -> Result<u64, StoreError> {
        unimplemented!()
    }

    // Bookings.

    /// One booking.
    pub async fn booking(&self, id: BookingId) -> Result<Option<BookingRow>, StoreError> {
        unimplemented!()
    }
    /// The booking that a request made.
    pub async fn booking_of_request(
        &self,
        id: RequestId,
    ) -> Result<Option<BookingRow>, StoreError> {
        unimplemented!()
    }
    /// A user's bookings, newest first by (reserved_at_ms, booking id).
    pub async fn bookings(&self, filter: &BookingFilter) -> Result<Vec<BookingRow>, StoreError> {
        unimplemented!()
    }

    // Projection.

    /// Projects a batch and moves the watermark in one transaction; returns the new watermark.
    /// A batch wholly before the watermark changes nothing; one that begins after it is a `Gap`.
    pub async fn project(&self, batch: &ProjectionBatch) -> Result<Watermark, StoreError> {
        unimplemented!()
    }
    /// Watermarks of all partitions that have one.
    pub async fn watermarks(&self) -> Result<Vec<Watermark>, StoreError> {
        unimplemented!()
    }

    // Reconciliation.

    /// Live bookings of a partition after `after` by booking offset, at most `limit`.
    pub async fn live_bookings(
        &self,
        partition: PartitionId,
        after: Option<u64>,
        limit: u32,
    ) -> Result<Vec<BookingRow>, StoreError> {
        unimplemented!()
    }
    /// Sums of a show's projected places by zone index, one for each zone of the catalog.
    pub async fn zone_sums(&self, show: ShowId) -> Result<Vec<ZoneSums>, StoreError> {
        unimplemented!()
    }
    /// The projected blocks of a show: seats of seated zones, and quantities by zone index.
    pub async fn blocked_places(
        &self,
        show: ShowId,
    ) -> Result<(Vec<u32>, Vec<(u16, u32)>), StoreError> {
        unimplemented!()
    }
    /// Writes these bookings and their seats just as given, whatever stands there (upsert), and
    /// frees the seats of ones that are not live. One transaction.
    pub async fn repair_bookings(&self, rows: &[BookingRow]) -> Result<(), StoreError> {
        unimplemented!()
    }
    /// Replaces the projected blocks of a show.
    pub async fn repair_blocks(
        &self,
        show: ShowId,
        seats: &[u32],
        quantities: &[(u16, u32)],
    ) -> Result<(), StoreError> {
        unimplemented!()
    }
    /// Sets a watermark after a repair that made the projection equal to that position.
    pub async fn set_watermark(&self, watermark: &Watermark) -> Result<(), StoreError> {
        unimplemented!()
    }

    // Snapshots.

    /// Stores a snapshot object unless one at least as new is stored for the partition (one guarded
    /// statement); true when it was stored.
    pub async fn put_snapshot(
        &self,
        info: &SnapshotInfo,
        object: &[u8],
    ) -> Result<bool, StoreError> {
        unimplemented!()
    }
    /// The newest stored snapshot of a partition.
    pub async fn newest_snapshot(
        &self,
        partition: PartitionId,
    ) -> Result<Option<(SnapshotInfo, Vec<u8>)>, StoreError> {
        unimplemented!()
    }
    /// What snapshots are stored.
    pub async fn snapshots(&self) -> Result<Vec<SnapshotInfo>, StoreError> {
        unimplemented!()
    }
}
