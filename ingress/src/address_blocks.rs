//! What the buyers of one block of addresses hold together.
//!
//! Accounts are cheap and lines are not. Beside the limit per user, which the log counts, each ingress
//! counts the places that it granted to a block of addresses: how fast, and how many are held unpaid.
//! It counts what it has answered itself, so several ingresses allow a block as many times as much.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;

use onsale_log::OutcomeBatch;
use onsale_schemas::limits::HOLD_DEFAULT_MS;
use onsale_schemas::{
    BookingId, EventId, Offset, Outcome, OutcomeRecord, PartitionId, RequestId, ShowId,
};
use parking_lot::Mutex;

use crate::bounded::Bounded;
use crate::clock::Clock;
use crate::config::{AddressBlocksConfig, AddressBlocksMode, HttpConfig, RateLimitConfig};
use crate::error::{ApiError, Code};

/// Holds that are counted; the oldest are forgotten. About 160 bytes each.
const HOLDS_MAX: usize = 262_144;
/// Blocks that are counted; the one that was seen first makes room. About 100 bytes each.
const BLOCKS_MAX: usize = 262_144;
/// A token of a bucket is a place; it is counted in parts, so that slow filling is exact.
const PARTS_PER_PLACE: u64 = 60_000;
/// Holds that are looked at to tell a client when it may ask again.
const LOOKED_AT_MAX: usize = 1_024;
/// Longest `Retry-After`, in seconds.
const RETRY_AFTER_MAX_SECONDS: u64 = 60;

/// A /24 of IPv4 or a /56 of IPv6: what one subscriber, or one small network, has.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct AddressBlock([u8; 8]);

impl AddressBlock {
    /// The block that an address lies in.
    pub(crate) fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(v4) => {
                let [a, b, c, _] = v4.octets();
                // 2001:db8::/32 is documentation only, so no real block of IPv6 meets these.
                Self([0x20, 0x01, 0x0d, 0xb8, a, b, c, 0])
            }
            IpAddr::V6(v6) => {
                let [a, b, c, d, e, f, g, ..] = v6.octets();
                Self([a, b, c, d, e, f, g, 0])
            }
        }
    }
}

/// See the module.
pub(crate) struct AddressBlocks {
    limits: AddressBlocksConfig,
    is_on: bool,
    clock: Arc<dyn Clock>,
    table: Mutex<Table>,
}

struct Table {
    blocks: Bounded<AddressBlock, Block>,
    holds: HashMap<LogPosition, Hold>,
    /// The holds in the order in which they were granted, with those that have ended.
    granted: VecDeque<LogPosition>,
}

struct Block {
    /// What is in its bucket, in parts of a place.
    parts: u64,
    filled_at_ms: u64,
    /// Places held, and those that are being asked for.
    held: u32,
}

/// What is held: a booking, or a request whose outcome is not known.
type LogPosition = (PartitionId, Offset);

struct Hold {
    block: AddressBlock,
    places: u32,
    until_ms: u64,
    /// `None` while the outcome is not known.
    of: Option<(ShowId, EventId)>,
}

/// Where a request stands whose outcome is not known. No booking stands on that partition, and the last
/// half of a request's id is random, or a hash.
fn unknown(request: RequestId) -> LogPosition {
    (PartitionId(u16::MAX), request.0.as_u64_pair().1)
}

/// A hold that was granted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct NewHold {
    pub(crate) booking: BookingId,
    pub(crate) show: ShowId,
    pub(crate) event: EventId,
    pub(crate) places: u32,
    pub(crate) until_ms: u64,
}

