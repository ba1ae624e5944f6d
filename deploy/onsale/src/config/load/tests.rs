use super::super::NodeRole;
use super::*;
use crate::config::files::tests::settings;

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
        (
            "[http]\nfoo = [1]",
            "there is no configuration value \"http.foo\"",
        ),
        (
            "[auth]\nkeys = [{ kid = \"a\", hs256_secret_fle = \"hs\" }]",
            "auth.keys[0].hs256_secret_fle = …: expected another field, one of kid, hs256_secret_file",
        ),
        (
            "[auth]\nkeys = [{ kid = \"a\" }, { kid = 5 }]",
            "auth.keys[1] = …: expected a text in quotes",
        ),
        (
            "[accounts]\nkey = 5",
            "accounts.key = …: expected a text in quotes",
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
        include_bytes!("../../../../onsale.toml").to_vec(),
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

/// A setting that may be unset has no default that would make it known. Those of providers have names that people
/// choose, and a test of their own.
#[test]
fn every_setting_can_be_a_variable() {
    let defaults = Table::try_from(Config::default()).unwrap();
    for section in settings(&[]) {
        for key in settings(&[&section]) {
            if key == PROVIDERS {
                continue;
            }
            let has_default = defaults_of(&defaults, &section, &key).is_some();
            let known = Config::OPTIONAL_KEYS.contains(&(section.as_str(), key.as_str()));
            assert!(has_default != known, "{section}.{key}");
        }
    }
}

#[test]
fn a_simulated_gateway_is_of_one_process() {
    let mut config = Config::for_tests();
    config.payments.gateway = Some(onsale_ingress::GatewayKind::Simulated);
    assert!(config.clone().checked(true).is_ok());
    config.kafka.brokers = "127.0.0.1:9092".to_owned();
    let error = config.checked(true).unwrap_err().to_string();
    assert!(
        error.contains("payments.gateway = simulated: expected stripe"),
        "{error}"
    );
}
