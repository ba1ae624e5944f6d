//! The jobs that tell people what happened to their accounts.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use onsale_jobs::{Attempt, Failure, Handler, Kind};
use onsale_private::{KeyRing, Private};
use onsale_store::notice::{KIND, Notice, NoticeMail};
use onsale_store::{Store, sealed_columns};

use crate::account_mails::{Recipient, opened, send};
use crate::config::MailConfig;
use crate::post::{Mail, Post};
use crate::sender::Sender;
use crate::texts;

/// Mails that a worker sends at once.
const CONCURRENCY: u32 = 2;
const LEASE: Duration = Duration::from_secs(60);

struct Notices {
    store: Store,
    ring: Arc<KeyRing>,
    post: Arc<Post>,
    sender: Sender,
}

/// The kind; `None` where the configuration says from nobody, which it is checked for.
pub fn kind(
    store: &Store,
    ring: Arc<KeyRing>,
    post: Arc<Post>,
    config: &MailConfig,
) -> Option<Kind> {
    Some(Kind {
        name: KIND,
        handler: Arc::new(Notices {
            store: store.clone(),
            ring,
            post,
            sender: Sender::of(config)?,
        }),
        concurrency: CONCURRENCY,
        lease: LEASE,
    })
}

#[async_trait]
impl Handler for Notices {
    async fn run(&self, attempt: &Attempt) -> Result<(), Failure> {
        let mail: NoticeMail = attempt.payload()?;
        if self.store.clock_ms().await? >= mail.expires_at_ms {
            attempt.note_progress("not sent: it is too old to be of use");
            return Ok(());
        }
        let notice = Notice::parse(&mail.notice)
            .ok_or_else(|| Failure::Never(format!("there is no mail for {:?}", mail.notice)))?;
        let recipient = Recipient::of_account(&self.store, &self.ring, mail.user_id).await?;
        let Some(recipient) = recipient else {
            attempt
                .note_progress("not sent: there is no such account, or it is disabled or erased");
            return Ok(());
        };
        // Whoever registered another person's address would have this server write there again and again. An
        // address that comes along was verified when this was enqueued.
        if mail.address.is_none() && !recipient.is_verified {
            attempt.note_progress("not sent: the address is not verified");
            return Ok(());
        }
        let recipient = match &mail.address {
            Some(address) => {
                let place = sealed_columns::mailed_address(mail.mail_id);
                Recipient {
                    address: opened(&self.ring, place, address)?,
                    ..recipient
                }
            }
            None => recipient,
        };
        let name = recipient.name.as_ref().map(Private::expose);
        let text = texts::notice(recipient.language, &self.sender, notice, name);
        let composed = Mail {
            id: mail.mail_id,
            from: self.sender.from.clone(),
            reply_to: self.sender.reply_to.clone(),
            to: recipient.address,
            subject: text.subject,
            text: Private::new(text.body),
            page: None,
        };
        send(&self.post, composed, attempt).await
    }
}