impl NewHold {
    /// What an outcome granted; `None` where it is no reservation.
    pub(crate) fn of(partition: PartitionId, outcome: &Outcome) -> Option<Self> {
        match outcome {
            Outcome::Reserved(reserved) => Some(Self {
                booking: BookingId::new(partition, reserved.booking),
                show: reserved.show,
                event: reserved.event,
                places: reserved.quantity,
                until_ms: reserved.expires_at_ms,
            }),
            Outcome::ReservedV2(order) => Some(Self {
                booking: BookingId::new(partition, order.booking),
                show: order.show,
                event: order.event,
                places: order
                    .lines
                    .iter()
                    .map(|line| line.quantity)
                    .fold(0, u32::saturating_add),
                until_ms: order.expires_at_ms,
            }),
            _ => None,
        }
    }
}

/// Places that are being asked for. Dropped before the request was handed in, they are given back.
/// Dropped after it, as with a client that hung up, they stay counted until the outcome comes by: the
/// log may have granted them.
pub(crate) struct Asking<'a> {
    blocks: &'a AddressBlocks,
    block: AddressBlock,
    places: u32,
    /// What was taken from the bucket, in parts of a place.
    parts: u64,
    handed_in: Option<RequestId>,
}

impl AddressBlocks {
    pub(crate) fn new(limits: &RateLimitConfig, http: &HttpConfig, clock: Arc<dyn Clock>) -> Self {
        let is_on = limits.enabled
            && match limits.address_blocks.mode {
                AddressBlocksMode::Auto => http.trusted_proxies == 0,
                AddressBlocksMode::On => true,
                AddressBlocksMode::Off => false,
            };
        Self {
            limits: limits.address_blocks,
            is_on,
            clock,
            table: Mutex::new(Table {
                blocks: Bounded::new(BLOCKS_MAX),
                holds: HashMap::new(),
                granted: VecDeque::new(),
            }),
        }
    }

    /// Counts places in that are asked for from `address`, or refuses them; `None` where nothing is
    /// limited.
    ///
    /// # Errors
    /// `RATE_LIMITED`.
    pub(crate) fn ask(&self, address: IpAddr, places: u32) -> Result<Option<Asking<'_>>, ApiError> {
        if !self.is_on {
            return Ok(None);
        }
        let block = AddressBlock::of(address);
        let now_ms = self.clock.now_ms();
        let mut table = self.table.lock();
        table.end_due(now_ms);
        let entry = table.block(block, now_ms, &self.limits);
        let held = entry.held.saturating_add(places);
        if held > self.limits.held_places_max {
            let seconds = table.first_end_in(block, now_ms).div_ceil(1_000);
            return Err(self.refusal(
                "The buyers of your network hold as many unpaid places as it may, until some are \
                 paid or given back.",
                "held_places_max",
                self.limits.held_places_max,
                seconds,
            ));
        }
        let wanted = u64::from(places) * PARTS_PER_PLACE;
        if entry.parts < wanted {
            let missing = wanted - entry.parts;
            let ms = missing.div_ceil(u64::from(self.limits.places_per_minute).max(1));
            return Err(self.refusal(
                "The buyers of your network reserve faster than they may.",
                "places_per_minute",
                self.limits.places_per_minute,
                ms.div_ceil(1_000),
            ));
        }
        entry.parts -= wanted;
        entry.held = held;
        Ok(Some(Asking {
            blocks: self,
            block,
            places,
            parts: wanted,
            handed_in: None,
        }))
    }

    /// Counts places in for a request that was decided before, and never refuses: the log gives its
    /// answer again and takes nothing. Until that is certain they count, because a key that is not
    /// remembered any more makes a new reservation.
    pub(crate) fn ask_again(&self, address: IpAddr, places: u32) -> Option<Asking<'_>> {
        if !self.is_on {
            return None;
        }
        let block = AddressBlock::of(address);
        let now_ms = self.clock.now_ms();
        let mut table = self.table.lock();
        let entry = table.block(block, now_ms, &self.limits);
        let parts = entry.parts.min(u64::from(places) * PARTS_PER_PLACE);
        entry.parts -= parts;
        entry.held = entry.held.saturating_add(places);
        Some(Asking {
            blocks: self,
            block,
            places,
            parts,
            handed_in: None,
        })
    }

    fn refusal(&self, detail: &'static str, limit: &str, max: u32, seconds: u64) -> ApiError {
        let seconds = seconds.clamp(1, RETRY_AFTER_MAX_SECONDS);
        let detail = format!("{detail} Try again in {seconds} s.");
        ApiError::new(Code::RateLimited, detail)
            .with_details(
                serde_json::json!({ "limit": format!("address_blocks.{limit}"), "max": max }),
            )
            .retry_after(seconds)
    }

    /// Takes outcomes into account: what is paid, given back or run out is held no more.
    pub(crate) fn seen(&self, batch: &OutcomeBatch) {
        if !self.is_on {
            return;
        }
        let mut table = self.table.lock();
        if table.holds.is_empty() {
            return;
        }
        for record in &batch.records {
            for ended in &record.expired {
                table.end((batch.partition, ended.booking));
            }
            match &record.outcome {
                Outcome::Confirmed(confirmed) => table.end((batch.partition, confirmed.booking)),
                Outcome::Released { booking, .. } => table.end((batch.partition, booking.booking)),
                Outcome::ConfirmedV2(order) => table.end((batch.partition, order.booking)),
                Outcome::ReleasedV2(order) => table.end((batch.partition, order.booking)),
                Outcome::Extended {
                    booking,
                    expires_at_ms,
                    ..
                } => {
                    if let Some(hold) = table.holds.get_mut(&(batch.partition, *booking)) {
                        hold.until_ms = *expires_at_ms;
                    }
                }
                Outcome::ShowCancelled { show } => table.end_all(|of, _| of == *show),
                Outcome::EventCancelled { event } => table.end_all(|_, of| of == *event),
                _ => {}
            }
            if let Some(request) = record.request_id {
                table.settle(request, batch.partition, record);
            }
        }
    }

    /// Outcomes were lost, and with them the ends of holds: what is held begins anew. How fast a block
    /// reserves does not depend on them and stays bounded.
    pub(crate) fn lost(&self) {
        let mut table = self.table.lock();
        table.holds.clear();
        table.granted.clear();
        for block in table.blocks.values_mut() {
            block.held = 0;
        }
    }
}

