//! A document of a provider that is kept, so that people neither wait for it nor ask for it each.
//!
//! One asks, and those who came meanwhile wait for what it gets. After a failure nobody asks for a few seconds.
//! While there is no newer one to be had, an old document is used for some hours.

use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;

use super::error::ProviderError;

/// How long a document is believed, in milliseconds: an hour.
const KEPT_MS: u64 = 3_600_000;
/// How long it is used where no newer one can be had, in milliseconds: 6 hours.
const STALE_MS: u64 = 6 * KEPT_MS;
/// How long after a failure nobody asks, in milliseconds.
const FAILED_PAUSE_MS: u64 = 10_000;

/// See the module.
#[derive(Debug)]
pub(super) struct Kept<T> {
    state: Mutex<State<T>>,
    /// Whoever asks the provider holds it.
    asking: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
struct State<T> {
    /// The document and when it was fetched, in milliseconds since 1970.
    document: Option<(u64, T)>,
    /// Until when nobody asks after a failure, in milliseconds since 1970, and whether it was an outage.
    failed: Option<(u64, bool)>,
}

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self {
            state: Mutex::new(State {
                document: None,
                failed: None,
            }),
            asking: tokio::sync::Mutex::default(),
        }
    }
}

impl<T: Clone> Kept<T> {
    /// The document, by `fetch` where there is none that is believed.
    ///
    /// # Errors
    /// That of `fetch`, or [`ProviderError::FailedLately`].
    pub(super) async fn get(
        &self,
        now_ms: u64,
        fetch: impl Future<Output = Result<T, ProviderError>>,
    ) -> Result<T, ProviderError> {
        if let Some(document) = self.younger_than(KEPT_MS, now_ms) {
            return Ok(document);
        }
        let old = self.younger_than(STALE_MS, now_ms);
        let turn = match self.asking.try_lock() {
            Ok(turn) => turn,
            Err(_) => {
                // Someone asks already.
                if let Some(old) = &old {
                    return Ok(old.clone());
                }
                self.asking.lock().await
            }
        };
        let asked = self.ask(KEPT_MS, now_ms, fetch).await;
        drop(turn);
        match (asked, old) {
            (Err(error), Some(old)) if error.is_outage() => {
                // Of those who ask within the pause, nobody says it again.
                if !matches!(error, ProviderError::FailedLately { .. }) {
                    tracing::warn!(%error, "an old document of a provider is used");
                }
                Ok(old)
            }
            (asked, _) => asked,
        }
    }

    /// A document that is younger than `pause_ms`, in milliseconds: that of someone who asked a moment ago, or by
    /// `fetch`.
    ///
    /// # Errors
    /// As [`Kept::get`].
    pub(super) async fn renew(
        &self,
        pause_ms: u64,
        now_ms: u64,
        fetch: impl Future<Output = Result<T, ProviderError>>,
    ) -> Result<T, ProviderError> {
        let turn = self.asking.lock().await;
        let asked = self.ask(pause_ms, now_ms, fetch).await;
        drop(turn);
        asked
    }

    /// Asks, unless someone has meanwhile.
    async fn ask(
        &self,
        age_ms: u64,
        now_ms: u64,
        fetch: impl Future<Output = Result<T, ProviderError>>,
    ) -> Result<T, ProviderError> {
        if let Some(document) = self.younger_than(age_ms, now_ms) {
            return Ok(document);
        }
        let failed = self.state().failed;
        if let Some((until_ms, is_outage)) = failed
            && now_ms < until_ms
        {
            return Err(ProviderError::FailedLately { is_outage });
        }
        let began = Instant::now();
        let fetched = fetch.await;
        let mut state = self.state();
        match &fetched {
            Ok(document) => state.document = Some((now_ms, document.clone())),
            Err(error) => {
                // From when it failed: it may have taken long.
                let took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
                let failed_at_ms = now_ms.saturating_add(took_ms);
                let until_ms = failed_at_ms.saturating_add(FAILED_PAUSE_MS);
                state.failed = Some((until_ms, error.is_outage()));
            }
        }
        fetched
    }

