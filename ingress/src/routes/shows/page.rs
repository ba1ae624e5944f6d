//! A show in one answer: with what it has for sale, where its chart is and how late it is there.

use onsale_schemas::ShowId;
use onsale_store::Store;
use serde::Serialize;
use utoipa::ToSchema;

use super::body::ShowBody;
use super::offer::{OfferBody, Reader};
use crate::charts::ShowStamp;
use crate::encoded_pages::EncodedPage;
use crate::error::ApiError;
use crate::local_time;
use crate::routes::charts;

/// A show with all that a page needs but what is free, which is in `/availability`.
#[derive(Serialize, ToSchema)]
pub(crate) struct ShowPage {
    #[serde(flatten)]
    show: ShowBody,
    /// The time zone of the event, or of its venue (IANA).
    time_zone: Option<String>,
    /// The beginning as clocks there show it, with the offset.
    #[serde(skip_serializing_if = "Option::is_none")]
    starts_at_local: Option<String>,
    /// The beginning of the sale, as they show it.
    #[serde(skip_serializing_if = "Option::is_none")]
    sale_opens_at_local: Option<String>,
    /// Its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    sale_closes_at_local: Option<String>,
    /// Companion seats that an order may have for each of its accessible ones.
    companions_per_accessible: u8,
    /// Where the chart is that a page draws; `null`: the show was not made from a map, and `/seats` has its rows.
    chart: Option<String>,
    /// What is for sale, as everybody sees it.
    offer: OfferBody,
}

/// The page of a show as of a stamp. Where something changes meanwhile, the next look finds another stamp.
pub(super) async fn encode(
    store: Store,
    show: ShowId,
    stamp: ShowStamp,
) -> Result<EncodedPage<ShowStamp>, ApiError> {
    let row = store.show(show).await?;
    let row = row.ok_or_else(|| ApiError::not_found("show"))?;
    let event = store.event(row.event_id).await?;
    let event = event.ok_or_else(|| ApiError::not_found("show"))?;
    let time_zone = event.details.time_zone;
    let zone = local_time::zone_of_row(time_zone.as_deref());
    let local = |at_ms: u64| zone.as_ref().and_then(|zone| local_time::told(at_ms, zone));
    let page = ShowPage {
        show: ShowBody::of(&row),
        starts_at_local: local(row.starts_at_ms),
        sale_opens_at_local: local(row.sale_opens_at_ms),
        sale_closes_at_local: local(row.sale_closes_at_ms),
        time_zone,
        companions_per_accessible: row.companions_per_accessible,
        chart: row.map.map(|map| charts::path(map.chart)),
        offer: OfferBody::of(&row, Reader::Public),
    };
    let data = serde_json::to_vec(&page).map_err(ApiError::internal)?;
    Ok(EncodedPage::new(stamp, stamp.show_version, &data))
}
