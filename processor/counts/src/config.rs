//! Section `redis`.

use std::path::PathBuf;

use onsale_settings::{ConfigProblem, NamedFile, Secret, SecretFileError};
use onsale_tls::ClientFiles;
use serde::{Deserialize, Serialize};

use super::client::{CountsSettings, URL_EXPECTED};

const URL_FILE: &str = "redis.url_file";

/// Redis, for the precheck of several ingress nodes.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RedisConfig {
    /// `redis://HOST:PORT`, or `rediss://…` with TLS. Not used by the embedded log, whose precheck is in
    /// the process.
    pub url: Option<Secret>,
    /// File that holds the URL.
    pub url_file: Option<PathBuf>,
    /// PEM file with the authorities that are trusted, and no others, with `rediss://`. Unset: those that
    /// the system trusts.
    pub tls_ca_file: Option<PathBuf>,
    /// PEM file with this client's certificate. Set together with the key.
    pub tls_certificate_file: Option<PathBuf>,
    /// PEM file with the private key of that certificate.
    pub tls_key_file: Option<PathBuf>,
}

impl RedisConfig {
    /// The URL from the configuration or from its file; `None` if neither is set.
    ///
    /// # Errors
    /// When the file cannot be read, or is empty.
    pub fn configured_url(&self) -> Result<Option<Secret>, SecretFileError> {
        Secret::configured(self.url.as_ref(), URL_FILE, self.url_file.as_deref())
    }

    /// The files that its settings name.
    pub fn files(&self) -> Vec<NamedFile> {
        let url = |path: &PathBuf| NamedFile::url(URL_FILE, path, URL_EXPECTED, is_url);
        let mut files: Vec<NamedFile> = self.url_file.iter().map(url).collect();
        files.extend(self.tls_files().named("redis"));
        files
    }

    /// How the counts of this prefix are used by this node; `None` where there is no Redis.
    ///
    /// # Errors
    /// When the file that holds the URL cannot be read.
    pub fn settings(
        &self,
        prefix: &str,
        node: &str,
    ) -> Result<Option<CountsSettings>, SecretFileError> {
        let url = self.configured_url()?;
        Ok(url.map(|url| CountsSettings {
            tls: self.tls_files(),
            ..CountsSettings::new(url.expose(), prefix, node)
        }))
    }

    fn tls_files(&self) -> ClientFiles {
        ClientFiles {
            ca_file: self.tls_ca_file.clone(),
            certificate_file: self.tls_certificate_file.clone(),
            key_file: self.tls_key_file.clone(),
        }
    }

    /// Adds every setting that cannot be used.
    pub fn check(&self, problems: &mut Vec<ConfigProblem>) {
        let file = self.url_file.as_deref();
        Secret::check_once(problems, ("redis", "url"), self.url.as_ref(), file);
        self.tls_files().check("redis", problems);
        let Some(url) = &self.url else { return };
        if !is_url(url.expose()) {
            problems.push(ConfigProblem::new("redis.url", "(hidden)", URL_EXPECTED));
        }
        if self.tls_files().is_any() && !url.expose().starts_with("rediss://") {
            problems.push(ConfigProblem::new(
                "redis.url",
                "(hidden)",
                "rediss://HOST:PORT, as files for TLS are set",
            ));
        }
    }
}

/// Whether it begins as a URL of Redis does.
fn is_url(text: &str) -> bool {
    let known = ["redis://", "rediss://", "redis+unix://", "unix://"];
    known.iter().any(|scheme| text.starts_with(scheme))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_values_are_named() {
        let of = |url: &str| RedisConfig {
            url: Some(Secret::new(url)),
            ..RedisConfig::default()
        };
        let with_ca = |url: &str| RedisConfig {
            tls_ca_file: Some("ca.pem".into()),
            ..of(url)
        };
        let named = |config: &RedisConfig| {
            let mut problems = Vec::new();
            config.check(&mut problems);
            assert!(!format!("{problems:?}").contains("s3cret"));
            problems
                .into_iter()
                .map(|problem| problem.key)
                .collect::<Vec<_>>()
        };
        for right in [
            of("redis://h"),
            of("rediss://:s3cret@h:1/2"),
            with_ca("rediss://h"),
        ] {
            assert_eq!(named(&right), [""; 0]);
        }
        let half = RedisConfig {
            tls_key_file: Some("client.key".into()),
            ..of("rediss://h")
        };
        let twice = RedisConfig {
            url_file: Some("file".into()),
            ..of("redis://h")
        };
        for (wrong, key) in [
            (of("http://:s3cret@h"), "redis.url"),
            (with_ca("redis://:s3cret@h"), "redis.url"),
            (half, "redis.tls_certificate_file"),
            (twice, "redis"),
        ] {
            assert_eq!(named(&wrong), [key]);
        }
    }
}
