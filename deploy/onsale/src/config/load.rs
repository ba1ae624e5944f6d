//! Where configuration comes from: the defaults, then a TOML file, then `ONSALE_SECTION__KEY`
//! variables, then flags. The later one wins.

use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::Config;

/// Prefix of environment variables that are configuration.
const ENV_PREFIX: &str = "ONSALE_";
/// Separates section and key in a variable's name.
const ENV_SEPARATOR: &str = "__";
/// The table of section `accounts` whose keys people choose.
const PROVIDERS: &str = "providers";

/// What is wrong with the configuration.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    /// The file cannot be read.
    #[error("configuration file {path}: {cause}")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: std::io::Error,
    },
    /// The file is not TOML.
    ///
    /// The line itself is not shown: it may hold a secret.
    #[error("configuration file {path}, line {line}: {what}")]
    Toml {
        /// The file.
        path: PathBuf,
        /// Where, from 1.
        line: usize,
        /// What is wrong.
        what: String,
    },
    /// A variable names no section and key.
    #[error("{variable}: there is no configuration value {key:?}; see `onsale config print`")]
    UnknownVariable {
        /// The variable.
        variable: String,
        /// What it would set.
        key: String,
    },
    /// A variable's value cannot be used.
    #[error("{variable}={value:?}: expected {expected}")]
    Variable {
        /// The variable.
        variable: String,
        /// What it holds.
        value: String,
        /// What would be right.
        expected: String,
    },
    /// The file has a key that does not exist.
    #[error(
        "configuration file {path}: there is no configuration value {key:?}; see `onsale config \
         print`"
    )]
    UnknownKey {
        /// The file.
        path: PathBuf,
        /// The key with its section.
        key: String,
    },
    /// A value in the file cannot be used.
    #[error("configuration file {path}: {key} = {value}: expected {expected}")]
    File {
        /// The file.
        path: PathBuf,
        /// The key with its section.
        key: String,
        /// What it is set to; secrets are not shown.
        value: String,
        /// What would be right.
        expected: String,
    },
    /// The values do not fit together, or one is unknown or of the wrong type.
    #[error("configuration: {0}")]
    Values(String),
    /// Settings that cannot be used.
    #[error("configuration: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Problems(Vec<super::Problem>),
}

/// The configuration from `file` (when given) and these variables, on top of `base`; not checked
/// beyond its types.
///
/// # Errors
/// The first thing that is wrong, by name.
pub(crate) fn load(
    base: &Config,
    file: Option<&Path>,
    variables: impl IntoIterator<Item = (String, String)>,
) -> Result<Config, ConfigError> {
    let defaults = Table::try_from(base).unwrap_or_default();
    let mut values = defaults.clone();
    if let Some(path) = file {
        let text = std::fs::read_to_string(path).map_err(|cause| ConfigError::Read {
            path: path.to_owned(),
            cause,
        })?;
        let given: Table = text.parse().map_err(|error: toml::de::Error| {
            let before = error
                .span()
                .and_then(|span| text.get(..span.start))
                .unwrap_or_default();
            ConfigError::Toml {
                path: path.to_owned(),
                line: before.matches('\n').count() + 1,
                what: error.message().to_owned(),
            }
        })?;
        if let Some(wrong) = first_wrong(&defaults, &given) {
            return Err(wrong.in_file(path));
        }
        merge(&mut values, given);
    }
    for (variable, value) in variables {
        if let Some((section, key)) = section_and_key(&variable) {
            let read = read_variable(&defaults, &variable, (&section, &key), &value)?;
            let given = match provider_key(&section, &key) {
                Some((name, field)) => nested(&[&section, PROVIDERS, &name, field], read),
                None => nested(&[&section, &key], read),
            };
            if let Some(wrong) = first_wrong(&defaults, &given) {
                return Err(ConfigError::Variable {
                    variable,
                    value: shown_variable(&key, &value),
                    expected: wrong.expected,
                });
            }
            // Properties of Kafka have no defaults: those of a variable stand instead of the file's.
            let is_free = matches!(defaults_of(&defaults, &section, &key), Some(Value::Table(table)) if table.is_empty());
            if is_free && let Some(Value::Table(table)) = values.get_mut(&section) {
                table.remove(&key);
            }
            merge(&mut values, given);
        }
    }
    Value::Table(values)
        .try_into()
        .map_err(|error: toml::de::Error| ConfigError::Values(error.message().to_owned()))
}

