//! The files that settings name. Each section says which are its own.

use onsale_settings::NamedFile;

use super::{Config, ConfigError, Problem};

impl Config {
    /// Every file and folder that a setting names, except the data folder, which a start makes.
    pub(crate) fn files(&self) -> Vec<NamedFile> {
        [
            self.http.files(),
            self.auth.files(),
            self.accounts.files(),
            self.mail.files(),
            self.uploads.files(),
            self.payments.files(),
            self.database.files(),
            self.redis.files(),
            self.kafka.files(),
            self.cluster.files(),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    /// The configuration if a server can start with its values and with the files that they name.
    ///
    /// # Errors
    /// All problems of both at once.
    pub(crate) fn checked_with_files(self) -> Result<Self, ConfigError> {
        let files = self.files();
        let found: Vec<Problem> = files.iter().filter_map(NamedFile::problem).collect();
        let (config, mut problems) = match self.checked(true) {
            Ok(config) => (Some(config), Vec::new()),
            Err(ConfigError::Problems(problems)) => (None, problems),
            Err(other) => return Err(other),
        };
        for problem in found {
            if !problems.iter().any(|said| said.key == problem.key) {
                problems.push(problem);
            }
        }
        match config {
            Some(config) if problems.is_empty() => Ok(config),
            _ => Err(ConfigError::Problems(problems)),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use toml::{Table, Value};

    use super::*;

    /// What the name of a setting ends with that is the path of something.
    const ENDINGS: [&str; 9] = [
        "_file",
        "_files",
        "_path",
        "_ca",
        "_cert",
        "_certificate",
        "_dir",
        "_folder",
        "location",
    ];
    /// Where people choose the key of a table, or how many a list has of them.
    const PROVIDER: &[&str] = &["accounts", "providers", "house"];
    const NAMED_KEY: &[&str] = &["auth", "keys"];

    /// A configuration with one value.
    fn with(place: &[&str], key: &str, value: Value) -> Result<Config, toml::de::Error> {
        let mut inner = Value::Table(Table::from_iter([(key.to_owned(), value)]));
        if place == NAMED_KEY {
            inner = Value::Array(vec![inner]);
        }
        for name in place.iter().rev() {
            inner = Value::Table(Table::from_iter([((*name).to_owned(), inner)]));
        }
        inner.try_into()
    }

    /// Every setting there: who reads them names all where one is unknown.
    pub(in crate::config) fn settings(place: &[&str]) -> Vec<String> {
        let error = with(place, "no-such-setting", Value::Integer(0)).unwrap_err();
        let (_, known) = error.message().split_once(", expected ").unwrap();
        let names = known.split('`').skip(1).step_by(2);
        names.map(str::to_owned).collect()
    }

    /// A setting that is the path of something cannot be added without being looked at.
    #[test]
    fn every_setting_that_names_a_file_is_looked_at() {
        let mut places: Vec<Vec<String>> = settings(&[])
            .into_iter()
            .map(|section| vec![section])
            .collect();
        for nested in [PROVIDER, NAMED_KEY] {
            places.push(nested.iter().map(|name| (*name).to_owned()).collect());
        }
        let mut looked_at = Vec::new();
        for place in &places {
            let place: Vec<&str> = place.iter().map(String::as_str).collect();
            for key in settings(&place) {
                if !ENDINGS.iter().any(|ending| key.ends_with(ending)) {
                    continue;
                }
                let path = format!("/nowhere/{}/{key}", place.join("/"));
                let value = Value::String(path.clone());
                let value = match key.ends_with('s') {
                    true => Value::Array(vec![value]),
                    false => value,
                };
                let config = with(&place, &key, value).unwrap();
                let found = config.files();
                assert_eq!(found.len(), 1, "{place:?} {key}: {found:?}");
                assert_eq!(found[0].path.to_str(), Some(path.as_str()));
                let start = format!("{}.", place[0]);
                assert!(found[0].key.starts_with(&start), "{found:?}");
                assert!(found[0].key.contains(&key), "{found:?}");
                looked_at.push(found[0].key.clone());
            }
        }
        // Those of each kind of place are among them, so that what is looked for is found.
        for known in [
            "http.tls_key_file",
            "uploads.location",
            "accounts.old_key_files[0]",
            "accounts.providers.house.client_secret_file",
            "auth.keys[0].ed25519_private_key_file",
        ] {
            assert!(looked_at.iter().any(|key| key == known), "{looked_at:?}");
        }
    }

    #[test]
    fn all_that_is_wrong_with_files_is_said_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config::for_tests();
        let empty = folder.path().join("empty");
        std::fs::write(&empty, "").unwrap();
        config.mail.url_file = Some(empty);
        config.accounts.key_file = Some(folder.path().join("gone"));
        config.http.tls_ca_file = Some(folder.path().to_owned());
        config.kafka.properties = [(
            "ssl.key.location".to_owned(),
            folder.path().join("key").display().to_string(),
        )]
        .into();
        config.http.public_url = Some("tickets".to_owned());
        let error = config.checked_with_files().unwrap_err();
        let said = error.parts();
        let error = error.to_string();
        for (key, what) in [
            ("http.public_url", "tickets"),
            ("mail.url_file", "it is empty"),
            ("accounts.key_file", "it does not exist"),
            ("http.tls_ca_file", "it is a folder"),
            ("kafka.properties.ssl.key.location", "it does not exist"),
        ] {
            let said = error.split("; ").find(|said| said.contains(key)).unwrap();
            assert!(said.contains(what), "{said}");
            assert!(said.contains("expected "), "{said}");
        }
        let of_mail = said.iter().filter(|part| part.starts_with("mail."));
        assert_eq!(of_mail.count(), 1, "{said:?}");
        assert!(Config::for_tests().checked_with_files().is_ok());
    }
}
