//! Which orders of an event a search means.

use std::cmp::Reverse;

use onsale_private::Private;
use onsale_schemas::{BookingId, UserId};
use onsale_store::booking::{BookingRow, BookingStatus};
use onsale_store::catalog::OrderFilter;
use uuid::Uuid;

use crate::confirmation_codes::ConfirmationCodes;
use crate::error::{ApiError, Code};
use crate::state::AppState;

/// Characters of a confirmation code.
const CODE_CHARS: usize = 8;
/// Confirmed orders that one statement gives.
const ORDERS_PER_STEP: u32 = 5_000;
/// Confirmed orders whose codes one search computes: a second or two of work. An event with more is searched by show.
const ORDERS_SEARCHED_MAX: usize = 200_000;

/// The orders within the filter that a search means: by the id of a booking, the address of a buyer, or a confirmation
/// code.
///
/// # Errors
/// `VALIDATION_ERROR` for what is none of those; as every read.
pub(super) async fn find(
    state: &AppState,
    filter: &OrderFilter,
    search: &str,
) -> Result<Vec<BookingRow>, ApiError> {
    if let Ok(id) = Uuid::try_parse(search) {
        return match BookingId::from_uuid(id) {
            Some(booking) => one(state, filter, booking).await,
            None => Ok(Vec::new()),
        };
    }
    if search.contains('@') {
        return by_email(state, filter, search).await;
    }
    match code(search) {
        Some(code) => by_code(state, filter, &code).await,
        None => Err(ApiError::invalid(
            "search",
            search,
            "the id of a booking, a confirmation code of eight letters and digits, or a whole e-mail address",
        )),
    }
}

/// The booking, where it lies within the filter.
async fn one(
    state: &AppState,
    filter: &OrderFilter,
    booking: BookingId,
) -> Result<Vec<BookingRow>, ApiError> {
    let row = state.store.booking(booking).await?;
    let is_wanted = |row: &BookingRow| {
        row.event_id == filter.event_id
            && filter.show_id.is_none_or(|show| row.show_id == show)
            && filter.status.is_none_or(|status| row.status == status)
            && filter
                .before
                .is_none_or(|before| row.booking_id.offset() < before.offset())
    };
    Ok(row.into_iter().filter(is_wanted).collect())
}

async fn by_email(
    state: &AppState,
    filter: &OrderFilter,
    email: &str,
) -> Result<Vec<BookingRow>, ApiError> {
    let accounts = state.accounts.as_ref().ok_or_else(|| {
        ApiError::new(
            Code::NotSupported,
            "There are no accounts in this installation, so no addresses: search by the id of a booking or by its \
             confirmation code.",
        )
    })?;
    let now_ms = state.clock.now_ms();
    let hash = accounts
        .lookup_hash(&Private::new(email), now_ms)
        .await?
        .ok_or_else(|| {
            // What it was is nobody's to read in an error.
            ApiError::invalid("search", "(not shown)", "a whole e-mail address")
        })?;
    // Accounts are nobody's but their person's; what of theirs is shown is of this event.
    let buyers: Vec<UserId> = state.installation.buyers_by_email(&hash).await?;
    let mut found = Vec::new();
    for buyer in buyers {
        let of_buyer = OrderFilter {
            user_id: Some(buyer),
            ..*filter
        };
        found.extend(state.store.orders(&of_buyer).await?);
    }
    found.sort_by_key(|row| Reverse(row.booking_id.offset()));
    found.truncate(usize::try_from(filter.limit).unwrap_or(usize::MAX));
    Ok(found)
}

/// What a person reads to another, as it is computed.
fn code(search: &str) -> Option<String> {
    let letters: String = search
        .chars()
        .filter(|char| !matches!(char, ' ' | '-'))
        .map(|char| match char.to_ascii_uppercase() {
            // What Crockford's alphabet leaves out because it looks like these.
            'O' => '0',
            'I' | 'L' => '1',
            other => other,
        })
        .collect();
    let is_code = letters.len() == CODE_CHARS && letters.bytes().all(|b| b.is_ascii_alphanumeric());
    is_code.then_some(letters)
}

/// Codes are computed of bookings and not kept, so those of the event are computed until one is this.
async fn by_code(
    state: &AppState,
    filter: &OrderFilter,
    code: &str,
) -> Result<Vec<BookingRow>, ApiError> {
    if filter
        .status
        .is_some_and(|status| status != BookingStatus::Confirmed)
    {
        return Ok(Vec::new());
    }
    let mut step = OrderFilter {
        before: None,
        limit: ORDERS_PER_STEP,
        ..*filter
    };
    let mut searched = 0;
    loop {
        let confirmed = state.store.confirmed_orders(&step).await?;
        for (booking, confirmed_at_ms) in &confirmed {
            if ConfirmationCodes::code(state, *booking, *confirmed_at_ms).await? == code {
                return one(state, filter, *booking).await;
            }
        }
        searched += confirmed.len();
        match confirmed.last() {
            Some((last, _)) if confirmed.len() >= ORDERS_PER_STEP as usize => {
                if searched >= ORDERS_SEARCHED_MAX {
                    return Err(ApiError::wrong(
                        "show",
                        serde_json::Value::Null,
                        "the event has too many orders to look for a code among all of them; say of which show it is",
                        "the id of a show",
                    ));
                }
                step.before = Some(*last);
            }
            _ => return Ok(Vec::new()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::code;

    #[test]
    fn a_code_is_read_as_people_say_it() {
        for (said, expected) in [
            ("KDRYM1JF", Some("KDRYM1JF")),
            ("kdry-m1jf", Some("KDRYM1JF")),
            (" kdry mijf", Some("KDRYM1JF")),
            ("OOOO0000", Some("00000000")),
            ("KDRYM1J", None),
            ("KDRYM1JFF", None),
            ("KDRY_1JF", None),
            ("", None),
        ] {
            assert_eq!(code(said).as_deref(), expected, "{said}");
        }
    }
}
