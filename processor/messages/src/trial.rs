//! Whether a mail server would take mails of this installation, without sending any.

use std::io;
use std::time::Duration;

use onsale_settings::Secret;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::mail_url;
use crate::post::{self, PostError};

type SmtpError = lettre::transport::smtp::Error;

/// Replies that are about who we are (RFC 4954, 4 and 6).
const ABOUT_AUTHENTICATION: [u16; 6] = [432, 454, 530, 534, 535, 538];
/// What the library says where the server offers no way to sign in that it knows.
const NO_MECHANISM: &str = "authentication mechanism";

/// The step at which a mail server failed. No text repeats what it said, nor a password.
#[derive(Debug, thiserror::Error)]
pub enum TrialError {
    /// The URL cannot be used.
    #[error(transparent)]
    Url(PostError),
    /// Nothing answers there.
    #[error("connecting to {place} fails")]
    Connect {
        /// Host and port.
        place: String,
        /// What the system said.
        source: io::Error,
    },
    /// No encrypted connection comes about.
    #[error("the connection to {place} cannot be encrypted")]
    Encrypt {
        /// Host and port.
        place: String,
        /// Why.
        source: Box<SmtpError>,
    },
    /// What answers does not greet as a mail server does, or refuses this one by its greeting or by EHLO.
    #[error("{place} refuses EHLO, or is no mail server{}", in_brackets(.code))]
    Hello {
        /// Host and port.
        place: String,
        /// Its reply, where it gave one.
        code: Option<u16>,
    },
    /// It does not take user and password.
    #[error("{place} refuses to authenticate the user{}", in_brackets(.code))]
    Authenticate {
        /// Host and port.
        place: String,
        /// Its reply; none where it offers no way to sign in.
        code: Option<u16>,
    },
    /// It let us in and does nothing then.
    #[error("{place} refuses NOOP after it let this installation in")]
    Noop {
        /// Host and port.
        place: String,
    },
    /// It did not answer in time.
    #[error("{place} is connected to and does not answer in time")]
    Silent {
        /// Host and port.
        place: String,
    },
}

/// Connects to the mail server of a URL as sending does: TLS as it says, EHLO, its user and password, then NOOP
/// and QUIT. It takes no longer than `limit`.
///
/// # Errors
/// The step that failed.
pub async fn try_mail_server(url: &Secret, limit: Duration) -> Result<(), TrialError> {
    let transport = post::transport(url, limit).map_err(TrialError::Url)?;
    let (host, port) = mail_url::place(url.expose()).ok_or(TrialError::Url(PostError::Url))?;
    let place = match host.contains(':') {
        true => format!("[{host}]:{port}"),
        false => format!("{host}:{port}"),
    };
    let connected = timeout(limit, TcpStream::connect((host.as_str(), port))).await;
    let failed = match connected {
        Ok(Ok(_)) => None,
        Ok(Err(error)) => Some(error),
        Err(_) => Some(io::ErrorKind::TimedOut.into()),
    };
    if let Some(source) = failed {
        return Err(TrialError::Connect { place, source });
    }
    match timeout(limit, transport.test_connection()).await {
        Err(_) => Err(TrialError::Silent { place }),
        Ok(Ok(true)) => Ok(()),
        Ok(Ok(false)) => Err(TrialError::Noop { place }),
        Ok(Err(error)) => Err(step(error, place, url.expose().starts_with("smtps:"))),
    }
}

/// At which step an answer failed; `encrypted` where nothing is said before a handshake.
fn step(error: SmtpError, place: String, encrypted: bool) -> TrialError {
    let code = error.status().map(u16::from);
    if let Some(code) = code {
        return match ABOUT_AUTHENTICATION.contains(&code) {
            true => TrialError::Authenticate {
                place,
                code: Some(code),
            },
            false => TrialError::Hello {
                place,
                code: Some(code),
            },
        };
    }
    if error.is_client() && error.to_string().contains(NO_MECHANISM) {
        return TrialError::Authenticate { place, code: None };
    }
    if error.is_timeout() {
        return TrialError::Silent { place };
    }
    // What is left of the library's own refusals is that the server offers no STARTTLS.
    let refused = error.is_client() || error.is_tls() || is_handshake(&error);
    // A server without TLS may be taken for one that hangs up, and what it says is no reply before the handshake.
    if refused || encrypted && !error.is_response() {
        return TrialError::Encrypt {
            place,
            source: Box::new(error),
        };
    }
    TrialError::Hello { place, code: None }
}

