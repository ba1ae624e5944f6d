//! What the server needs of others besides database, log and counts: the mail server, providers that people
//! sign in with, and the bucket of uploads. Each is asked as the server asks it, changes nothing, and has a
//! bounded time.

use std::error::Error;
use std::time::Duration;

use onsale_accounts::ProviderError;
use onsale_messages::{TrialError, try_mail_server};
use onsale_processor::clock;
use onsale_settings::Secret;
use onsale_tls::Fault;
use onsale_uploads::{Answered, UploadError, Uploads};

use super::check::Check;
use crate::config::Config;

/// How long each may take, where less is not configured, in seconds.
const PATIENCE_SECONDS: u64 = 10;
/// Names of the checks.
const MAIL: &str = "mail";
const SIGN_IN: &str = "sign-in";
const UPLOADS: &str = "uploads";

/// Those with a file among `wrong_files`, the settings of files that are not what they should be, are left out:
/// that they cannot work has been said.
pub(super) async fn look(config: &Config, wrong_files: &[String], checks: &mut Vec<Check>) {
    let can_be_asked = |settings: &str| {
        !wrong_files
            .iter()
            .any(|setting| setting.starts_with(settings))
    };
    if can_be_asked("mail.") {
        mail_server(config, checks).await;
    }
    if can_be_asked("accounts.providers.") {
        issuers(config, checks).await;
    }
    if can_be_asked("uploads.") {
        checks.extend(bucket(config).await);
    }
}

async fn mail_server(config: &Config, checks: &mut Vec<Check>) {
    match config.mail.configured_url() {
        Ok(None) => {}
        Ok(Some(url)) => checks.push(mail(config, &url).await),
        Err(error) => {
            let found = format!("{error}: {}", error.source);
            checks.push(Check::failed(MAIL, found, "correct mail.url_file"));
        }
    }
}

async fn mail(config: &Config, url: &Secret) -> Check {
    let seconds = config.mail.timeout_seconds.min(PATIENCE_SECONDS);
    match try_mail_server(url, Duration::from_secs(seconds)).await {
        Ok(()) => Check::ok(MAIL, "the mail server lets this installation in"),
        Err(error) => {
            let advice = mail_advice(&error);
            let found = with_cause(&error);
            match error {
                // Mails wait until it is there again.
                TrialError::Connect { .. } | TrialError::Silent { .. } => {
                    Check::warning(MAIL, found, advice)
                }
                _ => Check::failed(MAIL, found, advice),
            }
        }
    }
}

fn mail_advice(error: &TrialError) -> String {
    let advice = match error {
        TrialError::Url(_) => "correct it",
        TrialError::Connect { .. } => {
            "start it, or correct host and port of mail.url, or let this machine through; mails wait meanwhile"
        }
        TrialError::Encrypt { source, .. } => match Fault::of(&**source) {
            Some(Fault::NotTls) => {
                "no TLS is spoken there: use smtp://…?tls=required (port 587) in the place of smtps:// (port 465) \
                 in mail.url"
            }
            Some(Fault::UnknownAuthority) => {
                "no authority that this system trusts has signed the server's certificate: add it to the system's, \
                 or name it in SSL_CERT_FILE"
            }
            Some(Fault::OtherName) => {
                "the server's certificate is for another name: use a name that is in it as the host of mail.url"
            }
            Some(Fault::NotValidNow) => {
                "the server's certificate is not valid now: have it renewed, or set the clock"
            }
            Some(_) => {
                "have the server offer TLS 1.2 or 1.3 with a certificate of a trusted authority"
            }
            None => {
                "the server offers no STARTTLS, or hangs up: use smtps:// (port 465) in mail.url, or another port"
            }
        },
        TrialError::Hello { .. } => {
            "correct host and port of mail.url (465 is for smtps://, 587 for smtp://…?tls=required), or let the \
             mail server take mails of this machine"
        }
        TrialError::Authenticate { code: None, .. } => {
            "it offers no way to sign in: use ?tls=required, without which many do not, or leave user and password \
             out of mail.url"
        }
        TrialError::Authenticate { .. } => {
            "correct user and password in mail.url; what is special in them is written as %40 for @"
        }
        TrialError::Noop { .. } => "see the log of the mail server",
        TrialError::Silent { .. } => {
            "a server of smtps:// that is asked by smtp:// is silent: correct scheme and port of mail.url; else see \
             the log of the mail server"
        }
    };
    advice.to_owned()
}

