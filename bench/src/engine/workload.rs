//! A log that looks like a busy sale, generated beforehand so that only the machine is measured.
//!
//! The generator keeps track of the state, so that nearly every command succeeds: refusals are
//! cheap and would flatter the figures.

mod offered;

use std::collections::VecDeque;

use onsale_schemas::command::{
    Actor, Admission, Confirm, Currency, OpenShow, Pick, Reserve, ZoneLayout,
};
use onsale_schemas::limits::MACHINE_VERSION_NEWEST;
use onsale_schemas::order::{Item, PickV2, ReserveV2};
use onsale_schemas::seating::SeatKind;
use onsale_schemas::{
    Command, Entry, Envelope, EventId, LogTimeMs, Offset, RequestId, SeatIndex, SeatList, ShowId,
    UserId, codec,
};

use self::offered::{ADULT, CHILD, offered};

/// Records ready to be applied.
#[derive(Default)]
pub(super) struct Log {
    bytes: Vec<u8>,
    records: Vec<(usize, LogTimeMs)>,
    first: Offset,
}

impl Log {
    /// The records in order.
    pub(super) fn entries(&self) -> impl Iterator<Item = Entry<'_>> {
        let mut start = 0;
        (self.first..)
            .zip(&self.records)
            .map(move |(offset, &(end, log_time_ms))| {
                let payload = self.bytes.get(start..end).unwrap_or(&[]);
                start = end;
                Entry {
                    offset,
                    log_time_ms,
                    payload,
                }
            })
    }

    /// Number of records.
    pub(super) fn len(&self) -> usize {
        self.records.len()
    }
}

/// Shares of commands in percent; they add up to 100.
#[derive(Clone, Copy)]
pub(super) struct Mix {
    pub(super) reserve: u64,
    pub(super) confirm: u64,
    /// Of a confirmed booking.
    pub(super) give_back: u64,
    /// Of a hold; the rest of the holds expires.
    pub(super) release: u64,
}

/// Which commands reserve, and what shows have for sale.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Sells {
    /// `Reserve`, at the price of the zone.
    Places,
    /// `ReserveV2` with one item and nothing else: the booking is plain.
    PlainOrders,
    /// `ReserveV2` by ticket type, on shows with two types, a phase that is never full, a bundle, fees and
    /// tax.
    Orders,
}

/// What a workload is about.
#[derive(Clone, Copy)]
pub(super) struct Shape {
    pub(super) sells: Sells,
    pub(super) shows: u32,
    /// Seats of each of the two seated zones of a show.
    pub(super) seats_per_zone: u32,
    pub(super) seats_per_row: u16,
    /// Number of live holds at which the workload settles.
    pub(super) holds: usize,
    pub(super) mix: Mix,
    /// Requests carry idempotency keys.
    pub(super) keyed: bool,
    /// The first minutes of a sale: log time hardly advances, nothing expires.
    pub(super) rush: bool,
    pub(super) tickets_max: u64,
}

struct Hold {
    offset: Offset,
    show: u32,
    /// Named seats, to be sold again.
    seats: SeatList,
    /// Its position in `Workload::live`; `usize::MAX` once it ended.
    at: usize,
}

/// See the module's documentation.
pub(super) struct Workload {
    shape: Shape,
    random: u64,
    next: Offset,
    now_us: u64,
    step_us: u64,
    /// Per show the groups of neighbouring seats that are free: people who name their seats sit
    /// together.
    free: Vec<Vec<SeatList>>,
    holds: Vec<Hold>,
    live: Vec<usize>,
    ends: VecDeque<(u64, usize)>,
    sold: Vec<usize>,
    hold_ms: u32,
}

const HOLD_MS: u32 = 3_600_000;
const START_US: u64 = 1_000_000_000;

fn id(a: u64, b: u64) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&a.to_le_bytes());
    bytes[8..].copy_from_slice(&b.to_le_bytes());
    bytes
}

fn show_id(show: u32) -> ShowId {
    ShowId::from_bytes(id(u64::from(show) << 32 | 0x5EA7, 7))
}

impl Workload {
    pub(super) fn new(shape: Shape) -> Self {
        // Some of the holds are left to expire after their time; the rest is removed at random
        // before. From both follows how far time advances per command.
        let taken = (shape.mix.confirm + shape.mix.release) as f64;
        let made = shape.mix.reserve as f64;
        let commands_per_hold = shape.holds as f64 * (made / (made - taken)).ln() / (taken / 100.0);
        let step_us = f64::from(HOLD_MS) * 1_000.0 / commands_per_hold;
        Self {
            shape,
            random: 0x1234_5678_9abc_def1,
            next: 0,
            now_us: START_US,
            step_us: if shape.rush { 1 } else { rounded(step_us) },
            free: Vec::new(),
            holds: Vec::new(),
            live: Vec::new(),
            ends: VecDeque::new(),
            sold: Vec::new(),
            hold_ms: HOLD_MS,
        }
    }

