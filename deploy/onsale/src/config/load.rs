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

impl ConfigError {
    /// Each thing that is wrong by itself.
    pub(crate) fn parts(&self) -> Vec<String> {
        match self {
            Self::Problems(problems) => problems.iter().map(ToString::to_string).collect(),
            other => vec![other.to_string()],
        }
    }
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
        let unknown = unknown_field(error.message());
        if let Value::Array(items) = &value
            && !unknown.is_some_and(|unknown| names.contains(&unknown))
            && let Some(wrong) = wrong_in_list(defaults, &names, items)
        {
            return Some(wrong);
        }
        Some(Wrong {
            value: shown(&key, &value),
            is_unknown: unknown.is_some(),
            expected: in_words(error.message()),
            key,
        })
    })
}

/// The field that the parser does not know.
fn unknown_field(message: &str) -> Option<&str> {
    let rest = message.strip_prefix("unknown field `")?;
    rest.split_once('`').map(|(field, _)| field)
}

/// The first of a list's items that cannot be used, and which of its fields is unknown. What stands in it may be
/// a secret, and is not shown.
fn wrong_in_list(defaults: &Table, names: &[&str], items: &[Value]) -> Option<Wrong> {
    items.iter().enumerate().find_map(|(index, item)| {
        let mut tried = defaults.clone();
        merge(&mut tried, nested(names, Value::Array(vec![item.clone()])));
        let error = Value::Table(tried).try_into::<Config>().err()?;
        let message = error.message();
        let key = format!("{}[{index}]", names.join("."));
        let Value::Table(_) = item else {
            return Some(Wrong {
                value: shown(&key, item),
                is_unknown: false,
                expected: in_words(message),
                key,
            });
        };
        let (key, expected) = match unknown_field(message) {
            Some(field) => (
                format!("{key}.{field}"),
                format!("another field, {}", in_words(message)),
            ),
            None => (key, in_words(message)),
        };
        Some(Wrong {
            value: "…".to_owned(),
            is_unknown: false,
            expected,
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
    let last = key.rsplit('.').next().unwrap_or(key);
    // The key that seals personal data is called so and nothing else.
    last == "key"
        || [
            "secret",
            "password",
            "properties",
            "url",
            "endpoint",
            "keys",
        ]
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
mod tests;
