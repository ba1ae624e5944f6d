//! The configuration as people are shown it: without its secrets.

use onsale_log::kafka::KafkaConfig;
use onsale_settings::Secret;

use super::{Config, has_password};

/// What stands in the place of a secret that is not shown.
pub(crate) const HIDDEN: &str = "(hidden)";

impl Config {
    /// A copy to show to people.
    pub(crate) fn without_secrets(mut self) -> Self {
        let hide = |secret: &mut Option<Secret>| {
            if secret.is_some() {
                *secret = Some(Secret::new(HIDDEN));
            }
        };
        hide(&mut self.auth.hs256_secret);
        hide(&mut self.auth.booking_secret);
        hide(&mut self.accounts.key);
        for provider in self.accounts.providers.values_mut() {
            hide(&mut provider.client_secret);
        }
        hide(&mut self.mail.url);
        hide(&mut self.uploads.s3_secret_key);
        hide(&mut self.payments.stripe_key);
        hide(&mut self.payments.stripe_webhook_secret);
        hide(&mut self.database.url);
        hide(&mut self.redis.url);
        hide(&mut self.cluster.secret);
        // None of these needs a password, and nothing keeps anybody from writing one there.
        for url in [
            self.http.public_url.as_mut(),
            self.mail.link_base_url.as_mut(),
            self.accounts.pages_url.as_mut(),
            self.accounts.public_url.as_mut(),
            self.uploads.s3_endpoint.as_mut(),
            self.payments.stripe_url.as_mut(),
            self.telemetry.otlp_endpoint.as_mut(),
            self.node.advertise_url.as_mut(),
            self.node.operations_advertise_url.as_mut(),
        ] {
            if let Some(url) = url
                && has_password(url)
            {
                *url = HIDDEN.to_owned();
            }
        }
        for (key, value) in &mut self.kafka.properties {
            if KafkaConfig::is_secret(key) {
                *value = HIDDEN.to_owned();
            }
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whatever panics or logs with the configuration in its hands.
    #[test]
    fn no_form_of_the_configuration_shows_a_secret() {
        let mut config = Config::default();
        let secret = || Some(Secret::new("s3cret-of-tests-0123456789abcdef"));
        let url = |scheme: &str| Some(Secret::new(format!("{scheme}://u:s3cret-of-tests@h/x")));
        config.auth.hs256_secret = secret();
        config.auth.booking_secret = secret();
        config.accounts.key = secret();
        config.cluster.secret = secret();
        config.payments.stripe_key = secret();
        config.payments.stripe_webhook_secret = secret();
        config.payments.stripe_url = Some("https://u:s3cret-of-tests@h".to_owned());
        config.mail.url = url("smtps");
        config.http.public_url = Some("https://u:s3cret-of-tests@h".to_owned());
        config.mail.link_base_url = config.http.public_url.clone();
        config.uploads.location = Some("s3://house".to_owned());
        config.uploads.s3_secret_key = secret();
        config.uploads.s3_endpoint = Some("https://u:s3cret-of-tests@h".to_owned());
        config.database.url = url("postgres");
        config.redis.url = url("redis");
        config.telemetry.otlp_endpoint = Some("http://u:s3cret-of-tests@h:4317".to_owned());
        config.node.advertise_url = Some("http://u:s3cret-of-tests@h:8080".to_owned());
        config.node.operations_advertise_url = config.node.advertise_url.clone();
        config.kafka.brokers = "h:9092".to_owned();
        for key in [
            "sasl.password",
            "ssl.key.password",
            "ssl.key.pem",
            "sasl.oauthbearer.client.secret",
            "sasl.oauthbearer.config",
            "sasl.oauthbearer.assertion.private.key.passphrase",
        ] {
            let value = "s3cret-of-tests".to_owned();
            config.kafka.properties.insert(key.to_owned(), value);
        }
        let shown = config.clone().without_secrets();
        for text in [
            toml::to_string(&shown).unwrap(),
            serde_json::to_string(&shown).unwrap(),
            format!("{shown:?}"),
            format!("{:?}", config.kafka),
            format!("{:?}", config.kafka_settings()),
            format!("{:?}", config.database),
            format!("{:?}", config.redis),
            format!("{:?}", config.auth),
            format!("{:?}", config.accounts),
            format!("{:?}", config.cluster),
            format!("{:?}", config.mail.url),
            format!("{:?}", config.uploads.s3_secret_key),
        ] {
            assert!(!text.contains("s3cret"), "{text}");
        }
        // Nor does a panic that has it in its hands.
        let in_hand = (
            (&config.auth, &config.accounts, &config.cluster),
            (&config.database, &config.redis, &config.kafka),
            &config.mail.url,
        );
        let panicked: Result<(), _> = std::panic::catch_unwind(|| panic!("{in_hand:?}"));
        let panicked = panicked.unwrap_err();
        let said = panicked.downcast_ref::<String>().unwrap();
        assert!(said.contains("hs256_secret"), "{said}");
        assert!(!said.contains("s3cret"), "{said}");
        // And what is wrong with them is said without them.
        config.database.url = url("mysql");
        config.redis.url = url("http");
        config.mail.url = url("imap");
        config.auth.hs256_secret = Some(Secret::new("s3cret"));
        let error = config.checked(true).unwrap_err();
        assert!(error.to_string().contains("redis.url"), "{error}");
        assert!(!error.to_string().contains("s3cret"), "{error}");
        assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");
    }
}
