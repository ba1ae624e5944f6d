//! Live availability: one view per show with readers, updated by the feed of outcomes.

mod frame;
mod hub;
mod rendering;
mod show;
mod stream;
mod view;

pub(crate) use frame::{AvailabilityBody, CompactBody, ZoneAvailability};
pub(crate) use hub::Hub;
pub(crate) use rendering::Format;
pub(crate) use show::LiveShow;
pub(crate) use stream::stream;
pub(crate) use view::shows_of;
