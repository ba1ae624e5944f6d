//! The jobs that mail people about their accounts.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use onsale_jobs::{Attempt, Failure, Handler, Kind};
use onsale_private::{KeyRing, OpenError, Place, Private, Sealed};
use onsale_schemas::MemberRole;
use onsale_store::account::{Purpose, UserRow};
use onsale_store::branding::logo_name;
use onsale_store::mail::{KIND, LinkMail};
use onsale_store::{Store, sealed_columns};
use onsale_uploads::Uploads;
use uuid::Uuid;

use crate::config::MailConfig;
use crate::html::{self, Look};
use crate::post::{Mail, Page, Post, PostError};
use crate::sender::Sender;
use crate::texts::{self, Language, Link};

/// Mails that a worker sends at once.
const CONCURRENCY: u32 = 4;
const LEASE: Duration = Duration::from_secs(60);

struct AccountMails {
    store: Store,
    ring: Arc<KeyRing>,
    post: Arc<Post>,
    sender: Sender,
    link_base_url: String,
    /// Where logos are.
    uploads: Option<Uploads>,
}

/// The kind; `None` where the configuration says from nobody, which it is checked for.
pub fn kind(
    store: &Store,
    ring: Arc<KeyRing>,
    post: Arc<Post>,
    config: &MailConfig,
    uploads: Option<Uploads>,
) -> Option<Kind> {
    Some(Kind {
        name: KIND,
        handler: Arc::new(AccountMails {
            store: store.clone(),
            ring,
            post,
            sender: Sender::of(config)?,
            link_base_url: config.links_url().trim_end_matches('/').to_owned(),
            uploads,
        }),
        concurrency: CONCURRENCY,
        lease: LEASE,
    })
}

#[async_trait]
impl Handler for AccountMails {
    async fn run(&self, attempt: &Attempt) -> Result<(), Failure> {
        let mail: LinkMail = attempt.payload()?;
        let now_ms = self.store.clock_ms().await?;
        if now_ms >= mail.expires_at_ms {
            attempt.note_progress("not sent: its link has expired");
            return Ok(());
        }
        let Some(recipient) = self.recipient(&mail).await? else {
            attempt
                .note_progress("not sent: there is no such account, or it is disabled or erased");
            return Ok(());
        };
        let look = self.look(&mail).await?;
        let composed = self.compose(&mail, recipient, look, now_ms)?;
        send(&self.post, composed, attempt).await
    }
}

/// Hands a mail to the post.
pub(crate) async fn send(post: &Post, mail: Mail, attempt: &Attempt) -> Result<(), Failure> {
    let id = mail.id;
    match post.send(mail).await {
        // There is nothing that an operator could do, and anyone can name such an address.
        Err(error @ PostError::Never(_)) => {
            // A note is kept while a job runs, and this one ends at once.
            tracing::info!(mail = %id, %error, "a mail is not sent");
            attempt.note_progress(format!("not sent: {error}"));
            Ok(())
        }
        sent => sent.map_err(failure),
    }
}

/// Whom a mail goes to.
pub(crate) struct Recipient {
    pub(crate) address: Private,
    pub(crate) name: Option<Private>,
    pub(crate) language: Language,
    /// Whether the address is verified.
    pub(crate) is_verified: bool,
}

impl Recipient {
    /// The person of an account; `None` where it cannot sign in any more.
    pub(crate) async fn of_account(
        store: &Store,
        ring: &KeyRing,
        id: Uuid,
    ) -> Result<Option<Self>, Failure> {
        let user = store.user(id).await?;
        let Some(user) = user.filter(UserRow::is_active) else {
            return Ok(None);
        };
        let Some(email) = &user.email else {
            return Ok(None);
        };
        let open = |place, value| ring.open(place, value).map_err(sealed);
        // Whoever registered another person's address would write to that person through this server.
        let name = user.name.as_ref().filter(|_| user.owns_address());
        Ok(Some(Self {
            address: open(sealed_columns::email(id), &email.sealed)?,
            name: name
                .map(|name| open(sealed_columns::name(id), name))
                .transpose()?,
            language: Language::of(user.locale.as_deref()),
            is_verified: user.email_verified_at_ms.is_some(),
        }))
    }
}

