//! Section `mail`.

use std::path::PathBuf;

use lettre::message::Mailbox;
use onsale_settings::{
    ConfigProblem, LOCAL_URL, NamedFile, Secret, SecretFileError, check_range, has_web_address,
    secret_text,
};
use serde::{Deserialize, Serialize};

use crate::mail_url;
use crate::post::{PLAIN_EXPECTED, PostError, URL_EXPECTED};

const URL_FILE: &str = "mail.url_file";

/// How mails are sent, and what they say of this installation.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct MailConfig {
    /// The mail server: `smtps://USER:PASSWORD@HOST:465`, or `smtp://…:587?tls=required`. Without TLS only on
    /// this machine, or where `?tls=none` says so. Unset: mails wait as jobs.
    pub url: Option<Secret>,
    /// File that holds that URL; white space around it is cut off.
    pub url_file: Option<PathBuf>,
    /// Without a URL: mails become files in the folder `outbox` of the data folder. For development.
    pub outbox: bool,
    /// Whom mails are from, as `Opera <tickets@example.test>`.
    pub from: String,
    /// Where people write to, as `help@example.test`: mails name it, and answers go there (`Reply-To`). Unset: the
    /// address of `from`.
    pub contact: Option<String>,
    /// The older name of `http.public_url`, for where links lead to: to the pages. The binary hands the address
    /// on by it.
    pub link_base_url: Option<String>,
    /// How long the mail server may take for one mail, in seconds.
    pub timeout_seconds: u64,
}

impl Default for MailConfig {
    fn default() -> Self {
        Self {
            url: None,
            url_file: None,
            outbox: false,
            from: "Onsale <onsale@localhost.localdomain>".to_owned(),
            contact: None,
            link_base_url: None,
            timeout_seconds: 30,
        }
    }
}

impl MailConfig {
    /// The URL from the configuration or from its file; `None` if neither is set.
    ///
    /// # Errors
    /// When the file cannot be read, or is empty.
    pub fn configured_url(&self) -> Result<Option<Secret>, SecretFileError> {
        Secret::configured(self.url.as_ref(), URL_FILE, self.url_file.as_deref())
    }

    /// The files that its settings name.
    pub fn files(&self) -> Vec<NamedFile> {
        let url = |path: &PathBuf| {
            NamedFile::secret(
                URL_FILE,
                path,
                URL_EXPECTED,
                |bytes| match mail_url::for_library(secret_text(bytes)?) {
                    Ok(_) => Ok(()),
                    Err(PostError::Plain) => {
                        Err("its URL says nothing of TLS, and leads to another machine".to_owned())
                    }
                    Err(_) => Err("it holds no such URL".to_owned()),
                },
            )
        };
        self.url_file.iter().map(url).collect()
    }

    /// Whether mails go to people's mailboxes with links that lead to their own machines.
    pub fn has_useless_links(&self) -> bool {
        let has_server = self.url.is_some() || self.url_file.is_some();
        has_server && mail_url::leads_to_loopback(self.links_url())
    }

    /// Where links lead to.
    pub fn links_url(&self) -> &str {
        self.link_base_url.as_deref().unwrap_or(LOCAL_URL)
    }

    /// Adds every setting that cannot be used.
    pub fn check(&self, problems: &mut Vec<ConfigProblem>) {
        let file = self.url_file.as_deref();
        Secret::check_once(problems, ("mail", "url"), self.url.as_ref(), file);
        if let Some(url) = &self.url
            && let Err(error) = mail_url::for_library(url.expose())
        {
            let expected = match error {
                PostError::Plain => PLAIN_EXPECTED,
                _ => URL_EXPECTED,
            };
            problems.push(ConfigProblem::new("mail.url", "(hidden)", expected));
        }
        if self.from.parse::<Mailbox>().is_err() {
            problems.push(ConfigProblem::new(
                "mail.from",
                format!("{:?}", self.from),
                "a name and an address, as Opera <tickets@example.test>",
            ));
        }
        if let Some(contact) = &self.contact
            && contact.parse::<Mailbox>().is_err()
        {
            problems.push(ConfigProblem::new(
                "mail.contact",
                format!("{contact:?}"),
                "an address, as help@example.test",
            ));
        }
        let base = self.links_url();
        if !has_web_address(base) || base.contains('#') {
            problems.push(ConfigProblem::new(
                "mail.link_base_url",
                format!("{base:?}"),
                "a URL, as https://tickets.example.test",
            ));
        }
        check_range(
            problems,
            "mail.timeout_seconds",
            self.timeout_seconds,
            1..=300,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_that_lead_nowhere_are_noticed() {
        let here = MailConfig::default();
        assert!(!here.has_useless_links(), "nothing is sent");
        let sent = MailConfig {
            url: Some(Secret::new("smtps://mail.example.test")),
            ..here
        };
        assert!(sent.has_useless_links());
        let public = MailConfig {
            link_base_url: Some("https://tickets.example.test".to_owned()),
            ..sent
        };
        assert!(!public.has_useless_links());
    }

    #[test]
    fn wrong_values_are_named() {
        let right = MailConfig::default();
        let cases = [
            (right.clone(), ""),
            (
                MailConfig {
                    url: Some(Secret::new("mail.example.test")),
                    ..right.clone()
                },
                "mail.url",
            ),
            (
                MailConfig {
                    url: Some(Secret::new("smtp://mail.example.test:587")),
                    ..right.clone()
                },
                "mail.url",
            ),
            (
                MailConfig {
                    url: Some(Secret::new("smtp://mail.example.test:587?tls=none")),
                    ..right.clone()
                },
                "",
            ),
            (
                MailConfig {
                    from: "nobody".to_owned(),
                    ..right.clone()
                },
                "mail.from",
            ),
            (
                MailConfig {
                    contact: Some("nobody".to_owned()),
                    ..right.clone()
                },
                "mail.contact",
            ),
            (
                MailConfig {
                    contact: Some("Help <help@example.test>".to_owned()),
                    ..right.clone()
                },
                "",
            ),
            (
                MailConfig {
                    link_base_url: Some("tickets.example.test".to_owned()),
                    ..right
                },
                "mail.link_base_url",
            ),
        ];
        for (config, wrong) in cases {
            let mut problems = Vec::new();
            config.check(&mut problems);
            let named: Vec<&str> = problems.iter().map(|p| p.key.as_str()).collect();
            let expected: Vec<&str> = Some(wrong).filter(|w| !w.is_empty()).into_iter().collect();
            assert_eq!(named, expected, "{config:?}");
        }
    }
}
