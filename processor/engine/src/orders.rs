//! Bookings that need more than their record: several lines, prices with a story, a code, or places
//! that were returned one by one.

use onsale_schemas::command::Currency;
use onsale_schemas::outcome::{Line, PriceRule, ZonePlaces};
use onsale_schemas::{CodeHash, Offset, SeatList};
use triomphe::Arc;

use crate::index::NONE;
use crate::pages::{Pages, own};

/// How the places of a booking were priced.
#[derive(Clone)]
pub(crate) struct Order {
    /// True for a booking whose outcomes have the form of version 1; it has one line.
    pub(crate) is_plain: bool,
    /// With what is left of them.
    pub(crate) lines: Vec<Line>,
    pub(crate) order_fee: i64,
    pub(crate) order_fee_tax: i64,
    pub(crate) currency: Currency,
    /// The total when it was reserved.
    pub(crate) reserved_total: i64,
    pub(crate) code: Option<UsedCode>,
}

/// The code of an order.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct UsedCode {
    pub(crate) hash: CodeHash,
    /// The record that created it: created again it is another one.
    pub(crate) created: Offset,
}

impl Order {
    /// What is left of total and tax.
    pub(crate) fn totals(&self) -> (i64, i64) {
        onsale_prices::totals(&self.lines, self.order_fee, self.order_fee_tax)
    }

    /// Places that are left.
    pub(crate) fn places(&self) -> u32 {
        self.lines.iter().map(|line| line.quantity).sum()
    }

    /// Places by zone.
    pub(crate) fn parts(&self) -> Vec<ZonePlaces> {
        parts(self.lines.iter())
    }

    /// All seats in the order of lines.
    pub(crate) fn seats(&self) -> SeatList {
        let seats = self.lines.iter().flat_map(|line| line.seats.iter());
        seats.copied().collect()
    }

    /// True when a phase gave the price of one of its lines.
    pub(crate) fn has_phase(&self) -> bool {
        let is_of_phase = |line: &Line| matches!(line.rule, PriceRule::Phase(_));
        self.lines.iter().any(is_of_phase)
    }

    /// Places that have the price of a phase.
    pub(crate) fn places_in_phase(&self, phase: u8) -> u32 {
        self.lines
            .iter()
            .filter(|line| line.rule == PriceRule::Phase(phase))
            .map(|line| line.quantity)
            .sum()
    }

    fn memory_bytes(&self) -> usize {
        size_of::<Self>() + self.lines.capacity() * size_of::<Line>()
    }
}

/// Places of lines by zone, zones in the order of their first line, also when that has no place left;
/// nothing of a zone without places.
pub(crate) fn parts<'a>(lines: impl Iterator<Item = &'a Line>) -> Vec<ZonePlaces> {
    let mut parts: Vec<ZonePlaces> = Vec::new();
    for line in lines {
        let at = parts.iter().position(|part| part.zone == line.zone);
        let at = at.unwrap_or_else(|| {
            parts.push(ZonePlaces {
                zone: line.zone,
                seats: SeatList::new(),
                quantity: 0,
            });
            parts.len() - 1
        });
        if let Some(part) = parts.get_mut(at) {
            part.quantity += line.quantity;
            for &seat in line.seats.iter() {
                part.seats.push(seat);
            }
        }
    }
    parts.retain(|part| part.quantity > 0);
    parts
}

/// A place of the table: an order, or the next vacant place.
#[derive(Clone)]
struct Cell {
    order: Option<Arc<Order>>,
    next: u32,
}

impl Default for Cell {
    fn default() -> Self {
        Self {
            order: None,
            next: NONE,
        }
    }
}

/// The table.
#[derive(Clone)]
pub(crate) struct Orders {
    cells: Pages<Cell, 16>,
    made: u32,
    free: u32,
    len: u32,
}

impl Orders {
    pub(crate) fn new() -> Self {
        Self {
            cells: Pages::new(),
            made: 0,
            free: NONE,
            len: 0,
        }
    }

    pub(crate) fn len(&self) -> u32 {
        self.len
    }

    pub(crate) fn insert(&mut self, order: Order) -> u32 {
        let at = if self.free == NONE {
            let at = self.made;
            self.made += 1;
            self.cells.grow_to(at);
            at
        } else {
            let at = self.free;
            self.free = self.cells.get(at).next;
            at
        };
        *self.cells.get_mut(at) = Cell {
            order: Some(Arc::new(order)),
            next: NONE,
        };
        self.len += 1;
        at
    }

    /// Prefetches a place of the table, which leads to the order.
    #[inline]
    pub(crate) fn fetch(&self, at: u32) {
        if at < self.made {
            self.cells.fetch(at);
        }
    }

    pub(crate) fn get(&self, at: u32) -> Option<&Arc<Order>> {
        if at >= self.made {
            return None;
        }
        self.cells.get(at).order.as_ref()
    }

    pub(crate) fn get_mut(&mut self, at: u32) -> Option<&mut Order> {
        if at >= self.made {
            return None;
        }
        self.cells.get_mut(at).order.as_mut().map(own)
    }

    pub(crate) fn remove(&mut self, at: u32) {
        *self.cells.get_mut(at) = Cell {
            order: None,
            next: self.free,
        };
        self.free = at;
        self.len -= 1;
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        let orders: usize = (0..self.made)
            .filter_map(|at| self.get(at))
            .map(|order| order.memory_bytes())
            .sum();
        orders + self.cells.memory_bytes()
    }
}