impl AccountMails {
    /// Whom a mail goes to; `None` where that is nobody any more.
    async fn recipient(&self, mail: &LinkMail) -> Result<Option<Recipient>, Failure> {
        let place = sealed_columns::mailed_address(mail.mail_id);
        if let Some(invitation) = &mail.invitation {
            return Ok(Some(Recipient {
                address: opened(&self.ring, place, &invitation.address)?,
                name: None,
                language: Language::of(invitation.locale.as_deref()),
                is_verified: false,
            }));
        }
        let Some(id) = mail.user_id else {
            return Err(Failure::Never("it names no recipient".to_owned()));
        };
        let recipient = Recipient::of_account(&self.store, &self.ring, id).await?;
        let Some(address) = &mail.address else {
            return Ok(recipient);
        };
        let Some(recipient) = recipient else {
            return Ok(None);
        };
        // Nobody knows yet whose address that is, so the mail says nothing of the account.
        Ok(Some(Recipient {
            address: opened(&self.ring, place, address)?,
            name: None,
            is_verified: false,
            ..recipient
        }))
    }

    /// How the tenant of an invitation looks. A logo that cannot be had now is left out: the invitation matters
    /// more.
    async fn look(&self, mail: &LinkMail) -> Result<Option<Look>, Failure> {
        let tenant = mail.invitation.as_ref().and_then(|of| of.tenant_id);
        let Some(tenant) = tenant else {
            return Ok(None);
        };
        let Some(row) = self.store.branding(tenant).await? else {
            return Ok(None);
        };
        let logo = match (row.logo, &self.uploads) {
            (Some(logo), Some(uploads)) => match uploads.get(&logo_name(logo.logo_id)).await {
                Ok(file) => file.map(|file| (logo, file)),
                Err(error) => {
                    tracing::warn!(%error, mail = %mail.mail_id, "a mail goes without the logo");
                    None
                }
            },
            _ => None,
        };
        let look = Look {
            name: row.name,
            colors: row.branding.colors,
            logo,
        };
        Ok(Some(look).filter(|look| !look.is_plain()))
    }

    fn compose(
        &self,
        mail: &LinkMail,
        recipient: Recipient,
        look: Option<Look>,
        now_ms: u64,
    ) -> Result<Mail, Failure> {
        let place = sealed_columns::mailed_token(mail.mail_id);
        let token = opened(&self.ring, place, &mail.token)?;
        let none = || Failure::Never(format!("there is no mail for {:?}", mail.purpose));
        let purpose = Purpose::parse(&mail.purpose).ok_or_else(none)?;
        let page = match purpose {
            Purpose::VerifyEmail => "verify-email",
            Purpose::ResetPassword => "reset-password",
            Purpose::Invitation => "invitation",
            Purpose::ChangeEmail => "confirm-email",
            Purpose::FirstAdmin => return Err(none()),
        };
        // Behind the `#`, so that neither proxies nor servers write it down.
        let url = format!("{}/{page}#token={}", self.link_base_url, token.expose());
        let link = Link {
            url: &url,
            left_ms: mail.expires_at_ms.saturating_sub(now_ms),
        };
        let Recipient {
            address,
            name,
            language,
            is_verified: _,
        } = recipient;
        let text = match &mail.invitation {
            Some(invitation) => {
                let role = MemberRole::parse(&invitation.role).ok_or_else(none)?;
                texts::invitation(
                    language,
                    self.sender.house(),
                    &invitation.tenant,
                    role,
                    link,
                )
            }
            None => {
                let name = name.as_ref().map(Private::expose);
                texts::link(language, purpose, name, link).ok_or_else(none)?
            }
        };
        let page = look.map(|look| Page {
            html: Private::new(html::page(
                language,
                &text,
                &url,
                texts::accept(language),
                &look,
            )),
            logo: look.logo.map(|(_, file)| file),
        });
        Ok(Mail {
            id: mail.mail_id,
            from: self.sender.from.clone(),
            reply_to: self.sender.reply_to.clone(),
            to: address,
            subject: text.subject,
            text: Private::new(text.body),
            page,
        })
    }
}

/// A value that lies sealed in a payload.
pub(crate) fn opened(ring: &KeyRing, place: Place, value: &str) -> Result<Private, Failure> {
    let bytes = URL_SAFE_NO_PAD
        .decode(value)
        .map_err(|_| Failure::Never("its token or address is no base64".to_owned()))?;
    let opened = ring.open(place, &Sealed::from_stored(bytes));
    opened.map_err(sealed)
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
        PostError::Url | PostError::Plain | PostError::Later(_) => {
            Failure::Later(error.to_string())
        }
    }
}
