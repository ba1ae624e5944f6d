//! A secret that does not end up in logs.

use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::file::{read_named, secret_text};
use crate::problem::ConfigProblem;

/// A secret text. Neither `Debug` nor an error message shows it. It can be
/// serialized, because configuration is merged layer by layer before it is read; code that prints
/// configuration replaces it.
#[derive(Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(transparent)]
pub struct Secret(String);

/// The file that holds a secret cannot be read, or holds none.
#[derive(Debug, thiserror::Error)]
#[error("{key} {file}")]
pub struct SecretFileError {
    /// The setting that names it, as `mail.url_file`.
    pub key: String,
    /// The file.
    pub file: PathBuf,
    /// What the system said, or what is wrong with what it holds.
    pub source: io::Error,
}

impl Secret {
    /// Wraps a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// A secret that stands in the configuration, or in the file that the setting `key` names, without the
    /// white space around it there; `None` where neither is set. That both are is refused by
    /// [`Secret::check_once`].
    ///
    /// # Errors
    /// When the file cannot be read, is no regular one, or holds no secret ([`secret_text`]).
    pub fn configured(
        given: Option<&Self>,
        key: &str,
        file: Option<&Path>,
    ) -> Result<Option<Self>, SecretFileError> {
        let Some(file) = file else {
            return Ok(given.cloned());
        };
        let failed = |source| SecretFileError {
            key: key.to_owned(),
            file: file.to_owned(),
            source,
        };
        let bytes = read_named(file).map_err(failed)?;
        match secret_text(&bytes) {
            Ok(text) => Ok(Some(Self::new(text))),
            Err(what) => Err(failed(io::Error::other(what))),
        }
    }

    /// Adds a problem where a secret stands in the configuration and in a file as well: the settings are `key`
    /// and `key` with `_file` of this section.
    pub fn check_once(
        problems: &mut Vec<ConfigProblem>,
        (section, key): (&str, &str),
        given: Option<&Self>,
        file: Option<&Path>,
    ) {
        if given.is_some() && file.is_some() {
            let both = format!("{key} and {key}_file");
            problems.push(ConfigProblem::new(section, both, "one of the two"));
        }
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_given_or_in_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("secret");
        let given = Secret::new("given");
        let of = |given, file| Secret::configured(given, "mail.url_file", file);
        assert_eq!(of(None, None).unwrap(), None);
        assert_eq!(of(Some(&given), None).unwrap(), Some(given.clone()));
        std::fs::write(&file, " in a file\n").unwrap();
        let read = of(None, Some(file.as_path())).unwrap().unwrap();
        assert_eq!(read.expose(), "in a file");
        let gone = folder.path().join("gone");
        std::fs::write(&file, " \n").unwrap();
        let marked = folder.path().join("marked");
        std::fs::write(&marked, "\u{feff}secret").unwrap();
        let device = PathBuf::from("/dev/null");
        for (file, said) in [
            (&file, "empty"),
            (&gone, "No such file"),
            (&marked, "byte order mark"),
            (&device, "no regular file"),
        ] {
            let error = of(None, Some(file.as_path())).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("mail.url_file {}", file.display())
            );
            assert!(error.source.to_string().contains(said), "{error:?}");
        }
        for (given, file, count) in [(None, Some(&file), 0), (Some(&given), Some(&file), 1)] {
            let mut problems = Vec::new();
            let file = file.map(PathBuf::as_path);
            Secret::check_once(&mut problems, ("mail", "url"), given, file);
            assert_eq!(problems.len(), count, "{problems:?}");
        }
    }
}
