//! What may be wrong with a cluster: topics, nodes, clocks, disks, standbys, the projection.

mod nodes;
mod partitions;
mod projection;

use std::time::{Duration, Instant};

use onsale_cluster::{NodeList, recorded_partitions};
use onsale_log::kafka::{KafkaError, KafkaSettings, NodesConsumer, check, refuse_faked_clock};
use onsale_processor::clock;
use onsale_processor::node::status::NodeStatus;
use onsale_schemas::PartitionId;

use self::nodes::{clocks, identities, machines, nodes};
use self::partitions::{partitions, snapshots};
use super::check::Check;
use crate::config::Config;

pub(super) use self::projection::look_at_projection;

/// How long to listen to the nodes at most; each reports once a second.
const LISTEN: Duration = Duration::from_millis(3_000);
/// Foreign records that are named.
const FOREIGN_MAX: usize = 8;

/// What was heard.
struct Heard {
    list: NodeList,
    /// Nodes that reported meanwhile, with how far their clocks and this one were from the
    /// broker's.
    spoke: Vec<(String, u64, u64)>,
}

/// Looks at topics and nodes.
pub(super) fn look(config: &Config, checks: &mut Vec<Check>) {
    if let Err(error) = refuse_faked_clock() {
        checks.push(Check::failed("clock", error.to_string(), "run without it"));
        return;
    }
    let settings = config.kafka_settings();
    if !topics(&settings, checks) {
        return;
    }
    match listen(&settings) {
        Ok(heard) => {
            nodes(config, &heard, checks);
            machines(&heard.list, checks);
            clocks(&heard, checks);
            partitions(config, &heard.list, checks);
            identities(&heard.list, checks);
            foreign(&settings, &heard.list, checks);
            snapshots(&settings, &heard.list, checks);
        }
        Err(error) => checks.push(Check::failed(
            "nodes",
            error.to_string(),
            "look at the brokers; before the first start there is no such topic, and it creates it",
        )),
    }
}

fn topics(settings: &KafkaSettings, checks: &mut Vec<Check>) -> bool {
    match check(settings, || recorded_partitions(settings)) {
        Ok(findings) if findings.is_empty() => {
            checks.push(Check::ok("topics", "as they should be"));
            true
        }
        Ok(findings) => {
            let is_usable = findings.iter().all(|finding| finding.setting != "topic");
            for finding in findings {
                let found = format!(
                    "{}: {} is {}, expected {} ({})",
                    finding.topic, finding.setting, finding.found, finding.expected, finding.why
                );
                checks.push(if finding.fatal {
                    Check::failed("topics", found, finding.remedy)
                } else {
                    Check::warning("topics", found, finding.remedy)
                });
            }
            is_usable
        }
        Err(error) => {
            checks.push(Check::failed(
                "kafka",
                error.to_string(),
                "start the brokers, or correct kafka.brokers and kafka.properties",
            ));
            false
        }
    }
}

/// Listens until every living node has reported.
fn listen(settings: &KafkaSettings) -> Result<Heard, KafkaError> {
    let mut consumer = NodesConsumer::new(settings)?;
    let mut heard = Heard {
        list: NodeList::default(),
        spoke: Vec::new(),
    };
    let deadline = Instant::now() + LISTEN;
    let mut is_at_end = false;
    while Instant::now() < deadline {
        let was_at_end = is_at_end;
        let Heard { list, spoke } = &mut heard;
        is_at_end |= consumer.poll(Duration::from_millis(100), |record| {
            // Earlier reports may be old.
            if was_at_end && let Ok(status) = serde_json::from_slice::<NodeStatus>(&record.status) {
                let skew = status.clock_ms.abs_diff(record.time_ms);
                let own_skew = clock::now_ms().abs_diff(record.time_ms);
                spoke.retain(|(node, _, _)| *node != record.node);
                spoke.push((record.node.clone(), skew, own_skew));
            }
            list.take(record);
        })?;
        // Silent ones are waited for to the end.
        let Heard { list, spoke } = &heard;
        let has_spoken = |name: &str| spoke.iter().any(|(node, _, _)| node == name);
        let all_spoke = list.alive().all(|status| has_spoken(&status.node.0));
        if is_at_end && !spoke.is_empty() && all_spoke {
            break;
        }
    }
    Ok(heard)
}

