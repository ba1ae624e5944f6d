//! How the places of a booking were priced, and how that is written down.

use onsale_schemas::ids::TicketTypeId;
use onsale_schemas::outcome::{Line, PlacesReturned, PriceRule, ReservedV2};
use onsale_schemas::{
    BookingId, CodeHash, OutcomeRecord, PartitionId, SeatIndex, SeatList, ZoneIndex,
};
use serde::{Deserialize, Serialize};

use super::{BookingRow, BookingStatus};
use crate::error::StoreError;

/// How the places of an order that is not plain were priced, and what it comes to: of what is left after
/// partial returns. A plain booking has none.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OrderRow {
    /// Its lines, also those of which nothing is left.
    pub lines: Vec<Line>,
    /// Fee for the order, in minor units.
    pub order_fee: i64,
    /// Tax in `order_fee`.
    pub order_fee_tax: i64,
    /// Prices and fees of all places and the fee for the order, in minor units.
    pub total: i64,
    /// Tax in `total`.
    pub tax: i64,
    /// The code that it was reserved with.
    pub code: Option<CodeHash>,
}

impl OrderRow {
    /// The columns of a booking in which one order is not the other, each with both values.
    pub fn differing_columns(
        one: Option<&Self>,
        other: Option<&Self>,
    ) -> Vec<(&'static str, String, String)> {
        let columns = |order: Option<&Self>| {
            let number = |of: fn(&Self) -> i64| shown(order.map(of));
            [
                ("order_lines", shown(order.map(Self::stored_lines))),
                ("order_fee", number(|order| order.order_fee)),
                ("order_fee_tax", number(|order| order.order_fee_tax)),
                ("order_total", number(|order| order.total)),
                ("order_tax", number(|order| order.tax)),
                ("order_code", shown(order.and_then(|order| order.code))),
            ]
        };
        columns(one)
            .into_iter()
            .zip(columns(other))
            .filter(|((_, one), (_, other))| one != other)
            .map(|((name, one), (_, other))| (name, one, other))
            .collect()
    }

    /// What a partial return has left of an order. Its outcome does not say with which code that was reserved.
    pub(crate) fn left_by(returned: &PlacesReturned) -> Self {
        Self {
            lines: returned.lines.clone(),
            order_fee: returned.order_fee,
            order_fee_tax: returned.order_fee_tax,
            total: returned.total,
            tax: returned.tax,
            code: None,
        }
    }

    fn stored_lines(&self) -> Vec<StoredLine> {
        self.lines.iter().map(StoredLine::of).collect()
    }

    /// The lines as they are written down.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] when they cannot be.
    pub(crate) fn lines_text(&self) -> Result<String, StoreError> {
        serde_json::to_string(&self.stored_lines())
            .map_err(|error| StoreError::Invalid(format!("lines of an order: {error}")))
    }

    /// Lines as they were written down.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] for others.
    pub(crate) fn lines_of(text: &str) -> Result<Vec<Line>, StoreError> {
        let corrupt = |what: String| StoreError::Corrupt(format!("order_lines: {what}"));
        let stored: Vec<StoredLine> =
            serde_json::from_str(text).map_err(|error| corrupt(error.to_string()))?;
        stored
            .into_iter()
            .map(|line| line.line().map_err(corrupt))
            .collect()
    }
}

/// What a report says of a column.
fn shown(value: Option<impl Serialize>) -> String {
    serde_json::to_string(&value).unwrap_or_default()
}

/// The seats of lines in their order, and the number of places.
pub(crate) fn places_of(lines: &[Line]) -> (Vec<SeatIndex>, u32) {
    let seats = lines.iter().flat_map(|line| line.seats.iter().copied());
    let quantities = lines.iter().map(|line| line.quantity);
    (seats.collect(), quantities.fold(0, u32::saturating_add))
}

impl BookingRow {
    /// The row of an order that the outcome of `record` holds places for; `None` where it has no line, as no
    /// machine yields it.
    pub fn of_order(
        partition: PartitionId,
        record: &OutcomeRecord,
        reserved: &ReservedV2,
    ) -> Option<Self> {
        let first = reserved.lines.first()?;
        let (seats, quantity) = places_of(&reserved.lines);
        Some(Self {
            booking_id: BookingId::new(partition, reserved.booking),
            request_id: record.request_id,
            event_id: reserved.event,
            show_id: reserved.show,
            user_id: reserved.user,
            zone: first.zone,
            seats,
            quantity,
            unit_price: first.unit_price,
            currency: reserved.currency.as_str().to_owned(),
            status: BookingStatus::Reserved,
            reserved_at_ms: record.log_time_ms,
            expires_at_ms: reserved.expires_at_ms,
            confirmed_at_ms: None,
            ended_at_ms: None,
            payment_reference: None,
            updated_offset: record.offset,
            order: Some(OrderRow {
                lines: reserved.lines.clone(),
                order_fee: reserved.order_fee,
                order_fee_tax: reserved.order_fee_tax,
                total: reserved.total,
                tax: reserved.tax,
                code: reserved.code,
            }),
        })
    }

    /// Leaves it the places that a partial return has left. A plain booking stays one.
    pub fn leave(&mut self, returned: &PlacesReturned) {
        (self.seats, self.quantity) = places_of(&returned.lines);
        if let Some(order) = &mut self.order {
            *order = OrderRow {
                code: order.code,
                ..OrderRow::left_by(returned)
            };
        }
    }
}

/// A line in the column `order_lines`. Both databases look into it by the names of zone, phase and quantity.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredLine {
    zone: ZoneIndex,
    ticket_type: TicketTypeId,
    seats: SeatList,
    quantity: u32,
    rule: StoredRule,
    phase: Option<u8>,
    list_price: i64,
    bundle: Option<u8>,
    bundle_off: i64,
    code_off: i64,
    unit_price: i64,
    unit_fee: i64,
    unit_tax: i64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum StoredRule {
    Zone,
    Type,
    Phase,
}

impl StoredLine {
    fn of(line: &Line) -> Self {
        let (rule, phase) = match line.rule {
            PriceRule::Zone => (StoredRule::Zone, None),
            PriceRule::Type => (StoredRule::Type, None),
            PriceRule::Phase(phase) => (StoredRule::Phase, Some(phase)),
        };
        Self {
            zone: line.zone,
            ticket_type: line.ticket_type,
            seats: line.seats.clone(),
            quantity: line.quantity,
            rule,
            phase,
            list_price: line.list_price,
            bundle: line.bundle,
            bundle_off: line.bundle_off,
            code_off: line.code_off,
            unit_price: line.unit_price,
            unit_fee: line.unit_fee,
            unit_tax: line.unit_tax,
        }
    }

    fn line(self) -> Result<Line, String> {
        let rule = match (self.rule, self.phase) {
            (StoredRule::Zone, None) => PriceRule::Zone,
            (StoredRule::Type, None) => PriceRule::Type,
            (StoredRule::Phase, Some(phase)) => PriceRule::Phase(phase),
            (rule, phase) => return Err(format!("rule {rule:?} with phase {phase:?}")),
        };
        Ok(Line {
            zone: self.zone,
            ticket_type: self.ticket_type,
            seats: self.seats,
            quantity: self.quantity,
            rule,
            list_price: self.list_price,
            bundle: self.bundle,
            bundle_off: self.bundle_off,
            code_off: self.code_off,
            unit_price: self.unit_price,
            unit_fee: self.unit_fee,
            unit_tax: self.unit_tax,
        })
    }
}

#[cfg(test)]
mod tests;