/// `ONSALE_HTTP__LISTEN` is section `http`, key `listen`. Variables with our prefix but without the
/// separator (as tests and scripts use them) are not configuration.
fn section_and_key(variable: &str) -> Option<(String, String)> {
    let (section, key) = variable
        .strip_prefix(ENV_PREFIX)?
        .split_once(ENV_SEPARATOR)?;
    Some((section.to_ascii_lowercase(), key.to_ascii_lowercase()))
}

/// `ONSALE_ACCOUNTS__PROVIDERS__MY_HOUSE__CLIENT_SECRET` is the key `client_secret` of the provider
/// `my-house`: a variable's name has no hyphens.
fn provider_key<'a>(section: &str, key: &'a str) -> Option<(String, &'a str)> {
    let rest = key.strip_prefix(PROVIDERS)?.strip_prefix(ENV_SEPARATOR)?;
    let (name, field) = rest.split_once(ENV_SEPARATOR)?;
    (section == "accounts").then(|| (name.replace('_', "-"), field))
}

fn merge(into: &mut Table, from: Table) {
    for (key, value) in from {
        match (into.get_mut(&key), value) {
            (Some(Value::Table(present)), Value::Table(given)) => merge(present, given),
            (_, value) => {
                into.insert(key, value);
            }
        }
    }
}

/// A value that cannot be used.
struct Wrong {
    key: String,
    value: String,
    /// What would be right; nothing where there is no such key.
    expected: String,
    is_unknown: bool,
}

impl Wrong {
    fn in_file(self, path: &Path) -> ConfigError {
        let path = path.to_owned();
        if self.is_unknown {
            return ConfigError::UnknownKey {
                path,
                key: self.key,
            };
        }
        ConfigError::File {
            path,
            key: self.key,
            value: self.value,
            expected: self.expected,
        }
    }
}

/// The first of the given values that makes a configuration of defaults unreadable. The error of the
/// whole would not say which it is.
fn first_wrong(defaults: &Table, given: &Table) -> Option<Wrong> {
    let mut whole = defaults.clone();
    merge(&mut whole, given.clone());
    Value::Table(whole).try_into::<Config>().err()?;
    let mut leaves = Vec::new();
    collect_leaves(given, &mut Vec::new(), &mut leaves);
    leaves.into_iter().find_map(|(path, value)| {
        let mut tried = defaults.clone();
        let names: Vec<&str> = path.iter().map(String::as_str).collect();
        merge(&mut tried, nested(&names, value.clone()));
        let error = Value::Table(tried).try_into::<Config>().err()?;
        let key = path.join(".");
        Some(Wrong {
            value: shown(&key, &value),
            is_unknown: error.message().starts_with("unknown field"),
            expected: in_words(error.message()),
            key,
        })
    })
}

/// Every value with its path; lists, and tables with nothing in them, are values.
fn collect_leaves(table: &Table, at: &mut Vec<String>, leaves: &mut Vec<(Vec<String>, Value)>) {
    for (key, value) in table {
        at.push(key.clone());
        match value {
            Value::Table(inner) if !inner.is_empty() => collect_leaves(inner, at, leaves),
            value => leaves.push((at.clone(), value.clone())),
        }
        at.pop();
    }
}

/// A table with one value at a path.
fn nested(path: &[&str], value: Value) -> Table {
    let Some((first, rest)) = path.split_first() else {
        return Table::new();
    };
    let inner = if rest.is_empty() {
        value
    } else {
        Value::Table(nested(rest, value))
    };
    Table::from_iter([((*first).to_owned(), inner)])
}

/// A value of a file as errors show it: none that may be or hold a secret.
fn shown(key: &str, value: &Value) -> String {
    if is_secret(key) {
        "…".to_owned()
    } else {
        value.to_string()
    }
}

fn shown_variable(key: &str, text: &str) -> String {
    if is_secret(key) { "…" } else { text }.to_owned()
}

fn is_secret(key: &str) -> bool {
    ["secret", "properties", "url", "keys"]
        .iter()
        .any(|part| key.contains(part))
}

/// What would be right, from what the parser says: it names types of the program.
fn in_words(message: &str) -> String {
    if message.contains("socket address") {
        return "an address such as 127.0.0.1:8080".to_owned();
    }
    let Some((_, expected)) = message.rsplit_once(", expected ") else {
        return format!("another value: {message}");
    };
    match expected {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number, not negative".to_owned(),
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number".to_owned(),
        "f32" | "f64" => "a number".to_owned(),
        "a boolean" => "true or false".to_owned(),
        "a string" | "string" => "a text in quotes".to_owned(),
        "a sequence" => "a list".to_owned(),
        other if other.starts_with("struct ") => "a section or table".to_owned(),
        other => other.replace('`', ""),
    }
}

