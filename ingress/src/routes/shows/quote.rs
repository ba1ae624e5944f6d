//! `POST /shows/{id}/quote`

mod judge;
mod request;

use std::collections::HashMap;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use onsale_schemas::limits::{ITEMS_PER_ORDER_MAX, TICKETS_PER_BOOKING_MAX};
use onsale_schemas::rejection::CodeRefusal;
use onsale_schemas::{CodeHash, Rejection, ShowId, UserId};
use onsale_store::catalog::{ShowRow, TaxRates};
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use self::judge::{Standing, Tried};
use self::request::{QuoteRequest, check_seen};
use crate::auth::{Caller, Role};
use crate::bounds::{Bound, Bounds, Of};
use crate::charts::Chart;
use crate::client_address::ClientAddress;
use crate::codes::TYPED_MAX_BYTES;
use crate::context::RequestContext;
use crate::envelope::{self, Problem, Success};
use crate::error::{ApiError, Code};
use crate::extract::{JsonBody, PathId};
use crate::percent::Percent;
use crate::rejection;
use crate::routes::bookings::lines::{LineBody, Priced, Sums};
use crate::routes::bookings::reserve::{currency, items};
use crate::routes::visible;
use crate::state::AppState;
use crate::values::{Instant, Money};

/// What its requests may hold.
pub(super) const BOUNDS: Bounds = &[
    (
        Of::Field("QuoteRequest", "quantity"),
        Bound::Range(1, TICKETS_PER_BOOKING_MAX as u64),
    ),
    (
        Of::Field("QuoteRequest", "seats"),
        Bound::Items(TICKETS_PER_BOOKING_MAX as usize),
    ),
    (
        Of::Field("QuoteRequest", "items"),
        Bound::Items(ITEMS_PER_ORDER_MAX),
    ),
    (
        Of::Field("QuoteRequest", "code"),
        Bound::Length(TYPED_MAX_BYTES),
    ),
];

/// What a basket would cost now.
#[derive(Serialize, ToSchema)]
pub(crate) struct Quote {
    show_id: Uuid,
    /// Line by line. Seats that are not named are chosen when they are reserved; the price does not depend on which.
    lines: Vec<LineBody>,
    /// What bundles and the code took off.
    discount: Money,
    /// Fees for the places and for the order.
    fees: Money,
    /// Tax in prices and fees.
    tax: Money,
    /// Rate of the tax that prices include, of what they are without it; left out where nothing has a price.
    #[serde(skip_serializing_if = "Option::is_none")]
    tax_percent: Option<Percent>,
    /// Rate of the tax that fees include, of what they are without it; left out where there are no fees.
    #[serde(skip_serializing_if = "Option::is_none")]
    fee_tax_percent: Option<Percent>,
    /// What is to be paid, fees included.
    total_price: Money,
    /// When a window of the offer or of the sale begins or ends next, or in a minute. What others buy may change the
    /// price before: send the total along when reserving.
    valid_until: Instant,
    server_time: Instant,
}