impl Asking<'_> {
    /// The request goes to the log now.
    pub(crate) fn handed_in(&mut self, request: RequestId) {
        self.handed_in = Some(request);
    }

    /// They were granted.
    pub(crate) fn granted(mut self, new: NewHold) {
        let position = (new.booking.partition(), new.booking.offset());
        let of = Some((new.show, new.event));
        self.hold(position, new.places, new.until_ms, of);
    }

    /// Nothing was taken: they were refused, or are those of an earlier request again.
    pub(crate) fn given_back(mut self) {
        self.handed_in = None;
    }

    /// Counts them as held. What is counted already, as with the answer of an earlier request again,
    /// is not counted twice.
    fn hold(
        &mut self,
        position: LogPosition,
        places: u32,
        until_ms: u64,
        of: Option<(ShowId, EventId)>,
    ) {
        self.handed_in = None;
        let mut table = self.blocks.table.lock();
        if table.holds.contains_key(&position) {
            return;
        }
        while table.holds.len() >= HOLDS_MAX
            && let Some(oldest) = table.granted.pop_front()
        {
            table.end(oldest);
        }
        let hold = Hold {
            block: self.block,
            places,
            until_ms,
            of,
        };
        table.holds.insert(position, hold);
        table.granted.push_back(position);
        // Those behind one that lasts longer have ended and are not looked at yet.
        if table.granted.len() >= 2 * HOLDS_MAX {
            let Table { granted, holds, .. } = &mut *table;
            granted.retain(|position| holds.contains_key(position));
        }
        drop(table);
        // What was asked for is what is held now.
        self.places = 0;
        self.parts = 0;
    }
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        if let Some(request) = self.handed_in {
            // Not known yet: they count as held until the outcome arrives, or for as long as a hold
            // usually lasts.
            let position = unknown(request);
            let until_ms = self.blocks.clock.now_ms() + u64::from(HOLD_DEFAULT_MS);
            self.hold(position, self.places, until_ms, None);
        }
        let mut table = self.blocks.table.lock();
        if let Some(block) = table.blocks.get_mut(&self.block) {
            block.held = block.held.saturating_sub(self.places);
            let full = u64::from(self.blocks.limits.places_burst) * PARTS_PER_PLACE;
            block.parts = block.parts.saturating_add(self.parts).min(full);
        }
    }
}

