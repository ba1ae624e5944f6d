//! Seat charts: which seat has which label, and the chart as clients read it.

mod body;
mod cache;
mod chart;
mod offer_names;

pub(crate) use body::Document;
pub(crate) use cache::{Charts, ShowStamp};
#[cfg(test)]
pub(crate) use chart::tests::show as show_of;
pub(crate) use chart::{Chart, ChartZone, Found, parse_seat_id, seat_id};
