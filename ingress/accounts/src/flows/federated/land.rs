//! Whose sign-in it is that comes back from a provider.

use super::refused::{Refused, Stop, refused};
use super::{HANDOVER_MS, Landed, ProviderReturn};
use crate::accounts::{Accounts, Origin};
use crate::providers::journey::Journey;
use crate::providers::{Provider, ProviderError, Subject};
use crate::secret::OneTimeSecret;

impl Accounts {
    pub(super) async fn land(
        &self,
        provider: &Provider,
        journey: &Journey,
        back: ProviderReturn,
        origin: &Origin,
        now_ms: u64,
    ) -> Result<Landed, Stop> {
        let code = match (back.error.as_deref(), back.code) {
            (Some("access_denied"), _) => return refused(Refused::Cancelled, None),
            (None, Some(code)) => code,
            (Some(_), _) | (None, None) => return refused(Refused::Provider, None),
        };
        let issuer = back.issuer.as_deref();
        let subject = self
            .providers
            .subject(provider, journey, &code, issuer, now_ms);
        let subject = match subject.await {
            Ok(subject) => subject,
            Err(ProviderError::Busy) => return refused(Refused::TryAgain, None),
            Err(error) => {
                let provider = &provider.name;
                tracing::warn!(%provider, %error, "a provider did not say who signs in");
                return refused(Refused::Provider, None);
            }
        };
        match journey.linking {
            Some((user, session)) => {
                self.link_identity(provider, &subject, (user, session), origin, now_ms)
                    .await
            }
            None => {
                self.sign_in(provider, journey, &subject, origin, now_ms)
                    .await
            }
        }
    }

    /// Says whose sign-in it is; of someone new, after an account was found or created.
    async fn sign_in(
        &self,
        provider: &Provider,
        journey: &Journey,
        subject: &Subject,
        origin: &Origin,
        now_ms: u64,
    ) -> Result<Landed, Stop> {
        let vault = self.vault(now_ms).await?;
        let hash = vault.subject_hash(&provider.authority(), &subject.id);
        match self.store.identity(hash).await? {
            Some(known) => {
                let user = self.store.user(known.user_id).await?;
                if !user.is_some_and(|user| user.is_active()) {
                    return refused(Refused::Disabled, Some(known.user_id));
                }
            }
            None => {
                self.by_address(provider, subject, origin, now_ms).await?;
            }
        }
        let code = OneTimeSecret::random();
        let until_ms = now_ms.saturating_add(HANDOVER_MS);
        let state = journey.state_hash();
        let handed = self
            .store
            .hand_sign_in_over(state, hash, code.hash(), now_ms, until_ms);
        if handed.await? {
            Ok(Landed::SignedIn(code))
        } else {
            refused(Refused::TryAgain, None)
        }
    }
}