    fn younger_than(&self, age_ms: u64, now_ms: u64) -> Option<T> {
        let state = self.state();
        let (since_ms, document) = state.document.as_ref()?;
        (now_ms.saturating_sub(*since_ms) < age_ms).then(|| document.clone())
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State<T>> {
        // Nothing in here panics halfway.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use tokio::sync::Notify;

    use super::*;

    const NOW_MS: u64 = 1_800_000_000_000;

    /// A provider that counts how often it is asked.
    #[derive(Default)]
    struct Asked(AtomicU32);

    impl Asked {
        async fn answers(&self, answer: Result<u32, ProviderError>) -> Result<u32, ProviderError> {
            self.0.fetch_add(1, Ordering::SeqCst);
            answer
        }

        fn times(&self) -> u32 {
            self.0.load(Ordering::SeqCst)
        }
    }

    #[tokio::test]
    async fn a_failure_is_remembered_for_a_few_seconds() {
        let (kept, provider) = (Kept::default(), Asked::default());
        let slow = || provider.answers(Err(ProviderError::Slow));
        let failed = kept.get(NOW_MS, slow()).await;
        assert!(matches!(failed, Err(ProviderError::Slow)), "{failed:?}");
        let again = kept.get(NOW_MS + FAILED_PAUSE_MS - 1, slow()).await;
        assert!(
            matches!(again, Err(ProviderError::FailedLately { is_outage: true })),
            "{again:?}"
        );
        assert_eq!(provider.times(), 1);
        let later = kept.get(NOW_MS + KEPT_MS, provider.answers(Ok(7)));
        assert_eq!(later.await.unwrap(), 7);
        assert_eq!(provider.times(), 2);
    }

    #[tokio::test]
    async fn an_old_document_is_used_while_there_is_no_newer_one() {
        let (kept, provider) = (Kept::default(), Asked::default());
        let first = kept.get(NOW_MS, provider.answers(Ok(1))).await;
        assert_eq!(first.unwrap(), 1);
        let known = kept.get(NOW_MS + KEPT_MS - 1, provider.answers(Ok(2)));
        assert_eq!(known.await.unwrap(), 1);
        let out = kept.get(
            NOW_MS + KEPT_MS,
            provider.answers(Err(ProviderError::Status(503))),
        );
        assert_eq!(out.await.unwrap(), 1);
        let wrong = ProviderError::Answer("it is another");
        let wrong = kept.get(NOW_MS + 2 * KEPT_MS, provider.answers(Err(wrong)));
        assert!(wrong.await.is_err(), "what it says now counts");
        let again = kept.get(NOW_MS + 2 * KEPT_MS + 1, provider.answers(Ok(3)));
        assert!(again.await.is_err(), "and for those after it");
        let late = kept.get(
            NOW_MS + STALE_MS,
            provider.answers(Err(ProviderError::Slow)),
        );
        assert!(late.await.is_err());
        assert_eq!(provider.times(), 4);
    }

    #[tokio::test]
    async fn who_comes_meanwhile_waits_or_goes_on_with_the_old_one() {
        let kept = Arc::new(Kept::default());
        let (began, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let ask = |now_ms: u64, answer: u32| {
            let (kept, began, go) = (kept.clone(), began.clone(), go.clone());
            tokio::spawn(async move {
                let fetch = async {
                    began.notify_one();
                    go.notified().await;
                    Ok(answer)
                };
                kept.get(now_ms, fetch).await.unwrap()
            })
        };
        let first = ask(NOW_MS, 1);
        began.notified().await;
        let second = ask(NOW_MS, 2);
        go.notify_one();
        assert_eq!(first.await.unwrap(), 1);
        assert_eq!(second.await.unwrap(), 1);
        let third = ask(NOW_MS + KEPT_MS, 3);
        began.notified().await;
        let fourth = ask(NOW_MS + KEPT_MS, 4);
        assert_eq!(fourth.await.unwrap(), 1, "nobody waits");
        go.notify_one();
        assert_eq!(third.await.unwrap(), 3);
    }

    #[tokio::test]
    async fn a_renewal_asks_once_within_its_pause() {
        let (kept, provider) = (Kept::default(), Asked::default());
        let first = kept.get(NOW_MS, provider.answers(Ok(1))).await;
        assert_eq!(first.unwrap(), 1);
        let early = kept.renew(60_000, NOW_MS + 59_999, provider.answers(Ok(2)));
        assert_eq!(early.await.unwrap(), 1);
        let due = kept.renew(60_000, NOW_MS + 60_000, provider.answers(Ok(3)));
        assert_eq!(due.await.unwrap(), 3);
        assert_eq!(provider.times(), 2);
    }
}
