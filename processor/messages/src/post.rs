//! Where mails go.

use std::path::PathBuf;
use std::time::Duration;

use lettre::message::Mailbox;
use lettre::message::header::ContentType;
use lettre::{Address, AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use onsale_private::Private;
use onsale_settings::Secret;
use uuid::Uuid;

/// Where mails go.
pub enum Post {
    /// To a mail server.
    Smtp(AsyncSmtpTransport<Tokio1Executor>),
    /// Into a folder, a file each: for development.
    Outbox(PathBuf),
}

/// A mail.
#[derive(Debug)]
pub struct Mail {
    /// Its id: the same when it is sent again.
    pub id: Uuid,
    /// Whom it is from.
    pub from: Mailbox,
    /// Whom it goes to.
    pub to: Private,
    /// Its subject.
    pub subject: String,
    /// Its text. It may hold a link that nobody else should see.
    pub text: Private,
}

/// Why a mail was not sent. No text names a person.
#[derive(Debug, thiserror::Error)]
pub enum PostError {
    /// The URL of the mail server cannot be used.
    #[error("mail.url: expected smtps://USER:PASSWORD@HOST:465 or smtp://…:587?tls=required")]
    Url,
    /// No server will ever take it: the address is none, or was refused for good.
    #[error("refused for good{}", .0.map(|code| format!(" ({code})")).unwrap_or_default())]
    Never(Option<u16>),
    /// The server does not take it now.
    #[error("not taken now: {0}")]
    Later(String),
    /// The folder cannot be written.
    #[error("the outbox {folder} cannot be written")]
    Outbox {
        /// The folder.
        folder: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

impl Post {
    /// To the mail server of a URL.
    ///
    /// # Errors
    /// [`PostError::Url`].
    pub fn smtp(url: &Secret, timeout: Duration) -> Result<Self, PostError> {
        // What the library says may repeat the password.
        let builder = AsyncSmtpTransport::<Tokio1Executor>::from_url(url.expose())
            .map_err(|_says_too_much| PostError::Url)?;
        Ok(Self::Smtp(builder.timeout(Some(timeout)).build()))
    }

    /// Sends a mail.
    ///
    /// # Errors
    /// [`PostError`].
    pub async fn send(&self, mail: Mail) -> Result<(), PostError> {
        let id = mail.id;
        let message = composed(mail)?;
        match self {
            Self::Smtp(transport) => {
                let sent = transport.send(message).await;
                sent.map(drop).map_err(|error| {
                    let code = error.status().map(u16::from);
                    if error.is_permanent() {
                        PostError::Never(code)
                    } else {
                        PostError::Later(kind_of(&error).to_owned())
                    }
                })
            }
            Self::Outbox(folder) => {
                let failed = |source| PostError::Outbox {
                    folder: folder.clone(),
                    source,
                };
                tokio::fs::create_dir_all(folder).await.map_err(failed)?;
                let file = folder.join(format!("{id}.eml"));
                let bytes = message.formatted();
                tokio::fs::write(&file, bytes).await.map_err(failed)?;
                tracing::info!(file = %file.display(), "a mail is in the outbox");
                Ok(())
            }
        }
    }
}

/// What went wrong, without what the server said: that often repeats the address.
fn kind_of(error: &lettre::transport::smtp::Error) -> &'static str {
    if error.is_transient() {
        "the mail server asks to try later"
    } else if error.is_timeout() {
        "the mail server did not answer in time"
    } else if error.is_tls() {
        "the connection cannot be encrypted"
    } else {
        "the mail server cannot be reached, or does not speak SMTP"
    }
}

fn composed(mail: Mail) -> Result<Message, PostError> {
    let never = || PostError::Never(None);
    let to: Address = mail.to.expose().parse().map_err(|_| never())?;
    let domain = mail.from.email.domain().to_owned();
    Message::builder()
        .message_id(Some(format!("<{}@{domain}>", mail.id)))
        .from(mail.from)
        .to(Mailbox::new(None, to))
        .subject(mail.subject)
        .header(ContentType::TEXT_PLAIN)
        .body(mail.text.into_exposed())
        .map_err(|_| never())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail(to: &str) -> Mail {
        Mail {
            id: Uuid::from_u128(5),
            from: "Opera <tickets@example.test>".parse().unwrap(),
            to: Private::new(to),
            subject: "สวัสดี".to_owned(),
            text: Private::new("Hello,\n\nhttps://tickets.example.test/#token=ost_x\n"),
        }
    }

    #[tokio::test]
    async fn a_mail_lies_in_the_outbox_once_however_often_it_is_sent() {
        let folder = tempfile::tempdir().unwrap();
        let outbox = folder.path().join("outbox");
        let post = Post::Outbox(outbox.clone());
        for _ in 0..2 {
            post.send(mail("nobody@example.test")).await.unwrap();
        }
        let files: Vec<_> = std::fs::read_dir(&outbox).unwrap().collect();
        assert_eq!(files.len(), 1);
        let text = std::fs::read_to_string(files[0].as_ref().unwrap().path()).unwrap();
        assert!(text.contains("To: nobody@example.test"), "{text}");
        let id = "Message-ID: <00000000-0000-0000-0000-000000000005@example.test>";
        assert!(text.contains(id), "{text}");
    }

    #[tokio::test]
    async fn what_is_no_address_is_refused_for_good_and_not_repeated() {
        let post = Post::Outbox("/nowhere".into());
        let error = post.send(mail("nobody\r\nBcc: x@example.test")).await;
        let error = error.unwrap_err();
        assert!(matches!(error, PostError::Never(None)), "{error}");
        assert!(!error.to_string().contains("Bcc"));
    }

    #[test]
    fn a_wrong_url_is_refused_without_its_password() {
        for url in [
            "",
            "imap://a:secret@b",
            "smtp://a:secret@[",
            "mail.example.test",
        ] {
            let refused = Post::smtp(&Secret::new(url), Duration::from_secs(1));
            let error = refused.err().unwrap();
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }
}
