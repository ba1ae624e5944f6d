//! Where mails go.

use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use lettre::message::header::{
    ContentTransferEncoding, ContentType, Header, HeaderName, HeaderValue,
};
use lettre::message::{Attachment, Mailbox, MultiPart, SinglePart};
use lettre::{Address, AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use onsale_private::Private;
use onsale_settings::Secret;
use uuid::Uuid;

use crate::html::LOGO_CONTENT_ID;
use crate::mail_url;

/// Replies by which servers refuse a recipient for good (RFC 5321, 4.2.3): 501 and 555, 550 to 553.
const REFUSALS_OF_RECIPIENTS: [u16; 6] = [501, 550, 551, 552, 553, 555];

/// What the URL of a mail server is.
pub(crate) const URL_EXPECTED: &str =
    "smtps://USER:PASSWORD@HOST:465 or smtp://USER:PASSWORD@HOST:587?tls=required";
/// What it is where nothing is said of encryption, and the server is another machine.
pub(crate) const PLAIN_EXPECTED: &str = "smtps://…, or smtp://… with ?tls=required: without TLS everyone on \
     the way reads the links and the password. (?tls=none allows it.)";

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
    /// Whom an answer goes to, where that is somebody else.
    pub reply_to: Option<Mailbox>,
    /// Whom it goes to.
    pub to: Private,
    /// Its subject.
    pub subject: String,
    /// Its text. It may hold a link that nobody else should see.
    pub text: Private,
    /// The same as a page, for programs that show one; `None`: the text alone.
    pub page: Option<Page>,
}

/// A mail as a page.
#[derive(Debug)]
pub struct Page {
    /// Its HTML.
    pub html: Private,
    /// The picture that it shows, a PNG.
    pub logo: Option<Bytes>,
}

/// Why a mail was not sent. No text names a person.
#[derive(Debug, thiserror::Error)]
pub enum PostError {
    /// The URL of the mail server cannot be used.
    #[error("mail.url: expected {URL_EXPECTED}")]
    Url,
    /// The URL would send links and the password of the mail account in the clear.
    #[error("mail.url: expected {PLAIN_EXPECTED}")]
    Plain,
    /// No server will ever take it: the address is none, or was refused for good. What refuses this
    /// installation, its password for one, is none of these.
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
    /// [`PostError::Url`] and [`PostError::Plain`].
    pub fn smtp(url: &Secret, timeout: Duration) -> Result<Self, PostError> {
        transport(url, timeout).map(Self::Smtp)
    }

