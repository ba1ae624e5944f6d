//! Where configuration comes from: the defaults, then a TOML file, then `ONSALE_SECTION__KEY`
//! variables, then flags. The later one wins.

use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::Config;

/// Prefix of environment variables that are configuration.
const ENV_PREFIX: &str = "ONSALE_";
/// Separates section and key in a variable's name.
const ENV_SEPARATOR: &str = "__";

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
    /// A variable's value is of the wrong type.
    #[error("{variable}={value:?}: expected {expected}")]
    Variable {
        /// The variable.
        variable: String,
        /// What it holds.
        value: String,
        /// What would be right.
        expected: &'static str,
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
        merge(&mut values, given);
    }
    for (variable, value) in variables {
        if let Some((section, key)) = section_and_key(&variable) {
            apply_variable(&mut values, &defaults, &variable, (&section, &key), value)?;
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

/// The type of the default decides how the text is read, so that a secret of digits stays text.
fn apply_variable(
    values: &mut Table,
    defaults: &Table,
    variable: &str,
    (section, key): (&str, &str),
    text: String,
) -> Result<(), ConfigError> {
    let unknown = || ConfigError::UnknownVariable {
        variable: variable.to_owned(),
        key: format!("{section}.{key}"),
    };
    let wrong = |expected| ConfigError::Variable {
        variable: variable.to_owned(),
        value: if key.contains("secret") || key == "properties" {
            "…".to_owned()
        } else {
            text.clone()
        },
        expected,
    };
    let optional = Config::OPTIONAL_KEYS.contains(&(section, key));
    let default = defaults
        .get(section)
        .and_then(Value::as_table)
        .ok_or_else(unknown)?
        .get(key);
    let value = match default {
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
        Some(Value::Table(_)) => Value::Table(pairs(&text).ok_or_else(|| wrong("KEY=VALUE,…"))?),
        _ => Value::String(text.clone()),
    };
    if let Some(Value::Table(table)) = values.get_mut(section) {
        table.insert(key.to_owned(), value);
    }
    Ok(())
}

/// `a=1,b=2` as a table of texts. A value with a comma has to be in the file.
fn pairs(text: &str) -> Option<Table> {
    text.split(',')
        .filter(|item| !item.trim().is_empty())
        .map(|item| {
            let (key, value) = item.split_once('=')?;
            Some((
                key.trim().to_owned(),
                Value::String(value.trim().to_owned()),
            ))
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