    fn random(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.random() % (n.max(1) as u64)).unwrap_or(0)
    }

    fn start(&self) -> Log {
        Log {
            first: self.next,
            ..Log::default()
        }
    }

    fn push(&mut self, log: &mut Log, command: Command) -> anyhow::Result<Offset> {
        let request_id = RequestId::from_bytes(id(self.random(), self.random()));
        let envelope = Envelope {
            request_id: Some(request_id),
            idempotency: self.shape.keyed.then_some(self.next),
            trace: None,
            command,
            by: None,
        };
        codec::encode_into(&envelope, &mut log.bytes)?;
        log.records.push((log.bytes.len(), self.now_us / 1_000));
        self.next += 1;
        self.now_us += self.step_us;
        Ok(self.next - 1)
    }

    /// The shows.
    pub(super) fn open(&mut self) -> anyhow::Result<Log> {
        let mut log = self.start();
        let Shape {
            shows,
            seats_per_zone,
            seats_per_row,
            ..
        } = self.shape;
        let mut rows = vec![seats_per_row; (seats_per_zone / u32::from(seats_per_row)) as usize];
        let rest = u16::try_from(seats_per_zone % u32::from(seats_per_row)).unwrap_or(0);
        if rest > 0 {
            rows.push(rest);
        }
        let zone = |admission| ZoneLayout {
            unit_price: 250_000,
            currency: Currency(*b"THB"),
            admission,
        };
        if self.shape.sells != Sells::Places {
            let machine_version = MACHINE_VERSION_NEWEST;
            self.push(&mut log, Command::Barrier { machine_version })?;
        }
        for show in 0..shows {
            let step_us = std::mem::take(&mut self.step_us);
            let show = OpenShow {
                show: show_id(show),
                event: EventId::from_bytes(id(u64::from(show), 9)),
                max_tickets_per_user: 4,
                sale_opens_at_ms: 0,
                sale_closes_at_ms: LogTimeMs::MAX,
                hold_ms: self.hold_ms,
                zones: vec![
                    zone(Admission::Seated { rows: rows.clone() }),
                    zone(Admission::Seated { rows: rows.clone() }),
                    zone(Admission::General {
                        capacity: 10_000_000,
                    }),
                ],
            };
            let command = match self.shape.sells {
                Sells::Places | Sells::PlainOrders => Command::OpenShow(show),
                Sells::Orders => offered(show),
            };
            self.push(&mut log, command)?;
            self.step_us = step_us;
            let mut groups = Vec::new();
            let mut seat: SeatIndex = 0;
            while seat < seats_per_zone {
                let row_end = (seat / u32::from(seats_per_row) + 1) * u32::from(seats_per_row);
                let wanted = u32::try_from(self.random() % self.shape.tickets_max + 1)?;
                let end = (seat + wanted).min(row_end).min(seats_per_zone);
                groups.push((seat..end).collect());
                seat = end;
            }
            for i in (1..groups.len()).rev() {
                let other = self.below(i + 1);
                groups.swap(i, other);
            }
            self.free.push(groups);
        }
        Ok(log)
    }

    fn expire(&mut self) {
        while let Some(&(end, hold)) = self.ends.front() {
            if end > self.now_us / 1_000 {
                break;
            }
            self.ends.pop_front();
            if self.take_out(hold) {
                self.free_seats(hold);
            }
        }
    }

    /// True when the hold was live.
    fn take_out(&mut self, hold: usize) -> bool {
        let at = std::mem::replace(&mut self.holds[hold].at, usize::MAX);
        if at == usize::MAX {
            return false;
        }
        self.live.swap_remove(at);
        if let Some(&moved) = self.live.get(at) {
            self.holds[moved].at = at;
        }
        true
    }

    fn free_seats(&mut self, hold: usize) {
        let hold = &mut self.holds[hold];
        let seats = std::mem::take(&mut hold.seats);
        if !seats.is_empty() {
            self.free[hold.show as usize].push(seats);
        }
    }

    /// A number of commands of the mix.
    pub(super) fn commands(&mut self, count: usize) -> anyhow::Result<Log> {
        let mut log = self.start();
        let Mix {
            reserve,
            confirm,
            give_back,
            ..
        } = self.shape.mix;
        while log.len() < count {
            self.expire();
            let what = self.random() % 100;
            if what < reserve {
                self.reserve(&mut log, None)?;
                continue;
            }
            if what >= reserve + confirm && what < reserve + confirm + give_back {
                if self.sold.is_empty() {
                    continue;
                }
                let at = self.below(self.sold.len());
                let hold = self.sold.swap_remove(at);
                let booking = self.holds[hold].offset;
                self.free_seats(hold);
                self.push(&mut log, Command::Return { booking })?;
                continue;
            }
            if self.live.is_empty() {
                continue;
            }
            let at = self.below(self.live.len());
            let hold = self.live[at];
            self.take_out(hold);
            let booking = self.holds[hold].offset;
            if what < reserve + confirm {
                self.sold.push(hold);
                let payment_reference = format!("pi_{:024}", self.random() % 1_000_000_000);
                self.push(
                    &mut log,
                    Command::Confirm(Confirm {
                        booking,
                        by: Actor::Staff,
                        payment_reference,
                    }),
                )?;
            } else {
                self.free_seats(hold);
                self.push(
                    &mut log,
                    Command::Release {
                        booking,
                        by: Actor::Staff,
                    },
                )?;
            }
        }
        Ok(log)
    }

    /// Holds of one or two named seats, each of another user, in a time so short that none expires.
    pub(super) fn holds(&mut self, count: usize) -> anyhow::Result<Log> {
        let mut log = self.start();
        let step_us = std::mem::take(&mut self.step_us);
        for _ in 0..count {
            self.reserve(&mut log, Some(0))?;
        }
        self.step_us = step_us;
        Ok(log)
    }

    /// One place of an order by types is a child's, the others are adults'.
    fn item(&self, zone: u16, pick: Pick) -> Item {
        let (pick, quantity) = match pick {
            Pick::Seats(seats) => {
                let quantity = u32::try_from(seats.len()).unwrap_or(u32::MAX);
                (PickV2::Seats(seats), quantity)
            }
            Pick::BestAvailable { quantity, together } => {
                let kind = SeatKind::Ordinary;
                let best = PickV2::BestAvailable {
                    quantity,
                    together,
                    kind,
                };
                (best, quantity)
            }
            Pick::General { quantity } => (PickV2::General { quantity }, quantity),
        };
        let types = match (self.shape.sells, quantity) {
            (Sells::Orders, 0 | 1) => vec![(ADULT, quantity)],
            (Sells::Orders, _) => vec![(ADULT, quantity - 1), (CHILD, 1)],
            (Sells::Places | Sells::PlainOrders, _) => Vec::new(),
        };
        Item { zone, pick, types }
    }

    fn reserve(&mut self, log: &mut Log, zone: Option<u16>) -> anyhow::Result<()> {
        let mut show = self.below(self.free.len());
        let zone = zone.unwrap_or(u16::try_from(self.random() % 3).unwrap_or(0));
        let wanted = self.random() % self.shape.tickets_max + 1;
        let quantity = u32::try_from(wanted).unwrap_or(1);
        let mut seats = SeatList::new();
        let pick = match zone {
            0 => {
                // Where enough are left.
                for _ in 0..self.free.len() {
                    if let Some(group) = self.free[show].pop() {
                        seats = group;
                        break;
                    }
                    show = (show + 1) % self.free.len();
                }
                Pick::Seats(seats.clone())
            }
            1 => Pick::BestAvailable {
                quantity,
                together: true,
            },
            _ => Pick::General { quantity },
        };
        let show = u32::try_from(show).unwrap_or(0);
        let user = UserId::from_bytes(id(self.random(), self.random()));
        let end = self.now_us / 1_000 + u64::from(self.hold_ms);
        let command = match self.shape.sells {
            Sells::Places => Command::Reserve(Reserve {
                show: show_id(show),
                user,
                zone,
                pick,
                expected_unit_price: Some(250_000),
            }),
            Sells::PlainOrders | Sells::Orders => Command::ReserveV2(ReserveV2 {
                show: show_id(show),
                user,
                items: vec![self.item(zone, pick)],
                code: None,
                expected_total: None,
            }),
        };
        let offset = self.push(log, command)?;
        let hold = self.holds.len();
        self.holds.push(Hold {
            offset,
            show,
            seats,
            at: self.live.len(),
        });
        self.live.push(hold);
        self.ends.push_back((end, hold));
        Ok(())
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a positive number of microseconds far below 2^53"
)]
fn rounded(number: f64) -> u64 {
    number.round().max(1.0) as u64
}
