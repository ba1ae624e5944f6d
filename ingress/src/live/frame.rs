//! Availability as JSON and as server-sent events.

use std::fmt::Write as _;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use onsale_schemas::{Offset, SeatStatus, ZoneCounts};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use super::rendering::Format;
use super::view::{Status, View};
use crate::charts::{Chart, seat_id};

/// Places of one zone by state.
#[derive(Clone, Serialize, ToSchema)]
pub(crate) struct ZoneAvailability {
    pub(crate) zone_id: Uuid,
    pub(crate) total_seats: u32,
    pub(crate) available_seats: u32,
    pub(crate) held_seats: u32,
    pub(crate) sold_seats: u32,
    pub(crate) blocked_seats: u32,
}

/// A seat with its state.
#[derive(Serialize, ToSchema)]
pub(crate) struct SeatState {
    seat_id: String,
    /// `held`, `sold` or `blocked`; in changes also `available`.
    status: &'static str,
}

/// The availability of a show.
#[derive(Serialize, ToSchema)]
#[schema(as = Availability)]
pub(crate) struct AvailabilityBody {
    /// Grows with every change; the `id:` of the stream.
    version: Offset,
    /// True when the show was cancelled: nothing of it is for sale.
    cancelled: bool,
    zones: Vec<ZoneAvailability>,
    /// The seats that are not free.
    unavailable: Vec<SeatState>,
}

/// As `Availability`, with bits instead of ids: for shows with many seats.
#[derive(Serialize, ToSchema)]
#[schema(as = CompactAvailability)]
pub(crate) struct CompactBody {
    version: Offset,
    cancelled: bool,
    zones: Vec<ZoneAvailability>,
    unavailable: SeatBits,
}

/// The seats that are not free, as a bitmap for each state in base64 (RFC 4648, with padding): the
/// seat `seat:n` has bit `n mod 8` of byte `n div 8`, where the lowest bit is bit 0. Bytes that
/// would be zero at the end are left out.
#[derive(Serialize, ToSchema)]
pub(crate) struct SeatBits {
    held: String,
    sold: String,
    blocked: String,
}

impl SeatBits {
    fn of(view: &View) -> Self {
        let (mut held, mut sold, mut blocked) = (Vec::new(), Vec::new(), Vec::new());
        for (seat, status) in view.unavailable() {
            let bits: &mut Vec<u8> = match status {
                SeatStatus::Held => &mut held,
                SeatStatus::Sold => &mut sold,
                SeatStatus::Blocked => &mut blocked,
            };
            let byte = usize::try_from(seat / 8).unwrap_or(0);
            if bits.len() <= byte {
                bits.resize(byte + 1, 0);
            }
            bits[byte] |= 1 << (seat % 8);
        }
        let encoded = |bits: Vec<u8>| BASE64_STANDARD.encode(bits);
        Self {
            held: encoded(held),
            sold: encoded(sold),
            blocked: encoded(blocked),
        }
    }
}

#[derive(Serialize)]
struct DeltaBody {
    version: Offset,
    zones: Vec<ZoneAvailability>,
    changes: Vec<SeatState>,
}

/// Changes between two versions, ready to be sent to every reader.
pub(super) struct Frame {
    pub(super) from: Offset,
    pub(super) version: Offset,
    pub(super) bytes: Bytes,
}

/// The counts of every zone; of a cancelled show nothing is available.
pub(super) fn zones(chart: &Chart, view: &View) -> Vec<ZoneAvailability> {
    let is_on_sale = !view.cancelled();
    chart
        .zones
        .iter()
        .zip(view.zones())
        .map(|(zone, counts)| ZoneAvailability {
            zone_id: zone.zone_id,
            // Of what is counted, which may be ahead of the chart; of a cancelled show nothing is.
            total_seats: if is_on_sale {
                total(counts)
            } else {
                zone.total()
            },
            available_seats: if is_on_sale { counts.available } else { 0 },
            held_seats: counts.held,
            sold_seats: counts.sold,
            blocked_seats: counts.blocked,
        })
        .collect()
}

/// Places of a zone.
pub(super) fn total(counts: &ZoneCounts) -> u32 {
    counts
        .available
        .saturating_add(counts.held)
        .saturating_add(counts.sold)
        .saturating_add(counts.blocked)
}

fn state(seat: u32, status: Status) -> SeatState {
    SeatState {
        seat_id: seat_id(seat),
        status: match status {
            None => "available",
            Some(SeatStatus::Held) => "held",
            Some(SeatStatus::Sold) => "sold",
            Some(SeatStatus::Blocked) => "blocked",
        },
    }
}

/// Appends the state as JSON, without line breaks.
pub(super) fn write_state(bytes: &mut Vec<u8>, chart: &Chart, view: &View, format: Format) {
    let written = match format {
        Format::Full => serde_json::to_writer(
            bytes,
            &AvailabilityBody {
                version: view.version(),
                cancelled: view.cancelled(),
                zones: zones(chart, view),
                unavailable: view
                    .unavailable()
                    .map(|(seat, status)| state(seat, Some(status)))
                    .collect(),
            },
        ),
        Format::Compact => serde_json::to_writer(
            bytes,
            &CompactBody {
                version: view.version(),
                cancelled: view.cancelled(),
                zones: zones(chart, view),
                unavailable: SeatBits::of(view),
            },
        ),
    };
    // Plain values into memory: nothing can fail.
    debug_assert!(written.is_ok());
}

/// The end of a server-sent event.
pub(super) const EVENT_END: &[u8] = b"\n\n";

/// The head of a server-sent event.
pub(super) fn head(id: Option<Offset>, name: &str) -> String {
    let mut head = String::with_capacity(64);
    if let Some(id) = id {
        // Writing to a string cannot fail.
        let _ = writeln!(head, "id: {id}");
    }
    let _ = write!(head, "event: {name}\ndata: ");
    head
}

/// A server-sent event. `json` holds no line breaks.
pub(super) fn event(id: Option<Offset>, name: &str, json: &[u8]) -> Bytes {
    let mut bytes = head(id, name).into_bytes();
    bytes.extend_from_slice(json);
    bytes.extend_from_slice(EVENT_END);
    Bytes::from(bytes)
}

/// The frame of what changed since `from`; takes the changes from the view.
pub(super) fn delta(chart: &Chart, view: &mut View, from: Offset) -> Frame {
    let changes = view
        .take_changes()
        .into_iter()
        .map(|(seat, status)| state(seat, status))
        .collect();
    let version = view.version();
    let body = DeltaBody {
        version,
        zones: zones(chart, view),
        changes,
    };
    let json = serde_json::to_vec(&body).unwrap_or_default();
    Frame {
        from,
        version,
        bytes: event(Some(version), "delta", &json),
    }
}