/// What a basket would cost.
///
/// The body is that of a reservation, and is checked as there; `show_id` may be left out. Nothing is held, and
/// whether the places are free is not looked at. Lines and total are those of a reservation at this moment; so are
/// refusals that follow from the offer, the code, the times of the sale and the price that the buyer saw.
#[utoipa::path(
    post, path = "/api/v1/shows/{id}/quote", operation_id = "quote", tag = "bookings", request_body = QuoteRequest,
    params(("id" = Uuid, Path, description = "The show")),
    security((), ("bearer" = [])),
    responses(
        (status = 200, description = "What it would cost", body = Success<Quote>),
        (status = 400, description = "`VALIDATION_ERROR`", body = Problem),
        (status = 404, description = "`NOT_FOUND`: no such show", body = Problem),
        (status = 409, description = "`SALE_NOT_OPEN`, `SALE_CLOSED`, `SHOW_CANCELLED`, `PRICE_CHANGED`, `TYPE_NOT_OFFERED`, `CODE_REFUSED`, `ACCESS_CODE_REQUIRED`, `TYPE_NOT_ON_SALE`, `TYPE_QUANTITY`, `WRONG_SEAT_KIND`, `COMPANION_ALONE`; `TERMS_UNKNOWN`: a reservation goes by what the code is good for, which cannot be told right now", body = Problem),
        (status = 429, description = "`RATE_LIMITED`: too many requests, or too many wrong codes", body = Problem),
    ),
)]
pub(crate) async fn quote(
    State(state): State<AppState>,
    context: RequestContext,
    caller: Option<Caller>,
    client: ClientAddress,
    PathId(id): PathId,
    body: JsonBody<QuoteRequest>,
) -> Result<Response, ApiError> {
    let (show, request) = (ShowId(id), body.value);
    let chart = visible::chart(&state, None, show).await?;
    request.check_show(&chart)?;
    let (basket, seen) = request.parts();
    let is_missing = |chart: &Chart| basket.names_unknown(chart);
    let chart = state.charts.knowing(&chart, &is_missing).await;
    let is_order = basket.is_order() || seen.expected_total.is_some();
    let items = items(&chart, &basket)?;
    let zone = items.first().map(|item| item.zone);
    let sold_in = zone.and_then(|zone| currency(&chart, zone));
    let sold_in = sold_in.ok_or_else(|| ApiError::internal("a basket without a zone"))?;
    let expected = seen.expected(is_order, sold_in)?;
    // Uses of a code are counted for buyers.
    let buyer = caller.filter(|caller| caller.role == Role::Buyer);
    let user = buyer.map(|caller| caller.user);
    let row = state.charts.show(show).await?;
    let phase_places = phase_places(&state, &row).await?;
    let code = match &basket.code {
        None => None,
        Some(typed) => {
            let hash = state.codes.hash(chart.tenant, show, typed)?;
            Some((hash, state.codes.admit(client.0, user)?))
        }
    };
    let tried = match &code {
        None => None,
        Some((hash, guess)) => match tried(&state, show, *hash, user).await {
            Ok(tried) => Some(tried),
            Err(error) => {
                guess.give_back();
                return Err(error);
            }
        },
    };
    let standing = Standing {
        show: &row,
        phase_places: &phase_places,
        code: tried.as_ref(),
        seat_kind: &|seat| chart.kind(seat),
        now_ms: state.clock.now_ms(),
    };
    let quoted = judge::price(&standing, &items).and_then(|quoted| {
        check_seen(expected, &quoted.price, quoted.currency)?;
        Ok(quoted)
    });
    if let Some((_, guess)) = &code {
        match &quoted {
            Err(why) if is_wrong_code(why) => guess.was_wrong(),
            // It was right, or nothing is told of it.
            _ => guess.give_back(),
        }
    }
    let quoted = quoted.map_err(|why| rejection::to_error(&why, Some(&*chart), zone))?;
    let order = quoted.price;
    let of_order = onsale_prices::lines(&order, &judge::seats(&items));
    let sums = Sums {
        order_fee: order.order_fee,
        total: order.total,
        tax: order.tax,
        currency: quoted.currency,
    };
    let offer = row.offer.as_ref().map(|row| &row.offer);
    let rates = offer.map(TaxRates::of).unwrap_or_default();
    let priced = Priced::of(Some(&*chart), &of_order, sums).at(rates);
    let totals = priced.totals();
    let answer = Quote {
        show_id: id,
        lines: priced.lines(),
        discount: totals.discount,
        fees: totals.fees,
        tax: totals.tax,
        tax_percent: totals.tax_percent,
        fee_tax_percent: totals.fee_tax_percent,
        total_price: totals.total_price,
        valid_until: Instant(standing.valid_until_ms()),
        server_time: Instant(standing.now_ms),
    };
    envelope::success(&context, StatusCode::OK, &answer)
}

fn is_wrong_code(why: &Rejection) -> bool {
    matches!(
        why,
        Rejection::CodeRefused {
            why: CodeRefusal::Unknown
        }
    )
}

/// What is known of a code that someone tries. Bookings of others are counted, which their reader may not see.
async fn tried(
    state: &AppState,
    show: ShowId,
    code: CodeHash,
    user: Option<UserId>,
) -> Result<Tried, ApiError> {
    let Some((group, terms)) = state.installation.code_terms(show, code).await? else {
        return Ok(Tried::Unknown);
    };
    if state.installation.lacks_codes(show, group).await? {
        return Err(ApiError::new(
            Code::TermsUnknown,
            "What this code is good for cannot be told right now. A reservation with it goes by what it is good \
             for: make one to learn the price.",
        ));
    }
    let (uses, uses_of_user) = if terms.uses_max > 0 || terms.uses_per_user_max > 0 {
        state.installation.code_uses(show, code, user).await?
    } else {
        (0, 0)
    };
    Ok(Tried::Known {
        terms,
        uses,
        uses_of_user,
    })
}

/// Live places by the phase that gave their price, where a phase has a limit.
async fn phase_places(state: &AppState, show: &ShowRow) -> Result<HashMap<u8, u32>, ApiError> {
    let phases = show.offer.iter().flat_map(|row| &row.offer.phases);
    if phases.clone().all(|phase| phase.places == 0) {
        return Ok(HashMap::new());
    }
    let counts = state.installation.phase_counts(show.show_id).await?;
    let counts = counts.into_iter();
    Ok(counts
        .map(|(phase, places)| (phase, u32::try_from(places).unwrap_or(u32::MAX)))
        .collect())
}