impl Table {
    /// The block with what is in its bucket now.
    fn block(
        &mut self,
        block: AddressBlock,
        now_ms: u64,
        limits: &AddressBlocksConfig,
    ) -> &mut Block {
        let full = u64::from(limits.places_burst) * PARTS_PER_PLACE;
        let entry = self.blocks.get_or_insert_with(block, || Block {
            parts: full,
            filled_at_ms: now_ms,
            held: 0,
        });
        // A place a minute is a part a millisecond.
        let gained = now_ms
            .saturating_sub(entry.filled_at_ms)
            .saturating_mul(u64::from(limits.places_per_minute));
        entry.parts = entry.parts.saturating_add(gained).min(full);
        entry.filled_at_ms = now_ms;
        entry
    }

    /// Ends the holds that have run out, from the oldest on; one that lasts longer holds up those
    /// behind it until their records come by.
    fn end_due(&mut self, now_ms: u64) {
        while let Some(position) = self.granted.front().copied() {
            match self.holds.get(&position) {
                Some(hold) if hold.until_ms > now_ms => return,
                Some(_) => self.end(position),
                None => {}
            }
            self.granted.pop_front();
        }
    }

    /// The outcome of an open request arrived: what it was granted is what is held.
    fn settle(&mut self, request: RequestId, partition: PartitionId, record: &OutcomeRecord) {
        let asked = unknown(request);
        let Some(block) = self.holds.get(&asked).map(|hold| hold.block) else {
            return;
        };
        self.end(asked);
        // What an earlier request was granted was counted then.
        if record.replay_of.is_some() {
            return;
        }
        let Some(granted) = NewHold::of(partition, &record.outcome) else {
            return;
        };
        let position = (partition, granted.booking.offset());
        if self.holds.contains_key(&position) {
            return;
        }
        if let Some(of_block) = self.blocks.get_mut(&block) {
            of_block.held = of_block.held.saturating_add(granted.places);
        }
        let hold = Hold {
            block,
            places: granted.places,
            until_ms: granted.until_ms,
            of: Some((granted.show, granted.event)),
        };
        self.holds.insert(position, hold);
        self.granted.push_back(position);
    }

    fn end(&mut self, position: LogPosition) {
        if let Some(hold) = self.holds.remove(&position)
            && let Some(block) = self.blocks.get_mut(&hold.block)
        {
            block.held = block.held.saturating_sub(hold.places);
        }
    }

    /// Ends the holds of what was cancelled.
    fn end_all(&mut self, is_cancelled: impl Fn(ShowId, EventId) -> bool) {
        let ended: Vec<LogPosition> = self
            .holds
            .iter()
            .filter(|(_, hold)| {
                hold.of
                    .is_some_and(|(show, event)| is_cancelled(show, event))
            })
            .map(|(position, _)| *position)
            .collect();
        for position in ended {
            self.end(position);
        }
    }

    /// Milliseconds until the first hold of a block ends by itself.
    fn first_end_in(&self, block: AddressBlock, now_ms: u64) -> u64 {
        // Those granted first end first, mostly, and a client that comes too early waits again.
        self.granted
            .iter()
            .take(LOOKED_AT_MAX)
            .filter_map(|position| self.holds.get(position))
            .find(|hold| hold.block == block)
            .map_or(0, |hold| hold.until_ms.saturating_sub(now_ms))
    }
}

#[cfg(test)]
mod tests;
