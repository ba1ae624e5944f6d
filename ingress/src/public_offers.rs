//! What the public may know of the offer of a show, encoded once for each change and shared by all who ask.

use std::sync::Arc;
use std::time::Duration;

use onsale_schemas::ShowId;
use onsale_store::catalog::ShowRow;

use crate::error::ApiError;
use crate::prepared::Prepared;

/// Bytes of all offers that are kept.
const KEPT_MAX_BYTES: u64 = 16 << 20;
/// What nobody has asked for that long is made anew.
const IDLE_MAX: Duration = Duration::from_secs(600);
/// About what an entry takes beside its bytes, the row of its show included.
const ENTRY_BYTES: usize = 4_096;

/// An offer as an answer.
pub(crate) struct PublicOffer {
    /// What it was made of.
    row: Arc<ShowRow>,
    /// Its tag.
    pub(crate) tag: String,
    /// The data of a success.
    pub(crate) body: Arc<Prepared>,
}

/// See the module.
pub(crate) struct PublicOffers {
    kept: moka::future::Cache<ShowId, Arc<PublicOffer>>,
}

impl PublicOffers {
    /// None yet.
    pub(crate) fn new() -> Self {
        Self {
            kept: moka::future::Cache::builder()
                .max_capacity(KEPT_MAX_BYTES)
                .time_to_idle(IDLE_MAX)
                .weigher(|_: &ShowId, offer: &Arc<PublicOffer>| {
                    // Compressed as well, and about as much for the row.
                    let bytes = offer.body.len().saturating_mul(3);
                    u32::try_from(bytes.saturating_add(ENTRY_BYTES)).unwrap_or(u32::MAX)
                })
                .build(),
        }
    }

    /// The offer of a show that is as this row; `make` says its tag and its JSON where it is another one than before.
    ///
    /// # Errors
    /// Those of `make`.
    pub(crate) async fn of(
        &self,
        row: Arc<ShowRow>,
        make: impl FnOnce(&ShowRow) -> Result<(String, Vec<u8>), ApiError>,
    ) -> Result<Arc<PublicOffer>, ApiError> {
        let show = row.show_id;
        if let Some(kept) = self.kept.get(&show).await
            && (Arc::ptr_eq(&kept.row, &row) || kept.row == row)
        {
            return Ok(kept);
        }
        let (tag, json) = make(&row)?;
        let body = Arc::new(Prepared::data(&json));
        let offer = Arc::new(PublicOffer { row, tag, body });
        self.kept.insert(show, offer.clone()).await;
        Ok(offer)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[tokio::test]
    async fn an_offer_is_encoded_once_until_its_show_is_another() {
        let offers = PublicOffers::new();
        let made = Cell::new(0);
        let ask = async |row: &Arc<ShowRow>| {
            let make = |row: &ShowRow| -> Result<(String, Vec<u8>), ApiError> {
                made.set(made.get() + 1);
                let name = row.name.clone().unwrap_or_default();
                Ok((name.clone(), name.into_bytes()))
            };
            offers.of(row.clone(), make).await.unwrap().tag.clone()
        };
        let named = |name: &str| {
            let mut row = crate::charts::show_of(Vec::new());
            row.name = Some(name.to_owned());
            Arc::new(row)
        };
        let first = named("first");
        // As it was read again by and by.
        for row in [&first, &first, &named("first")] {
            assert_eq!(ask(row).await, "first");
        }
        assert_eq!(made.get(), 1);
        assert_eq!(ask(&named("second")).await, "second");
        assert_eq!(made.get(), 2);
    }
}
