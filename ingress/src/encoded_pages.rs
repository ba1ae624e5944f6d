//! Public answers that are encoded once for each change of what they are about and shared by all who ask: a show with
//! its offer. Those of events are in [`crate::event_pages`].

use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use crate::detached::detached;
use crate::error::ApiError;
use crate::prepared::Prepared;
use crate::versions;

/// How long nobody looks whether something has changed.
const FRESH_FOR: Duration = Duration::from_secs(1);
/// Bytes of all pages of a kind that are kept.
const KEPT_MAX_BYTES: u64 = 32 << 20;
/// Pages of a kind that are known to be fresh.
const FRESH_MAX: u64 = 10_000;

/// A page.
pub(crate) struct EncodedPage<S> {
    /// As of which changes.
    stamp: S,
    /// Its tag, which begins with the version of what it is about.
    pub(crate) tag: String,
    /// The data of a success.
    pub(crate) body: Arc<Prepared>,
}

impl<S> EncodedPage<S> {
    /// Of the JSON of its data.
    pub(crate) fn new(stamp: S, version: u64, data: &[u8]) -> Self {
        Self {
            stamp,
            tag: versions::tag_of_bytes(version, data),
            body: Arc::new(Prepared::data(data).kept()),
        }
    }
}

/// See the module. A stamp is another one after each change.
pub(crate) struct EncodedPages<K, S> {
    /// Those that were looked at just now.
    fresh: moka::future::Cache<K, Arc<EncodedPage<S>>>,
    /// Those that are right as long as nothing has changed.
    kept: moka::future::Cache<K, Arc<EncodedPage<S>>>,
}

impl<K, S> EncodedPages<K, S>
where
    K: Hash + Eq + Copy + Send + Sync + 'static,
    S: PartialEq + Copy + Send + Sync + 'static,
{
    /// None yet.
    pub(crate) fn new() -> Self {
        Self {
            fresh: moka::future::Cache::builder()
                .max_capacity(FRESH_MAX)
                .time_to_live(FRESH_FOR)
                .build(),
            kept: moka::future::Cache::builder()
                .max_capacity(KEPT_MAX_BYTES)
                .weigher(|_: &K, page: &Arc<EncodedPage<S>>| {
                    // Compressed as well.
                    u32::try_from(page.body.len().saturating_mul(2)).unwrap_or(u32::MAX)
                })
                .build(),
        }
    }

    /// The page as it was at most a second ago: `look` reads its stamp, `make` encodes it as of one.
    ///
    /// # Errors
    /// What these say.
    pub(crate) async fn page<F>(
        &self,
        key: K,
        look: impl Future<Output = Result<S, ApiError>> + Send + 'static,
        make: impl FnOnce(S) -> F + Send + 'static,
    ) -> Result<Arc<EncodedPage<S>>, ApiError>
    where
        F: Future<Output = Result<EncodedPage<S>, ApiError>> + Send + 'static,
    {
        let kept = self.kept.clone();
        let looked = async move {
            // What is made here is for all who wait, so it goes on when the first of them hangs up.
            detached(async move {
                let stamp = look.await?;
                if let Some(page) = kept.get(&key).await
                    && page.stamp == stamp
                {
                    return Ok(page);
                }
                let page = Arc::new(make(stamp).await?);
                kept.insert(key, page.clone()).await;
                Ok(page)
            })
            .await
        };
        self.fresh
            .try_get_with(key, looked)
            .await
            .map_err(|error: Arc<ApiError>| ApiError::clone(&error))
    }

    /// Whoever asks from now on sees what was just changed of it.
    pub(crate) async fn forget(&self, key: K) {
        self.fresh.invalidate(&key).await;
    }

    /// The same for all of them.
    pub(crate) fn forget_all(&self) {
        self.fresh.invalidate_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    #[tokio::test]
    async fn a_page_is_encoded_once_for_each_change() {
        let pages: EncodedPages<u8, u64> = EncodedPages::new();
        let made = Arc::new(AtomicU64::new(0));
        let page = async |stamp: u64| {
            let made = made.clone();
            let page = pages.page(1, async move { Ok(stamp) }, move |stamp| async move {
                made.fetch_add(1, Ordering::SeqCst);
                let data = stamp.to_string();
                Ok(EncodedPage::new(stamp, stamp, data.as_bytes()))
            });
            page.await.unwrap().tag.clone()
        };
        let first = page(7).await;
        assert!(first.starts_with("\"7."), "{first}");
        // Nobody looks for a second.
        assert_eq!(page(8).await, first);
        pages.forget(1).await;
        assert_eq!(page(7).await, first);
        assert_eq!(made.load(Ordering::SeqCst), 1, "nothing has changed");
        pages.forget_all();
        assert_ne!(page(8).await, first);
        assert_eq!(made.load(Ordering::SeqCst), 2);
    }

    #[tokio::test]
    async fn what_is_not_there_is_looked_for_again() {
        let pages: EncodedPages<u8, u64> = EncodedPages::new();
        let make = |stamp: u64| async move { Ok(EncodedPage::new(stamp, stamp, b"{}")) };
        let missing = async { Err(ApiError::not_found("show")) };
        assert!(pages.page(1, missing, make).await.is_err());
        assert!(pages.page(1, async { Ok(3) }, make).await.is_ok());
    }
}
