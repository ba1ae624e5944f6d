//! `onsale config`

use anyhow::{Context, anyhow};
use clap::Subcommand;

use crate::cli::ConfigArgs;
use crate::config::{Config, ConfigError, HIDDEN};
use crate::exit::{Failure, OrFail};
use crate::{output, private};

#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Print the configuration that would be used, without secrets
    Print {
        /// Print it as JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// Check whether `onsale serve` could use the configuration
    Check {
        /// Print the result as JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        config: ConfigArgs,
    },
}

pub(crate) fn run(command: &ConfigCommand) -> Result<(), Failure> {
    match command {
        ConfigCommand::Print { json, config } => {
            // As given, without what a verb finds beside it: `check` has to say the same.
            let config = Config::load(config, &Config::default())?
                .checked(false)
                .or_use()?
                .without_secrets();
            if *json {
                output::json(&config);
            } else {
                let text = as_file(&config)
                    .context("cannot write the configuration")
                    .or_found()?;
                output::line(text.trim_end());
            }
            Ok(())
        }
        ConfigCommand::Check { json, config } => {
            let Checked {
                warnings,
                problems,
                result,
            } = checked(config);
            if *json {
                output::json(&serde_json::json!({
                    "ok": result.is_ok(), "problems": problems, "warnings": warnings,
                }));
                // What is wrong has been said.
                return result
                    .map_err(|_| Failure::Use(anyhow!("the configuration cannot be used")));
            }
            for warning in &warnings {
                output::line(format_args!("warning: {warning}"));
            }
            if result.is_ok() {
                output::line("the configuration is fine");
            }
            result
        }
    }
}

/// What is found about a configuration.
struct Checked {
    /// What does not keep a server from starting and should not stay as it is.
    warnings: Vec<String>,
    /// What does, one by one.
    problems: Vec<String>,
    /// Whether one can start.
    result: Result<(), Failure>,
}

/// Looks at the values and at the files that they name. Nothing is connected to.
fn checked(args: &ConfigArgs) -> Checked {
    let config = match Config::load(args, &Config::default()) {
        Ok(config) => config,
        Err(failure) => {
            return Checked {
                warnings: Vec::new(),
                problems: vec![failure.to_string()],
                result: Err(failure),
            };
        }
    };
    let mut warnings = config.older_settings();
    warnings.extend(private::readable_secrets(&config).iter().map(|file| {
        format!(
            "{} = {} (every user of this machine can read it): {}",
            file.key,
            file.path.display(),
            private::CLOSE_IT
        )
    }));
    let result = config.checked_with_files();
    Checked {
        warnings,
        problems: result
            .as_ref()
            .err()
            .map(ConfigError::parts)
            .unwrap_or_default(),
        result: result.map(drop).or_use(),
    }
}

/// The configuration as a file that can be used once the secrets, which are not shown, are filled in
/// or come from the environment.
fn as_file(config: &Config) -> Result<String, toml::ser::Error> {
    let mut hidden = Vec::new();
    let mut values = toml::Table::try_from(config)?;
    take_hidden(&mut values, "", &mut hidden);
    let mut text = String::new();
    for key in hidden {
        text.push_str(&format!("# {key} is set and not shown\n"));
    }
    if !text.is_empty() {
        text.push('\n');
    }
    text.push_str(&toml::to_string_pretty(&values)?);
    Ok(text)
}

fn take_hidden(table: &mut toml::Table, path: &str, hidden: &mut Vec<String>) {
    table.retain(|key, value| {
        let key = format!("{path}{key}");
        if value.as_str() == Some(HIDDEN) {
            hidden.push(key);
            return false;
        }
        if let Some(inner) = value.as_table_mut() {
            take_hidden(inner, &format!("{key}."), hidden);
        }
        true
    });
}

#[cfg(test)]
mod tests {
    use onsale_settings::Secret;

    use super::*;

    /// What is printed is what is checked: as a file it gives the same configuration, except for
    /// the secrets.
    #[test]
    fn what_is_printed_can_be_used_as_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("printed.toml");
        let args = ConfigArgs {
            config: Some(file.clone()),
            data: None,
        };
        let mut config = Config::default();
        config.http.connections_max = 77;
        let plain = as_file(&config).unwrap();
        config.auth.hs256_secret = Some(Secret::new("x".repeat(32)));
        config.kafka.properties = [
            ("sasl.password".to_owned(), "secret".to_owned()),
            ("security.protocol".to_owned(), "SSL".to_owned()),
        ]
        .into();
        let secret = as_file(&config.without_secrets()).unwrap();
        assert!(secret.contains("# auth.hs256_secret is set"), "{secret}");
        assert!(secret.contains("# kafka.properties.sasl.password is set"));
        assert!(!secret.contains(HIDDEN), "{secret}");
        for text in [plain, secret] {
            std::fs::write(&file, &text).unwrap();
            let read = Config::load(&args, &Config::default()).unwrap();
            let again = as_file(&read).unwrap();
            let values = |text: &str| text.parse::<toml::Table>().unwrap();
            assert_eq!(values(&again), values(&text));
            assert!(read.checked(false).is_ok());
        }
    }
}
