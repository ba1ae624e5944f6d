//! The order of hits.

use crate::cursor::Key;
use crate::document::Availability;
use crate::index::Row;
use crate::query::Sort;

const MINUTE_MS: u64 = 60_000;
const DAY_MS: u64 = 24 * 60 * MINUTE_MS;
/// What is over counts that much.
const OVER: f32 = 0.3;
/// What is sold out.
const SOLD_OUT: f32 = 0.7;
/// What is nearly sold out.
const NEARLY_SOLD_OUT: f32 = 0.98;
/// What is lost by an event that is a year away or more; less in proportion.
const YEAR_AWAY: f32 = 0.1;
/// What is gained by each doubling of popularity.
const POPULARITY: f32 = 0.01;

/// The place of a hit: smaller comes first.
pub(super) fn key(sort: Sort, row: &Row, score: f32, now_ms: u64) -> Key {
    let order = match sort {
        Sort::Relevance => {
            // Bits of positive numbers are in their order.
            let score = u32::MAX - relevance(row, score, now_ms).to_bits();
            let minute = u32::try_from(row.first_show_ms / MINUTE_MS).unwrap_or(u32::MAX);
            u64::from(score) << 32 | u64::from(minute)
        }
        Sort::Date => row.first_show_ms,
        Sort::Price => row.price_order(),
        Sort::Popularity => u64::from(u32::MAX - row.popularity),
    };
    Key {
        order,
        id: row.event_id.0.as_u128(),
    }
}

/// How well the text fits, times what somebody can make of it.
fn relevance(row: &Row, score: f32, now_ms: u64) -> f32 {
    let availability = match row.availability {
        Availability::None => SOLD_OUT,
        Availability::Few => NEARLY_SOLD_OUT,
        Availability::Many => 1.0,
    };
    let time = if row.last_show_ms < now_ms {
        OVER
    } else {
        let days = row.first_show_ms.saturating_sub(now_ms) / DAY_MS;
        let days = f32::from(u16::try_from(days.min(365)).unwrap_or(365));
        1.0 - YEAR_AWAY * days / 365.0
    };
    let doublings = u32::BITS - row.popularity.leading_zeros();
    let doublings = f32::from(u8::try_from(doublings).unwrap_or(0));
    score * availability * time * (1.0 + POPULARITY * doublings)
}