    /// Sends a mail.
    ///
    /// # Errors
    /// [`PostError`].
    pub async fn send(&self, mail: Mail) -> Result<(), PostError> {
        let id = mail.id;
        // In a file a link is read and copied as it stands; no server has to take it.
        let encoding = match self {
            Self::Smtp(_) => None,
            Self::Outbox(_) => Some(ContentTransferEncoding::Binary),
        };
        let message = composed(mail, encoding)?;
        match self {
            Self::Smtp(transport) => {
                let sent = transport.send(message).await;
                sent.map(drop).map_err(|error| refusal(&error))
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

/// What speaks to the mail server of a URL.
///
/// # Errors
/// [`PostError::Url`] and [`PostError::Plain`].
pub(crate) fn transport(
    url: &Secret,
    timeout: Duration,
) -> Result<AsyncSmtpTransport<Tokio1Executor>, PostError> {
    // What the library says may repeat the password.
    let url = mail_url::for_library(url.expose())?;
    let builder = AsyncSmtpTransport::<Tokio1Executor>::from_url(&url)
        .map_err(|_says_too_much| PostError::Url)?;
    Ok(builder.timeout(Some(timeout)).build())
}

/// What a failure means for the mail.
fn refusal(error: &lettre::transport::smtp::Error) -> PostError {
    let code = error.status().map(u16::from);
    // What a server said is the source of its refusal. It is looked at, and not repeated.
    let said = std::error::Error::source(error).map(|said| said.to_string());
    match code {
        Some(code) if is_about_recipient(code, said.as_deref().unwrap_or_default()) => {
            PostError::Never(Some(code))
        }
        Some(code @ 500..) => PostError::Later(format!(
            "the mail server refuses this installation ({code})"
        )),
        _ => PostError::Later(kind_of(error).to_owned()),
    }
}

/// Whether a refusal for good is one of the recipient: of the address (RFC 3463, X.1), or of its mailbox
/// (X.2). Other refusals, of our password, of our network, of a missing encryption, are mended by an
/// operator, and the mail is sent then.
fn is_about_recipient(code: u16, said: &str) -> bool {
    if !REFUSALS_OF_RECIPIENTS.contains(&code) {
        return false;
    }
    let mut parts = said
        .split_whitespace()
        .next()
        .unwrap_or_default()
        .split('.');
    let class = parts.next().filter(|class| *class == "5");
    match class.and(parts.next()) {
        Some(subject) if subject.parse::<u16>().is_ok() => matches!(subject, "1" | "2"),
        // It says no more than the code.
        _ => true,
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

/// Says that no person wrote a mail, so that answering machines do not answer it (RFC 3834, 5).
#[derive(Clone)]
struct AutoSubmitted;

impl AutoSubmitted {
    const VALUE: &'static str = "auto-generated";
}

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(value: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        if value == Self::VALUE {
            Ok(Self)
        } else {
            Err("another value than this program writes".into())
        }
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), Self::VALUE.to_owned())
    }
}

/// A message; `encoding` of its text where it is not the one that mail servers take.
fn composed(mail: Mail, encoding: Option<ContentTransferEncoding>) -> Result<Message, PostError> {
    let never = || PostError::Never(None);
    let to: Address = mail.to.expose().parse().map_err(|_| never())?;
    let domain = mail.from.email.domain().to_owned();
    let message = Message::builder()
        .message_id(Some(format!("<{}@{domain}>", mail.id)))
        .from(mail.from)
        .to(Mailbox::new(None, to))
        .header(AutoSubmitted)
        .subject(mail.subject);
    let message = match mail.reply_to {
        Some(reply_to) => message.reply_to(reply_to),
        None => message,
    };
    let part = |kind, text: Private| {
        let part = SinglePart::builder().header(kind);
        let part = match encoding {
            Some(encoding) => part.header(encoding),
            None => part,
        };
        part.body(text.into_exposed())
    };
    let text = part(ContentType::TEXT_PLAIN, mail.text);
    let composed = match mail.page {
        None => message.singlepart(text),
        Some(Page { html, logo }) => {
            let html = part(ContentType::TEXT_HTML, html);
            let both = MultiPart::alternative().singlepart(text);
            let png = ContentType::parse("image/png").map_err(|_| never())?;
            message.multipart(match logo {
                None => both.singlepart(html),
                Some(logo) => {
                    let logo = Attachment::new_inline(LOGO_CONTENT_ID.to_owned())
                        .body(Vec::from(logo), png);
                    both.multipart(MultiPart::related().singlepart(html).singlepart(logo))
                }
            })
        }
    };
    composed.map_err(|_| never())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scripted::Scripted;

    /// Longer than a line of a mail may be in most encodings.
    const LINK: &str = "https://tickets.example.test/verify-email\
                        #token=ost_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";

    fn mail(to: &str) -> Mail {
        Mail {
            id: Uuid::from_u128(5),
            from: "Opera <tickets@example.test>".parse().unwrap(),
            reply_to: None,
            to: Private::new(to),
            subject: "สวัสดี".to_owned(),
            text: Private::new(format!("สวัสดี,\n\n{LINK}\n")),
            page: None,
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
        assert!(text.contains(LINK), "{text}");
        let id = "Message-ID: <00000000-0000-0000-0000-000000000005@example.test>";
        assert!(text.contains(id), "{text}");
        assert!(text.contains("Auto-Submitted: auto-generated"), "{text}");
        assert!(!text.contains("Reply-To"), "{text}");
        let mut mail = mail("nobody@example.test");
        mail.reply_to = Some("help@example.test".parse().unwrap());
        let text = composed(mail, None).unwrap().formatted();
        let text = String::from_utf8(text).unwrap();
        assert!(text.contains("Reply-To: help@example.test"), "{text}");
    }

    #[tokio::test]
    async fn a_page_comes_with_its_text_and_its_picture() {
        let folder = tempfile::tempdir().unwrap();
        let post = Post::Outbox(folder.path().to_owned());
        for (logo, parts) in [(None, 2), (Some(Bytes::from_static(b"\x89PNG")), 3)] {
            let has_logo = logo.is_some();
            let mut mail = mail("nobody@example.test");
            let id = mail.id;
            mail.page = Some(Page {
                html: Private::new(format!("<p>สวัสดี</p><a href=\"{LINK}\">{LINK}</a>")),
                logo,
            });
            post.send(mail).await.unwrap();
            let text = std::fs::read(folder.path().join(format!("{id}.eml"))).unwrap();
            let text = String::from_utf8_lossy(&text);
            assert!(text.contains("multipart/alternative"), "{text}");
            let kinds = ["text/plain", "text/html", "image/png"];
            let found = kinds.map(|kind| text.matches(kind).count());
            assert_eq!(found.iter().sum::<usize>(), parts, "{text}");
            assert_eq!(text.contains("Content-ID: <logo>"), has_logo, "{text}");
            assert_eq!(text.matches(LINK).count(), 3, "as it stands: {text}");
        }
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
    fn what_refuses_this_installation_is_tried_again() {
        for (code, said) in [
            (550, "5.1.1 no such user"),
            (550, "no such user"),
            (550, "5.x no such user"),
            (552, "5.2.2 mailbox full"),
            (553, "5.1.3 bad syntax"),
            (501, "bad recipient"),
        ] {
            assert!(is_about_recipient(code, said), "{code} {said}");
        }
        for (code, said) in [
            (535, "5.7.8 authentication failed"),
            (534, ""),
            (530, "5.7.0 must issue a STARTTLS command first"),
            (554, "5.7.1 access denied"),
            (550, "5.7.1 your network is on a list"),
            (421, "try later"),
        ] {
            assert!(!is_about_recipient(code, said), "{code} {said}");
        }
    }

    /// What is said of a server with these replies.
    async fn refused_with(replies: &[&'static str]) -> PostError {
        let server = Scripted::serve(0, replies).await;
        let url = Secret::new(format!("smtp://{}", server.address));
        let post = Post::smtp(&url, Duration::from_secs(10)).unwrap();
        post.send(mail("nobody@example.test")).await.unwrap_err()
    }

    #[tokio::test]
    async fn a_server_refuses_the_recipient_or_this_installation() {
        let unknown = "550 5.1.1 <nobody@example.test>?";
        let error = refused_with(&["220 hi", "250 hi", "250 ok", unknown]).await;
        assert!(matches!(error, PostError::Never(Some(550))), "{error}");
        assert!(!error.to_string().contains("nobody"), "{error}");
        let error = refused_with(&["554 5.7.1 not from there"]).await;
        assert!(matches!(error, PostError::Later(_)), "{error}");
        assert!(error.to_string().contains("554"), "{error}");
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