fn defaults_of<'a>(defaults: &'a Table, section: &str, key: &str) -> Option<&'a Value> {
    defaults.get(section)?.as_table()?.get(key)
}

/// The type of the default decides how the text is read, so that a secret of digits stays text.
fn read_variable(
    defaults: &Table,
    variable: &str,
    (section, key): (&str, &str),
    text: &str,
) -> Result<Value, ConfigError> {
    let unknown = || ConfigError::UnknownVariable {
        variable: variable.to_owned(),
        key: format!("{section}.{key}"),
    };
    let wrong = |expected: &str| ConfigError::Variable {
        variable: variable.to_owned(),
        value: shown_variable(key, text),
        expected: expected.to_owned(),
    };
    if let Some((_, field)) = provider_key(section, key) {
        let list = || {
            let items = text.split(',').map(str::trim);
            let items = items.filter(|item| !item.is_empty());
            Value::Array(items.map(|item| Value::String(item.to_owned())).collect())
        };
        return Ok(match field {
            "scopes" | "endpoint_hosts" => list(),
            _ => Value::String(text.to_owned()),
        });
    }
    let optional = Config::OPTIONAL_KEYS.contains(&(section, key));
    if !defaults.contains_key(section) {
        return Err(unknown());
    }
    let default = defaults_of(defaults, section, key);
    Ok(match default {
        None if !optional => return Err(unknown()),
        Some(Value::Boolean(_)) => {
            Value::Boolean(text.parse().map_err(|_| wrong("true or false"))?)
        }
        Some(Value::Integer(_)) => {
            Value::Integer(text.parse().map_err(|_| wrong("a whole number"))?)
        }
        Some(Value::Float(_)) => Value::Float(text.parse().map_err(|_| wrong("a number"))?),
        Some(Value::Array(_)) => Value::Array(
            text.split(',')
                .map(str::trim)
                .filter(|item| !item.is_empty())
                .map(|item| Value::String(item.to_owned()))
                .collect(),
        ),
        Some(Value::Table(inner)) => {
            Value::Table(pairs(text, inner).ok_or_else(|| wrong("KEY=VALUE,…"))?)
        }
        _ => Value::String(text.to_owned()),
    })
}