/// Foreign records in the topics, as the nodes report them.
fn foreign(settings: &KafkaSettings, list: &NodeList, checks: &mut Vec<Check>) {
    let mut found: Vec<(&str, PartitionId, u64, &str)> = list
        .alive()
        .flat_map(|node| &node.foreign)
        .map(|record| {
            let topic = record.topic.as_str();
            (topic, record.partition, record.offset, record.why.as_str())
        })
        .collect();
    let own = settings.foreign.newest(FOREIGN_MAX);
    found.extend(own.iter().map(|record| {
        let topic = record.topic.as_str();
        (topic, record.partition, record.offset, record.why.as_str())
    }));
    found.sort_unstable();
    found.dedup_by_key(|(topic, partition, offset, _)| (*topic, *partition, *offset));
    for (topic, partition, offset, why) in found.iter().take(FOREIGN_MAX) {
        checks.push(Check::warning(
            "topics",
            format!("record {offset} of partition {partition} of {topic} is foreign: {why}"),
            "it is skipped and nothing has to be deleted; find who wrote it, and let only nodes write \
             to the topics (ACLs: deploy/kafka/production.md)",
        ));
    }
    if found.len() > FOREIGN_MAX {
        let found = format!("{} more such records", found.len() - FOREIGN_MAX);
        checks.push(Check::warning("topics", found, "see the nodes' logs"));
    }
}

#[cfg(test)]
mod tests {
    use onsale_log::kafka::NodeRecord;

    use super::*;

    /// What `doctor` finds about the addresses that nodes give: public and operations URL.
    fn found(nodes: &[(&str, &str)]) -> Vec<String> {
        let mut list = NodeList::default();
        for (number, (url, operations_url)) in nodes.iter().enumerate() {
            let node = format!("node-{number}");
            let status = serde_json::json!({
                "node": node, "roles": ["ingress"], "version": "", "url": url,
                "operations_url": operations_url, "clock_ms": 0, "disk_free_bytes": null,
                "problems": [], "partitions": [], "projected": [], "stopping": false,
            });
            list.take(NodeRecord {
                node,
                time_ms: 1_000,
                status: serde_json::to_vec(&status).unwrap(),
            });
        }
        let mut checks = Vec::new();
        machines(&list, &mut checks);
        checks.into_iter().map(|check| check.found).collect()
    }

    #[test]
    fn nodes_that_others_would_ask_on_loopback_are_named() {
        let away = ("http://10.0.0.5:8080", "http://10.0.0.5:8081");
        let half = ("http://10.0.0.6:8080", "http://127.0.0.1:8081");
        let home = ("http://127.0.0.1:8080", "http://127.0.0.1:8081");
        let warning = |number, at| {
            format!(
                "node-{number} gives its address as http://127.0.0.1:8081, and another node is at {at}"
            )
        };
        assert_eq!(found(&[away, half]), [warning(1, "http://10.0.0.5:8080")]);
        assert_eq!(found(&[home, away]), [warning(0, "http://10.0.0.5:8080")]);
        // One machine, or one node: no other machine asks.
        assert_eq!(found(&[home, home]), Vec::<String>::new());
        assert_eq!(found(&[half]), Vec::<String>::new());
        assert_eq!(
            found(&[away, ("http://10.0.0.6:8080", "http://10.0.0.6:8081")]),
            Vec::<String>::new()
        );
        // A listening address is not one to connect to.
        let listens = ("http://10.0.0.6:8080", "http://0.0.0.0:8081");
        assert_eq!(found(&[away, listens]).len(), 1);
    }
}
