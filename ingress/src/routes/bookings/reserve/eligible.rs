//! Who may reserve at all, beside what the log decides: which accounts an organizer sells to, from which age on,
//! and what a guest's token is for. The log knows no addresses, ages and guests, and the order of requests has no
//! part in this, so it is compared before anything is handed in.

use onsale_auth::Purchase;
use onsale_schemas::UserId;
use onsale_store::booking::{BookingFilter, BookingStatus};
use serde_json::json;

use crate::auth::Caller;
use crate::charts::Chart;
use crate::error::{ApiError, Code};
use crate::rate_limit::Key;
use crate::routes::projected;
use crate::sold_to::SoldTo;
use crate::state::AppState;
use crate::tally::Counted;

/// Bookings of a guest that are looked at, the newest ones: of what it has given back there may be more.
const GUEST_BOOKINGS_LOOKED_AT: u32 = 5;

/// Refuses who may not reserve places of the show. A guest is kept from reserving twice at once until the
/// result is dropped.
///
/// # Errors
/// `VALIDATION_ERROR` naming `age_confirmed` where the event asks for an age that is not confirmed,
/// `VERIFIED_ACCOUNT_REQUIRED`, `FORBIDDEN`, `GUEST_PURCHASE_MADE`, `OVERLOADED`.
pub(super) async fn check(
    state: &AppState,
    caller: &Caller,
    chart: &Chart,
    age_confirmed: Option<bool>,
) -> Result<Option<Counted>, ApiError> {
    let asks = SoldTo::asks(state, chart.event).await?;
    if asks.verified_account && !is_verified(state, caller).await? {
        return Err(ApiError::new(
            Code::VerifiedAccountRequired,
            "This event is sold only to accounts whose e-mail address is verified: sign in, and follow \
             the link in the mail that was sent to your address.",
        ));
    }
    let age = asks.minimum_age;
    if age > 0 && age_confirmed != Some(true) {
        return Err(ApiError::wrong(
            "age_confirmed",
            age_confirmed,
            &format!("must be true: the event is for people of {age} years and older"),
            "true, where the buyer has confirmed the age",
        )
        .with_detail("minimum_age", json!(age)));
    }
    match caller.guest {
        Some(purchase) => guest(state, caller.user, purchase, chart).await.map(Some),
        None => Ok(None),
    }
}

/// Whether the caller's address is verified. A session's token may say that it is not and be older than the
/// proof, or of a version that did not say; other tokens say all there is to know.
async fn is_verified(state: &AppState, caller: &Caller) -> Result<bool, ApiError> {
    if caller.email_verified {
        return Ok(true);
    }
    if caller.session.is_none() || state.accounts.is_none() {
        return Ok(false);
    }
    let user = state.store.user(caller.user.0).await?;
    Ok(user.is_some_and(|user| user.is_active() && user.email_verified_at_ms.is_some()))
}

/// A guest makes one purchase, of the show that its token names, if it names one.
async fn guest(
    state: &AppState,
    user: UserId,
    purchase: Purchase,
    chart: &Chart,
) -> Result<Counted, ApiError> {
    if purchase.show.is_some_and(|show| show != chart.show) {
        return Err(ApiError::forbidden(
            "This guest's token is for another show: ask for one for this show.",
        ));
    }
    let alone = state.guests_buying.enter(Key::User(user), 1);
    let alone = alone.ok_or_else(|| {
        ApiError::overloaded("Another reservation of this guest is under way. Try again.")
    })?;
    if is_erased(state, user).await {
        return Err(ApiError::forbidden(
            "The address of this guest was erased, so nobody could be sent the tickets: ask for another \
             guest's token.",
        ));
    }
    if has_purchase(state, user).await {
        return Err(ApiError::new(
            Code::GuestPurchaseMade,
            "A guest makes one purchase, and this one has a booking. Give it back first, or ask for \
             another guest's token.",
        ));
    }
    Ok(alone)
}

/// Whether a guest had its address erased. As with its bookings, a sale does not wait for a database that is
/// away.
async fn is_erased(state: &AppState, user: UserId) -> bool {
    match state.store.guest(user.0).await {
        Ok(row) => row.is_some_and(|row| row.erased_at_ms.is_some()),
        Err(error) => {
            tracing::warn!(guest = %user, %error, "whether it was erased cannot be read");
            false
        }
    }
}

/// Whether a guest holds or has bought something. A sale does not wait for a database that is away or behind:
/// what a guest may have then is bounded by the ticket limit, which the log counts.
async fn has_purchase(state: &AppState, user: UserId) -> bool {
    let filter = BookingFilter {
        user_id: user,
        status: None,
        expires_after_ms: None,
        after: None,
        limit: GUEST_BOOKINGS_LOOKED_AT,
    };
    let now_ms = state.clock.now_ms();
    let read = async {
        projected::wait_for_all(state, user).await?;
        Ok::<_, ApiError>(state.store.bookings(&filter).await?)
    };
    match read.await {
        Ok(rows) => rows.iter().any(|row| match row.status {
            BookingStatus::Confirmed => true,
            BookingStatus::Reserved => row.expires_at_ms > now_ms,
            BookingStatus::Cancelled | BookingStatus::Expired => false,
        }),
        Err(error) => {
            tracing::warn!(guest = %user, why = error.detail(), "its bookings cannot be read");
            false
        }
    }
}
