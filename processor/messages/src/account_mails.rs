//! The jobs that mail people about their accounts.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lettre::message::Mailbox;
use onsale_jobs::{Attempt, Failure, Handler, Kind};
use onsale_private::{KeyRing, OpenError, Private, Sealed};
use onsale_store::account::{Purpose, UserRow};
use onsale_store::mail::{KIND, LinkMail};
use onsale_store::{Store, sealed_columns};

use crate::config::MailConfig;
use crate::post::{Mail, Post, PostError};
use crate::texts::{self, Language};

/// Mails that a worker sends at once.
const CONCURRENCY: u32 = 4;
const LEASE: Duration = Duration::from_secs(60);

struct AccountMails {
    store: Store,
    ring: KeyRing,
    post: Post,
    from: Mailbox,
    link_base_url: String,
}

/// The kind; `None` where the configuration says from nobody, which it is checked for.
pub fn kind(store: &Store, ring: KeyRing, post: Post, config: &MailConfig) -> Option<Kind> {
    Some(Kind {
        name: KIND,
        handler: Arc::new(AccountMails {
            store: store.clone(),
            ring,
            post,
            from: config.from.parse().ok()?,
            link_base_url: config.link_base_url.trim_end_matches('/').to_owned(),
        }),
        concurrency: CONCURRENCY,
        lease: LEASE,
    })
}

#[async_trait]
impl Handler for AccountMails {
    async fn run(&self, attempt: &Attempt) -> Result<(), Failure> {
        let mail: LinkMail = attempt.payload()?;
        if self.store.clock_ms().await? >= mail.expires_at_ms {
            attempt.note_progress("not sent: its link is good no more");
            return Ok(());
        }
        let user = self.store.user(mail.user_id).await?;
        let Some(user) = user.filter(UserRow::is_active) else {
            attempt.note_progress("not sent: the account is disabled or erased");
            return Ok(());
        };
        let Some(composed) = self.compose(&mail, &user)? else {
            attempt.note_progress("not sent: the account has no address");
            return Ok(());
        };
        self.post.send(composed).await.map_err(failure)
    }
}

impl AccountMails {
    fn compose(&self, mail: &LinkMail, user: &UserRow) -> Result<Option<Mail>, Failure> {
        let Some(email) = &user.email else {
            return Ok(None);
        };
        let id = user.user_id;
        let to = self
            .ring
            .open(sealed_columns::email(id), &email.sealed)
            .map_err(sealed)?;
        let name = user
            .name
            .as_ref()
            .map(|name| self.ring.open(sealed_columns::name(id), name))
            .transpose()
            .map_err(sealed)?;
        let token = self.token(mail)?;
        let none = || Failure::Never(format!("there is no mail for {:?}", mail.purpose));
        let purpose = Purpose::parse(&mail.purpose).ok_or_else(none)?;
        let page = match purpose {
            Purpose::VerifyEmail => "verify-email",
            Purpose::ResetPassword => "reset-password",
            Purpose::Invitation | Purpose::FirstAdmin => return Err(none()),
        };
        // Behind the `#`, so that neither proxies nor servers write it down.
        let url = format!("{}/{page}#token={}", self.link_base_url, token.expose());
        let language = Language::of(user.locale.as_deref());
        let name = name.as_ref().map(Private::expose);
        let text = texts::link(language, purpose, name, &url).ok_or_else(none)?;
        Ok(Some(Mail {
            id: mail.mail_id,
            from: self.from.clone(),
            to,
            subject: text.subject.to_owned(),
            text: Private::new(text.body),
        }))
    }

    fn token(&self, mail: &LinkMail) -> Result<Private, Failure> {
        let bytes = URL_SAFE_NO_PAD
            .decode(&mail.token)
            .map_err(|_| Failure::Never("its token is no base64".to_owned()))?;
        let place = sealed_columns::mailed_token(mail.mail_id);
        let token = self.ring.open(place, &Sealed::from_stored(bytes));
        token.map_err(sealed)
    }
}

/// A key may be configured again; what is damaged stays so.
fn sealed(error: OpenError) -> Failure {
    match error {
        OpenError::UnknownKey { .. } => Failure::Later(error.to_string()),
        OpenError::Damaged { .. } => Failure::Never(error.to_string()),
    }
}

fn failure(error: PostError) -> Failure {
    match error {
        PostError::Never(_) => Failure::Never(error.to_string()),
        PostError::Outbox { ref source, .. } => Failure::Later(format!("{error}: {source}")),
        PostError::Url | PostError::Later(_) => Failure::Later(error.to_string()),
    }
}