async fn issuers(config: &Config, checks: &mut Vec<Check>) {
    let mut accounts = config.accounts.clone();
    accounts.provider_timeout_seconds = accounts.provider_timeout_seconds.min(PATIENCE_SECONDS);
    let tried = match onsale_accounts::try_issuers(&accounts, clock::now_ms()).await {
        Ok(tried) => tried,
        Err(error) => {
            let advice = "correct that setting";
            checks.push(Check::failed(SIGN_IN, error.to_string(), advice));
            return;
        }
    };
    for (name, answer) in tried {
        let issuer = format!("accounts.providers.{name}.issuer");
        let Err(error) = answer else {
            let found = format!("the issuer of {issuer} says what it should of itself");
            checks.push(Check::ok(SIGN_IN, found));
            continue;
        };
        let found = format!("{issuer}: {}", with_cause(&error));
        checks.push(match &error {
            ProviderError::Unreachable(_) | ProviderError::Slow => Check::warning(
                SIGN_IN,
                found,
                "correct it, or let this machine through to it; nobody signs in with it meanwhile",
            ),
            ProviderError::Answer(_) => Check::failed(
                SIGN_IN,
                found,
                "write the issuer exactly as the discovery document names it, a slash at its end included, and \
                 hosts of its endpoints beside the issuer's into endpoint_hosts",
            ),
            _ => Check::failed(
                SIGN_IN,
                found,
                "correct it: its document is expected at …/.well-known/openid-configuration",
            ),
        });
    }
}

async fn bucket(config: &Config) -> Option<Check> {
    let mut settings = config.uploads();
    settings.timeout_seconds = settings.timeout_seconds.min(PATIENCE_SECONDS);
    let uploads = match Uploads::new(&settings) {
        Ok(uploads) => uploads?,
        Err(error) => {
            let advice = "correct that setting";
            return Some(Check::failed(UPLOADS, with_cause(&error), advice));
        }
    };
    Some(match uploads.try_bucket().await? {
        Ok(Answered::NotThere) => Check::ok(UPLOADS, "the bucket answers to the key"),
        Ok(Answered::NotShown) => Check::ok(
            UPLOADS,
            "the bucket does not say whether something is there (403): fine where the key may read and not list",
        ),
        Err(error) => {
            let found = with_cause(&error);
            match &error {
                UploadError::Unreachable(_) => Check::warning(
                    UPLOADS,
                    found,
                    "correct uploads.s3_endpoint or uploads.s3_ca_file, or let this machine through; logos are \
                     neither kept nor shown meanwhile",
                ),
                UploadError::Trial { code, .. } if code == "NoSuchBucket" => Check::failed(
                    UPLOADS,
                    found,
                    "create the bucket, or correct its name in uploads.location",
                ),
                UploadError::Trial { status: 403, .. } => Check::failed(
                    UPLOADS,
                    found,
                    "correct uploads.s3_access_key, uploads.s3_secret_key and uploads.s3_region, or set the clock: \
                     the server refuses the signature",
                ),
                _ => Check::failed(
                    UPLOADS,
                    found,
                    "correct uploads.s3_endpoint and uploads.s3_path_style",
                ),
            }
        }
    })
}

/// An error with what it comes from, each said once.
fn with_cause(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        let said = next.to_string();
        if !text.contains(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        cause = next.source();
    }
    text
}
