//! A node whose Kafka clients are told of no broker at all, which librdkafka never recovers from:
//! readiness says so, and the node mends itself.

use std::time::Duration;

use crate::kafka_proxy::Proxy;
use crate::postgres::Database;
use crate::support::{Server, SmallShow, metric};

/// Far more than anything here takes even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);
/// By default a client asks for metadata every five minutes.
const ASK_OFTEN: &str = "topic.metadata.refresh.interval.ms=100";

#[tokio::test]
async fn a_node_that_is_told_of_no_broker_says_so_and_recovers_by_itself() {
    let Ok(brokers) = std::env::var("ONSALE_TEST_KAFKA_BROKERS") else {
        assert!(
            std::env::var_os("CI").is_none(),
            "ONSALE_TEST_KAFKA_BROKERS is not set: run the tests by deploy/test.sh"
        );
        return;
    };
    let (database, proxy) = (Database::create(), Proxy::to(&brokers));
    let prefix = format!("deaf-{}", uuid::Uuid::new_v4().simple());
    let folder = tempfile::tempdir().unwrap();
    let (url, brokers) = (database.url(), proxy.address());
    let variables = [
        ("ONSALE_DATABASE__URL", url.as_str()),
        ("ONSALE_KAFKA__BROKERS", &brokers),
        ("ONSALE_KAFKA__TOPIC_PREFIX", &prefix),
        ("ONSALE_KAFKA__PROPERTIES", ASK_OFTEN),
        ("ONSALE_LOG__PARTITIONS", "1"),
        ("ONSALE_CLUSTER__PROCESSORS", "one"),
        ("ONSALE_CLUSTER__REPLICAS", "1"),
        ("ONSALE_NODE__ID", "one"),
        ("ONSALE_NODE__ROLES", "ingress,processor,projector"),
    ];
    let server = Server::start_with(folder.path(), &variables).await;
    let show = SmallShow::open(&server).await;
    show.reserve(&server, &["A-3"]).await;

    proxy.hide_brokers(true);
    server
        .until_ready(PATIENCE, |status, said| {
            let is_named = said.contains("has heard from no Kafka broker");
            assert!(!is_named || status == 503, "{status}: {said}");
            is_named
        })
        .await;
    assert!(proxy.hidden() > 0);
    let metrics = server.metrics().await;
    assert!(metric(&metrics, "onsale_kafka_clients_silent")[0] > 0.0);
    proxy.hide_brokers(false);
    server
        .until_ready(PATIENCE, |status, _| status == 200)
        .await;
    show.reserve(&server, &["A-4"]).await;
    let metrics = server.metrics().await;
    assert_eq!(metric(&metrics, "onsale_kafka_clients_silent"), [0.0]);
    let replaced = metric(&metrics, "onsale_kafka_client_replacements_total");
    assert!(replaced.iter().sum::<f64>() > 0.0, "{replaced:?}");
    let (code, out, err) = server.verb(&["verify"]);
    assert_eq!(code, Some(0), "{out}{err}");
}
