//! The body of a quote: that of a reservation.

use onsale_prices::OrderPrice;
use onsale_schemas::Rejection;
use onsale_schemas::command::Currency;
use serde::Deserialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::auth::Caller;
use crate::charts::Chart;
use crate::error::ApiError;
use crate::extract::RequestBody;
use crate::routes::bookings::reserve::{
    Basket, BasketItem, Expected, Seen, SeenAmount, check_event, expected_total_schema,
    unit_price_schema,
};
use crate::state::AppState;

/// What would be reserved: the body of a reservation, and `show_id` may be left out.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct QuoteRequest {
    /// Checked against the show's when given.
    show_id: Option<Uuid>,
    /// Checked against the show's when given.
    event_id: Option<Uuid>,
    /// May be omitted where the seats, or the show's only zone, determine it.
    zone_id: Option<Uuid>,
    /// Labels (`A-3`) or seat ids, all of one zone.
    seats: Option<Vec<String>>,
    /// A number of places instead of named seats.
    quantity: Option<u32>,
    /// Only seats next to each other (default true); for `quantity` in seated zones.
    together: Option<bool>,
    /// The name of the ticket type of these places; without it the show's ordinary one.
    ticket_type: Option<String>,
    /// In place of `zone_id`, `seats`, `quantity`, `together` and `ticket_type`: places of one zone or several.
    items: Option<Vec<BasketItem>>,
    /// A discount or access code, in any letters, with or without spaces and hyphens: 4 to 64 characters
    /// beside those.
    code: Option<String>,
    /// The price that the buyer saw: money, or minor units; refused when it is another now.
    #[schema(schema_with = unit_price_schema)]
    unit_price: Option<SeenAmount>,
    /// The total that the buyer saw, with fees: money, or minor units; refused when it is another now.
    #[schema(schema_with = expected_total_schema)]
    expected_total: Option<SeenAmount>,
    /// Asked for where it is reserved; a price does not depend on it.
    #[serde(rename = "age_confirmed")]
    _age_confirmed: Option<bool>,
}

impl RequestBody for QuoteRequest {
    const PUBLIC: bool = true;

    fn admit(_caller: &Caller, _state: &AppState) -> Result<(), ApiError> {
        Ok(())
    }
}

impl QuoteRequest {
    /// That it is about the show of the address, and about its event.
    ///
    /// # Errors
    /// `VALIDATION_ERROR` naming `show_id` or `event_id`.
    pub(super) fn check_show(&self, chart: &Chart) -> Result<(), ApiError> {
        if let Some(show_id) = self.show_id
            && show_id != chart.show.0
        {
            return Err(ApiError::invalid(
                "show_id",
                show_id,
                "the show of the address",
            ));
        }
        check_event(chart, self.event_id)
    }

    /// What it asks for, and what the buyer saw.
    pub(super) fn parts(self) -> (Basket, Seen) {
        let basket = Basket {
            zone_id: self.zone_id,
            seats: self.seats,
            quantity: self.quantity,
            together: self.together,
            ticket_type: self.ticket_type,
            items: self.items,
            code: self.code,
        };
        let seen = Seen {
            unit_price: self.unit_price,
            expected_total: self.expected_total,
        };
        (basket, seen)
    }
}

/// The log's refusal of a price that is not the one that the buyer saw.
pub(super) fn check_seen(
    expected: Expected,
    price: &OrderPrice,
    currency: Currency,
) -> Result<(), Rejection> {
    match expected {
        Expected::Unit(Some(seen)) => {
            let mut places = price.places.iter();
            match places.find(|place| place.list_price != seen) {
                Some(other) => Err(Rejection::PriceChanged {
                    unit_price: other.list_price,
                }),
                None => Ok(()),
            }
        }
        Expected::Total(Some(seen)) if seen != price.total => Err(Rejection::TotalChanged {
            total: price.total,
            currency,
        }),
        Expected::Unit(None) | Expected::Total(_) => Ok(()),
    }
}
