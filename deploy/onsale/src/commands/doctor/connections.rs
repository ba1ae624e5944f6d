//! Which connections leave this machine in the clear, or to no one knows whom.

use onsale_store::{Store, Transport, Verified};
use onsale_tls::is_this_machine;

use super::Check;
use crate::config::{Config, host_of};

const NAME: &str = "encryption";
/// Protocols of Kafka's clients that encrypt; its default does not.
const KAFKA_PROTOCOL: &str = "security.protocol";
const KAFKA_ENCRYPTS: [&str; 2] = ["ssl", "sasl_ssl"];

/// What the configuration alone says.
pub(super) fn look(config: &Config, checks: &mut Vec<Check>) {
    let before = checks.len();
    if config.kafka.is_used() {
        kafka(config, checks);
        redis(config, checks);
        let operations = config.http.operations_address();
        if !operations.ip().is_loopback() && config.http.tls_certificate_file.is_none() {
            checks.push(Check::warning(
                NAME,
                format!("nodes ask each other at {operations} without TLS"),
                "set http.tls_certificate_file, or keep that network to the nodes",
            ));
        }
    }
    mail(config, checks);
    if let Some(endpoint) = &config.telemetry.otlp_endpoint
        && endpoint.starts_with("http://")
        && !is_this_machine(host_of(endpoint))
    {
        checks.push(Check::warning(
            NAME,
            "traces go to telemetry.otlp_endpoint in the clear",
            "use https:// there, or a collector on this machine",
        ));
    }
    if checks.len() == before {
        checks.push(Check::ok(
            NAME,
            "no configured connection to another machine is in the clear",
        ));
    }
}

fn kafka(config: &Config, checks: &mut Vec<Check>) {
    let brokers = config.kafka.brokers.split(',').map(str::trim);
    let host = |broker: &str| {
        broker
            .rsplit_once(':')
            .map_or(String::new(), |(host, _)| host.to_owned())
    };
    if brokers.map(host).all(|host| is_this_machine(&host)) {
        return;
    }
    let protocol = config.kafka.properties.get(KAFKA_PROTOCOL);
    let protocol = protocol.map_or("plaintext", String::as_str);
    if !KAFKA_ENCRYPTS.contains(&protocol.to_ascii_lowercase().as_str()) {
        checks.push(Check::warning(
            NAME,
            format!("Kafka is asked in the clear ({KAFKA_PROTOCOL} = {protocol:?})"),
            "set kafka.properties \"security.protocol\" to \"SASL_SSL\" or \"SSL\", with \
             \"ssl.ca.location\" (deploy/kafka/production.md)",
        ));
    }
}

fn redis(config: &Config, checks: &mut Vec<Check>) {
    // What cannot be read is reported where Redis is looked at.
    let Ok(Some(url)) = config.redis.configured_url() else {
        return;
    };
    let url = url.expose();
    if url.starts_with("redis://") && !is_this_machine(host_of(url)) {
        checks.push(Check::warning(
            NAME,
            "Redis is asked in the clear",
            "use rediss:// in redis.url, with redis.tls_ca_file",
        ));
    }
}

fn mail(config: &Config, checks: &mut Vec<Check>) {
    let Ok(Some(url)) = config.mail.configured_url() else {
        return;
    };
    let url = url.expose();
    if url.contains("tls=none") && !is_this_machine(host_of(url)) {
        checks.push(Check::warning(
            NAME,
            "mails go to the mail server in the clear, links that reset passwords among them",
            "use smtps://…, or ?tls=required, in mail.url",
        ));
    }
}

/// How the database is reached, once it answers.
pub(super) async fn look_at_database(store: &Store, checks: &mut Vec<Check>) {
    let transport = match store.transport().await {
        Ok(Some(transport)) => transport,
        Ok(None) => return,
        Err(error) => {
            checks.push(Check::warning(
                NAME,
                format!("whether the database is reached by TLS is not known: {error}"),
                "look again",
            ));
            return;
        }
    };
    checks.extend(of_database(transport));
}

fn of_database(transport: Transport) -> Option<Check> {
    const VERIFY: &str = "set database.tls_mode = \"verify-full\" and database.tls_ca_file";
    if transport.is_local {
        return None;
    }
    let verified = transport.verified;
    if !transport.is_encrypted && verified == Verified::Nothing {
        let found = "PostgreSQL is asked in the clear";
        return Some(Check::warning(NAME, found, VERIFY));
    }
    Some(match verified {
        Verified::Nothing => Check::warning(
            NAME,
            "PostgreSQL is asked by TLS, but nothing is verified: whoever stands between can read along",
            VERIFY,
        ),
        Verified::Authority => Check::warning(
            NAME,
            "any certificate of an authority that this machine trusts passes for PostgreSQL's",
            "set database.tls_mode = \"verify-full\", or name the authority in SSL_CERT_FILE, too",
        ),
        Verified::Name => Check::ok(NAME, "PostgreSQL is asked by TLS, and its name is verified"),
    })
}

#[cfg(test)]
mod tests {
    use onsale_settings::Secret;

    use super::super::Verdict;
    use super::*;

    fn warnings(config: &Config) -> Vec<String> {
        let mut checks = Vec::new();
        look(config, &mut checks);
        let checks = checks.into_iter();
        checks
            .filter(|check| check.verdict == Verdict::Warning)
            .map(|check| check.found)
            .collect()
    }

    #[test]
    fn what_leaves_the_machine_in_the_clear_is_named() {
        let mut config = Config::for_tests();
        assert_eq!(warnings(&config), [""; 0]);
        config.kafka.brokers = "127.0.0.1:9092".to_owned();
        config.redis.url = Some(Secret::new("redis://:s3cret@localhost:6379"));
        assert_eq!(warnings(&config), [""; 0]);
        config.kafka.brokers = "kafka.example.test:9092".to_owned();
        config.redis.url = Some(Secret::new("redis://:s3cret@redis.example.test"));
        config.mail.url = Some(Secret::new("smtp://u:s3cret@mail.example.test?tls=none"));
        config.telemetry.otlp_endpoint = Some("http://otlp.example.test:4317".to_owned());
        let found = warnings(&config);
        assert_eq!(found.len(), 4, "{found:?}");
        assert!(!found.concat().contains("s3cret"), "{found:?}");
        config.kafka.properties = [(KAFKA_PROTOCOL.to_owned(), "SASL_SSL".to_owned())].into();
        config.redis.url = Some(Secret::new("rediss://:s3cret@redis.example.test"));
        config.mail.url = Some(Secret::new("smtps://u:s3cret@mail.example.test"));
        config.telemetry.otlp_endpoint = Some("https://otlp.example.test:4317".to_owned());
        assert_eq!(warnings(&config), [""; 0]);
    }

    #[test]
    fn only_a_verified_name_is_right() {
        let of = |is_local, is_encrypted, verified| {
            of_database(Transport {
                is_local,
                is_encrypted,
                verified,
            })
            .map(|check| check.verdict)
        };
        assert_eq!(of(true, false, Verified::Nothing), None);
        assert_eq!(of(false, false, Verified::Nothing), Some(Verdict::Warning));
        assert_eq!(of(false, true, Verified::Nothing), Some(Verdict::Warning));
        assert_eq!(of(false, true, Verified::Authority), Some(Verdict::Warning));
        assert_eq!(of(false, true, Verified::Name), Some(Verdict::Ok));
    }
}