/// `a=1,b=2` as a table; numbers where the default is one, else texts. A value with a comma has to be
/// in the file.
fn pairs(text: &str, defaults: &Table) -> Option<Table> {
    text.split(',')
        .filter(|item| !item.trim().is_empty())
        .map(|item| {
            let (key, value) = item.split_once('=')?;
            let (key, value) = (key.trim(), value.trim());
            let number = match defaults.get(key) {
                Some(Value::Integer(_)) => value.parse().ok().map(Value::Integer),
                _ => None,
            };
            let value = number.unwrap_or_else(|| Value::String(value.to_owned()));
            Some((key.to_owned(), value))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::NodeRole;
    use super::*;

    fn with(variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let owned = variables
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        load(&Config::for_tests(), None, owned)?.checked(true)
    }

    #[test]
    fn variables_win_and_keep_their_type() {
        let config = with(&[
            ("ONSALE_HTTP__LISTEN", "127.0.0.1:9999"),
            ("ONSALE_LOG__PARTITIONS", "16"),
            (
                "ONSALE_AUTH__HS256_SECRET",
                "12345678901234567890123456789012",
            ),
            ("ONSALE_RATE_LIMIT__ENABLED", "false"),
            ("ONSALE_TEST_POSTGRES_URL", "not configuration"),
        ])
        .unwrap();
        assert_eq!(config.log.partitions, 16);
        assert!(!config.rate_limit.enabled);
        assert_eq!(config.http.listen.to_string(), "127.0.0.1:9999");
    }

    #[test]
    fn providers_come_from_variables_too_and_their_secrets_are_hidden() {
        let config = with(&[
            ("ONSALE_ACCOUNTS__PROVIDERS__GOOGLE__PRESET", "google"),
            ("ONSALE_ACCOUNTS__PROVIDERS__GOOGLE__CLIENT_ID", "id"),
            ("ONSALE_ACCOUNTS__PROVIDERS__GOOGLE__CLIENT_SECRET", "4711"),
            (
                "ONSALE_ACCOUNTS__PROVIDERS__MY_HOUSE__ISSUER",
                "https://id.example",
            ),
            ("ONSALE_ACCOUNTS__PROVIDERS__MY_HOUSE__CLIENT_ID", "id"),
            (
                "ONSALE_ACCOUNTS__PROVIDERS__MY_HOUSE__SCOPES",
                "openid, email",
            ),
        ])
        .unwrap();
        let providers = &config.accounts.providers;
        let secret = providers["google"].client_secret.as_ref().unwrap();
        assert_eq!(secret.expose(), "4711");
        assert_eq!(providers["my-house"].scopes, ["openid", "email"]);
        let shown = toml::to_string(&config.without_secrets()).unwrap();
        assert!(!shown.contains("4711"), "{shown}");
        for (field, value, named) in [
            ("PRESET", "gogle", "expected google or facebook"),
            ("CLIENT", "x", "client"),
        ] {
            let variable = format!("ONSALE_ACCOUNTS__PROVIDERS__GOOGLE__{field}");
            let error = with(&[(&variable, value)]).unwrap_err().to_string();
            assert!(error.contains(named), "{error}");
        }
    }

    #[test]
    fn a_wrong_variable_is_named_with_its_value_and_what_would_be_right() {
        let error = with(&[("ONSALE_LOG__PARTITIONS", "many")])
            .unwrap_err()
            .to_string();
        assert_eq!(
            error,
            "ONSALE_LOG__PARTITIONS=\"many\": expected a whole number"
        );
        let error = with(&[("ONSALE_LOG__PARTITION", "3")])
            .unwrap_err()
            .to_string();
        assert!(error.contains("log.partition"), "{error}");
        let error = with(&[("ONSALE_LOG__PARTITIONS", "0")])
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("log.partitions") && error.contains('0'),
            "{error}"
        );
    }

    #[test]
    fn what_cannot_be_read_is_named_with_what_would_be_right() {
        for (variable, value, expected) in [
            ("HTTP__LISTEN", "x", "an address such as 127.0.0.1:8080"),
            (
                "HTTP__CONNECTIONS_MAX",
                "-1",
                "a whole number, not negative",
            ),
            (
                "RATE_LIMIT__ADDRESS_BLOCKS",
                "mode=nope",
                "one of auto, on, off",
            ),
            (
                "NODE__ROLES",
                "foo",
                "one of ingress, processor, projector, worker",
            ),
        ] {
            let variable = format!("ONSALE_{variable}");
            let error = with(&[(&variable, value)]).unwrap_err().to_string();
            assert_eq!(error, format!("{variable}={value:?}: expected {expected}"));
        }
        let blocks = ("ONSALE_RATE_LIMIT__ADDRESS_BLOCKS", "places_burst=5");
        let config = with(&[blocks]).unwrap();
        assert_eq!(config.rate_limit.address_blocks.places_burst, 5);
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("onsale.toml");
        for (text, said) in [
            (
                "[http]\nconnections_max = \"x\"",
                "http.connections_max = \"x\": expected a whole number, not negative",
            ),
            (
                "[http]\nfoo = 1",
                "there is no configuration value \"http.foo\"",
            ),
            ("[htp]\nfoo = 1", "there is no configuration value \"htp"),
            ("http = 1", "http = 1: expected a section or table"),
            (
                "[auth]\nhs256_secret = 5",
                "auth.hs256_secret = …: expected a text in quotes",
            ),
        ] {
            std::fs::write(&file, text).unwrap();
            let error = load(&Config::for_tests(), Some(&file), [])
                .unwrap_err()
                .to_string();
            assert!(error.contains(said), "{error}");
            assert!(error.contains("onsale.toml"), "{error}");
        }
    }

    const SHARED: (&str, &str) = ("ONSALE_DATABASE__URL", "postgres://onsale@127.0.0.1/onsale");

    #[test]
    fn lists_and_properties_come_from_variables_too() {
        let config = with(&[
            SHARED,
            ("ONSALE_KAFKA__BROKERS", "127.0.0.1:9092,127.0.0.1:9093"),
            ("ONSALE_NODE__ROLES", "ingress, projector"),
            (
                "ONSALE_KAFKA__PROPERTIES",
                "security.protocol=SASL_SSL,sasl.password=a=b",
            ),
        ])
        .unwrap();
        assert_eq!(config.node.roles, [NodeRole::Ingress, NodeRole::Projector]);
        assert_eq!(config.kafka.properties["sasl.password"], "a=b");
        let shown = config.without_secrets();
        assert_eq!(shown.kafka.properties["sasl.password"], "(hidden)");
        assert_eq!(shown.kafka.properties["security.protocol"], "SASL_SSL");
    }

    #[test]
    fn what_does_not_fit_the_mode_is_refused_by_name() {
        let brokers = ("ONSALE_KAFKA__BROKERS", "127.0.0.1:9092");
        let ingress = ("ONSALE_NODE__ROLES", "ingress");
        for (variables, key) in [
            // One process does everything on the embedded log.
            (vec![ingress], "node.roles"),
            (
                vec![ingress, SHARED, ("ONSALE_KAFKA__BROKERS", "somewhere")],
                "kafka.brokers",
            ),
            // Several processes cannot share a SQLite file of one machine.
            (vec![ingress, brokers], "database.url"),
            // A processor that is not in the list would never own anything.
            (
                vec![brokers, SHARED, ("ONSALE_NODE__ID", "other")],
                "cluster.processors",
            ),
            (
                vec![
                    ingress,
                    brokers,
                    SHARED,
                    ("ONSALE_CLUSTER__PATIENCE_MS", "150"),
                ],
                "cluster.patience_ms",
            ),
            (
                vec![ingress, brokers, SHARED, ("ONSALE_KAFKA__MIN_INSYNC", "2")],
                "kafka.min_insync",
            ),
            (
                vec![
                    ingress,
                    brokers,
                    SHARED,
                    ("ONSALE_KAFKA__PROPERTIES", "acks=1"),
                ],
                "kafka.properties.acks",
            ),
            (
                vec![("ONSALE_KAFKA__PROPERTIES", "acks")],
                "ONSALE_KAFKA__PROPERTIES",
            ),
        ] {
            let error = with(&variables).unwrap_err().to_string();
            assert!(error.contains(key), "{variables:?}: {error}");
        }
    }

    #[test]
    fn an_unknown_key_in_the_file_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("onsale.toml");
        std::fs::write(&file, "[log]\npartitionen = 3\n").unwrap();
        let error = load(&Config::for_tests(), Some(&file), [])
            .unwrap_err()
            .to_string();
        assert!(error.contains("partitionen"), "{error}");
    }

    /// Any file and any variable gives a configuration or an error that says what is wrong.
    #[test]
    fn fuzz_configuration() {
        const RUN: onsale_fuzz::Run = onsale_fuzz::Run {
            inputs: 1_500,
            size_max_bytes: 16_384,
        };
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("onsale.toml");
        let corpus = [
            include_bytes!("../../../onsale.toml").to_vec(),
            b"[http]\nlisten = \"127.0.0.1:0\"\n[log]\npartitions = 3\n".to_vec(),
            toml::to_string(&Config::for_tests()).unwrap().into_bytes(),
        ];
        onsale_fuzz::run("configuration", RUN, &corpus, |bytes| {
            let text = String::from_utf8_lossy(bytes);
            std::fs::write(&file, bytes).unwrap();
            let variables = [
                "ONSALE_LOG__PARTITIONS",
                "ONSALE_HTTP__LISTEN",
                "ONSALE_X__Y",
            ]
            .map(|name| (name.to_owned(), text.chars().take(20).collect()));
            for variables in [&variables[..0], &variables[..]] {
                match load(&Config::default(), Some(&file), variables.to_vec()) {
                    Ok(config) => drop(config.checked(true)),
                    Err(error) => assert!(!error.to_string().is_empty()),
                }
            }
        });
    }

    #[test]
    fn the_shipped_example_is_the_defaults() {
        let example = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../onsale.toml"));
        let from_file = load(&Config::default(), Some(example), []).unwrap();
        let text = |config: &Config| toml::to_string(config).unwrap();
        assert_eq!(text(&from_file), text(&Config::default()));
        // And it names every key, so that it cannot fall behind.
        let shipped = std::fs::read_to_string(example).unwrap();
        for (section, values) in Table::try_from(Config::default()).unwrap() {
            assert!(
                shipped.contains(&format!("[{section}]")),
                "section {section} is missing"
            );
            for key in values.as_table().unwrap().keys() {
                assert!(
                    shipped.contains(&format!("{key} = ")),
                    "{section}.{key} is missing"
                );
            }
        }
        for (section, key) in Config::OPTIONAL_KEYS {
            assert!(
                shipped.contains(&format!("# {key} = ")),
                "{section}.{key} is missing"
            );
        }
    }
}