/// Whether a handshake failed: those of TLS hold what is wrong as an error of input.
fn is_handshake(error: &SmtpError) -> bool {
    let cause = std::error::Error::source(error);
    let cause = cause.and_then(|cause| cause.downcast_ref::<io::Error>());
    cause.is_some_and(|cause| {
        cause.get_ref().is_some() && cause.kind() == io::ErrorKind::InvalidData
            || cause.kind() == io::ErrorKind::UnexpectedEof
    })
}

fn in_brackets(code: &Option<u16>) -> String {
    code.map(|code| format!(" ({code})")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;
    use crate::scripted::Scripted;

    /// Longer than any of these takes on a busy machine.
    const PATIENCE: Duration = Duration::from_secs(30);

    /// What is said of a server that answers each line of a session with the next reply, asked by a user with a
    /// password.
    async fn tried(replies: &[&'static str], query: &str) -> Result<(), TrialError> {
        // The first only connects.
        let server = Scripted::serve(1, replies).await;
        let address = server.address;
        let url = Secret::new(format!("smtp://u:s3cret@{address}{query}"));
        let answer = try_mail_server(&url, PATIENCE).await;
        if let Err(error) = &answer {
            let said = format!("{error} {error:?}");
            assert!(!said.contains("s3cret"), "{said}");
            assert!(said.contains(&address.to_string()), "{said}");
        }
        answer
    }

    #[tokio::test]
    async fn the_step_that_fails_is_named() {
        const GREETING: &str = "220 hello";
        const CAN: &str = "250-hello\r\n250 AUTH PLAIN LOGIN";
        let fine = [GREETING, CAN, "235 ok", "250 ok", "221 bye"];
        tried(&fine, "").await.unwrap();
        let refused = tried(&["554 go away"], "").await.unwrap_err();
        assert!(
            matches!(
                refused,
                TrialError::Hello {
                    code: Some(554),
                    ..
                }
            ),
            "{refused}"
        );
        let other = tried(&["HTTP/1.1 400 Bad Request"], "").await.unwrap_err();
        assert!(
            matches!(other, TrialError::Hello { code: None, .. }),
            "{other}"
        );
        let wrong = tried(&[GREETING, CAN, "535 5.7.8 no"], "").await;
        let wrong = wrong.unwrap_err();
        assert!(
            matches!(
                wrong,
                TrialError::Authenticate {
                    code: Some(535),
                    ..
                }
            ),
            "{wrong}"
        );
        let no_way = tried(&[GREETING, "250 hello", "221 bye"], "").await;
        let no_way = no_way.unwrap_err();
        assert!(
            matches!(no_way, TrialError::Authenticate { code: None, .. }),
            "{no_way}"
        );
        let no_tls = tried(&[GREETING, CAN, "221 bye"], "?tls=required").await;
        let no_tls = no_tls.unwrap_err();
        assert!(matches!(no_tls, TrialError::Encrypt { .. }), "{no_tls}");
        let idle = tried(&[GREETING, CAN, "235 ok", "421 no", "221 bye"], "").await;
        let idle = idle.unwrap_err();
        assert!(matches!(idle, TrialError::Noop { .. }), "{idle}");
    }

    #[tokio::test]
    async fn what_is_silent_or_not_there_does_not_hold_up() {
        // Nothing listens on port 1 of the loopback.
        let url = Secret::new("smtp://127.0.0.1:1");
        let error = try_mail_server(&url, PATIENCE).await.unwrap_err();
        assert!(matches!(error, TrialError::Connect { .. }), "{error}");
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = Secret::new(format!("smtp://{}", listener.local_addr().unwrap()));
        let error = try_mail_server(&url, Duration::from_millis(200)).await;
        let error = error.unwrap_err();
        assert!(matches!(error, TrialError::Silent { .. }), "{error}");
        let wrong = try_mail_server(&Secret::new("imap://a"), PATIENCE).await;
        assert!(matches!(wrong, Err(TrialError::Url(_))), "{wrong:?}");
    }
}
