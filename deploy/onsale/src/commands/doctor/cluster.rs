//! What may be wrong with a cluster: topics, nodes, clocks, disks, standbys, the projection.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use onsale_cluster::{NodeList, recorded_partitions, twice_advice};
use onsale_log::LogReader as _;
use onsale_log::kafka::{
    KafkaError, KafkaReader, KafkaSettings, NodesConsumer, OutcomeConsumer, OutcomeEvent,
    OutcomeStart, check, refuse_faked_clock,
};
use onsale_processor::clock;
use onsale_processor::node::status::{MemberRole, NodeStatus};
use onsale_schemas::{NodeName, Offset, PartitionId};
use onsale_store::Store;
use onsale_store::booking::projected_offset;

use super::{Check, FREE_LOW_BYTES, FREE_MIN_BYTES};
use crate::config::{Config, Leads, NodeRole, leads};
use crate::output;

/// How long to listen to the nodes at most; each reports once a second.
const LISTEN: Duration = Duration::from_millis(3_000);
/// Clocks that differ by more are reported, in milliseconds. Times in the log are the broker's, so
/// only tokens and log lines suffer.
const SKEW_MAX_MS: u64 = 1_000;
/// A standby further behind is not a hot one, in records.
const STANDBY_BEHIND_MAX_RECORDS: u64 = 100_000;
/// A projection further behind than this is reported, in records.
const PROJECTION_BEHIND_MAX_RECORDS: u64 = 10_000;

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

/// Nodes that give nodes of other machines a loopback address, for snapshots and reconciliation.
fn machines(list: &NodeList, checks: &mut Vec<Check>) {
    let urls = |status: &NodeStatus| [status.url.clone(), status.operations_url().to_owned()];
    let is_away = |url: &String| leads(url) == Leads::Away;
    let elsewhere: Vec<String> = list.alive().flat_map(urls).filter(is_away).collect();
    for status in list.alive() {
        let url = status.operations_url();
        // Its own public address says nothing of where the others are.
        let Some(other) = elsewhere.iter().find(|other| **other != status.url) else {
            continue;
        };
        if leads(url) != Leads::Away {
            checks.push(Check::warning(
                "nodes",
                format!(
                    "{} gives its address as {url}, and another node is at {other}",
                    status.node.0
                ),
                "set node.operations_advertise_url of that node to where the others reach it, such \
                 as http://10.0.0.5:8081, and http.operations_listen to an address of its machine",
            ));
        }
    }
}

fn nodes(config: &Config, heard: &Heard, checks: &mut Vec<Check>) {
    let spoke = |name: &str| heard.spoke.iter().any(|(node, _, _)| node == name);
    let mut alive = Vec::new();
    for node in heard.list.all() {
        let (status, name) = (&node.status, node.status.node.0.as_str());
        if !spoke(name) {
            checks.push(Check::warning(
                "nodes",
                format!("{name} ({}) is silent", status.roles.join(", ")),
                format!(
                    "start it again, or see its log; it was last at {}",
                    status.url
                ),
            ));
            continue;
        }
        alive.push(name.to_owned());
        for problem in &status.problems {
            let found = format!("{name}: {problem}");
            let advice = format!("look at the log of {name} for when it began and what led to it");
            checks.push(Check::warning("nodes", found, advice));
        }
        if let Some(free) = status.disk_free_bytes {
            let found = format!("{name}: {} MiB free", free >> 20);
            if free < FREE_MIN_BYTES {
                let advice = "free space: it cannot write snapshots";
                checks.push(Check::failed("disk", found, advice));
            } else if free < FREE_LOW_BYTES {
                checks.push(Check::warning("disk", found, "free space soon"));
            }
        }
    }
    for name in &config.cluster.processors {
        if !alive.contains(name) {
            checks.push(Check::failed(
                "nodes",
                format!("processor {name} of cluster.processors is not running"),
                "start it; until then its partitions have one replica less",
            ));
        }
    }
    let has = |role: NodeRole| {
        let role = role.as_str();
        let mut alive = heard.list.alive();
        alive.any(|status| spoke(&status.node.0) && status.roles.iter().any(|name| name == role))
    };
    if !has(NodeRole::Worker) {
        checks.push(Check::warning(
            "worker",
            "none is there",
            "start a node with the role worker (the projector's node can have it too); until then the \
             jobs of the queue wait",
        ));
    }
    if !has(NodeRole::Projector) {
        checks.push(Check::failed(
            "projector",
            "none is there",
            "start a node with the role projector; meanwhile sales go on, but bookings cannot be read",
        ));
    }
    checks.push(Check::ok("nodes", format!("heard {}", alive.join(", "))));
}

fn clocks(heard: &Heard, checks: &mut Vec<Check>) {
    let mut is_right = true;
    for (node, skew, own_skew) in &heard.spoke {
        // Whatever the transit takes, both reports took the same way.
        if *skew > SKEW_MAX_MS {
            is_right = false;
            checks.push(Check::warning(
                "clock",
                format!("{node} is {skew} ms from the broker's clock"),
                "set the clocks (NTP): tokens expire at the wrong time",
            ));
        }
        if *own_skew > SKEW_MAX_MS && is_right {
            is_right = false;
            checks.push(Check::warning(
                "clock",
                format!("this machine is {own_skew} ms from the broker's clock"),
                "set the clocks (NTP): tokens expire at the wrong time",
            ));
        }
    }
    if is_right && !heard.spoke.is_empty() {
        checks.push(Check::ok("clock", "nodes and broker agree"));
    }
}

/// Ids that several processes have, and nodes of another log.
fn identities(list: &NodeList, checks: &mut Vec<Check>) {
    for node in list.twice() {
        let found = format!("several processes run with node.id {node}");
        checks.push(Check::warning("nodes", found, twice_advice(node)));
    }
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

/// Snapshots, as the nodes report them, compared with where the log begins.
fn snapshots(settings: &KafkaSettings, list: &NodeList, checks: &mut Vec<Check>) {
    let reader = match KafkaReader::new(settings) {
        Ok(reader) => reader,
        Err(error) => {
            checks.push(Check::failed(
                "snapshots",
                error.to_string(),
                "look at the brokers, and at kafka.brokers and kafka.properties",
            ));
            return;
        }
    };
    let (mut partitions_with, mut is_right) = (0u16, true);
    for partition in (0..settings.partitions).map(PartitionId) {
        let newest = list
            .alive()
            .flat_map(|node| &node.partitions)
            .filter(|on_node| on_node.partition == partition)
            .filter_map(|on_node| on_node.snapshot)
            .map(|snapshot| snapshot.next_offset)
            .max();
        partitions_with += u16::from(newest.is_some());
        let Ok((first, _)) = reader.bounds(partition) else {
            continue;
        };
        if first > 0 && newest.is_none_or(|next_offset| next_offset < first) {
            is_right = false;
            let snapshot = newest.map_or("none".to_owned(), |at| format!("at offset {at}"));
            checks.push(Check::failed(
                "snapshots",
                format!(
                    "partition {partition}: the log begins at offset {first}, the newest snapshot \
                     of a living node is {snapshot}: a processor could not start again"
                ),
                "run `onsale snapshot create` now, while a processor still runs; find out why \
                 records are gone (retention of the topic, manual deletion)",
            ));
        }
    }
    if is_right {
        let all = settings.partitions;
        checks.push(Check::ok(
            "snapshots",
            format!(
                "{partitions_with} of {} have one, and the log reaches back to each",
                output::count(all, "partition")
            ),
        ));
    }
}

fn partitions(config: &Config, list: &NodeList, checks: &mut Vec<Check>) {
    let mut is_right = true;
    let mut complain = |check: Check| {
        is_right = false;
        checks.push(check);
    };
    for partition in (0..config.log.partitions).map(PartitionId) {
        let Some(replicas) = list.replicas(partition) else {
            complain(Check::failed(
                "partitions",
                format!("no processor follows partition {partition}"),
                "start the processors; requests for it are not answered",
            ));
            continue;
        };
        let is_owned = replicas.owner.as_ref().is_some_and(|owner| {
            list.node(owner).is_some_and(|node| {
                let mut followed = node.partitions.iter();
                followed.any(|on| on.partition == partition && on.role == MemberRole::Owner)
            })
        });
        if !is_owned {
            let owner = replicas
                .owner
                .as_ref()
                .map_or("no node", |owner| owner.0.as_str());
            complain(Check::failed(
                "partitions",
                format!("partition {partition} is owned by {owner}, which does not serve it"),
                "a standby takes over by itself; look again, then see the processors' logs",
            ));
        }
        let wanted = usize::from(config.cluster.replicas).min(config.cluster.processors.len());
        match replicas.standby {
            None if wanted > 1 => complain(Check::warning(
                "standby",
                format!("partition {partition} has none"),
                "start the other processor, or see why it stopped",
            )),
            Some((node, standby)) => {
                let behind = replicas
                    .leading
                    .next_offset
                    .saturating_sub(standby.next_offset);
                if behind > STANDBY_BEHIND_MAX_RECORDS {
                    complain(Check::warning(
                        "standby",
                        format!(
                            "{} is {behind} records behind on partition {partition}",
                            node.node
                        ),
                        "it catches up by itself unless its machine is too slow",
                    ));
                }
            }
            None => {}
        }
    }
    for (node, on_node) in list
        .alive()
        .flat_map(|node| node.partitions.iter().map(move |on_node| (node, on_node)))
    {
        if let Some(why) = &on_node.stopped {
            let NodeName(name) = &node.node;
            complain(Check::failed(
                "standby",
                format!(
                    "{name} has stopped following partition {}: {why}",
                    on_node.partition
                ),
                "keep its data folder for inspection, then start it with an empty one",
            ));
        }
    }
    if is_right {
        checks.push(Check::ok(
            "partitions",
            "each has its owner and its standbys",
        ));
    }
}

/// Compares the database's position with what was published.
pub(super) async fn look_at_projection(config: &Config, checks: &mut Vec<Check>) {
    let Ok(url) = config.database_url() else {
        return;
    };
    // That was said already.
    if refuse_faked_clock().is_err() {
        return;
    }
    // That it cannot be reached was already reported.
    let Ok(store) = Store::connect(&url, 2).await else {
        return;
    };
    let store = store.for_installation();
    let Ok(watermarks) = store.watermarks().await else {
        return;
    };
    let settings = config.kafka_settings();
    let ends = tokio::task::spawn_blocking(move || last_outcomes(&settings)).await;
    let ends = match ends {
        Ok(Ok(ends)) => ends,
        Ok(Err(error)) => {
            checks.push(Check::failed(
                "outcomes",
                error.to_string(),
                "look at the brokers; before the first start there is no such topic, and it creates it",
            ));
            return;
        }
        Err(_) => return,
    };
    let mut is_right = true;
    for (partition, last) in ends {
        let projected = projected_offset(&watermarks, partition);
        let behind = (last + 1).saturating_sub(projected);
        if behind > PROJECTION_BEHIND_MAX_RECORDS {
            is_right = false;
            checks.push(Check::warning(
                "projection",
                format!("partition {partition} is {behind} records behind"),
                "see the projector's log; if it has stopped, run `onsale reconcile`",
            ));
        } else if projected > last + 1 {
            is_right = false;
            checks.push(Check::failed(
                "projection",
                format!(
                    "partition {partition}: the database has outcomes up to {projected}, the topic \
                     ends at {last}"
                ),
                "the database is of another log: check kafka.topic_prefix and database.url",
            ));
        }
    }
    if is_right {
        checks.push(Check::ok("projection", "the database keeps up"));
    }
}

/// The highest published outcome of each partition that has one.
fn last_outcomes(settings: &KafkaSettings) -> Result<BTreeMap<PartitionId, Offset>, KafkaError> {
    let mut consumer = OutcomeConsumer::new(settings)?;
    let partitions = (0..settings.partitions).map(PartitionId);
    let starts: Vec<_> = partitions.map(|p| (p, OutcomeStart::Last)).collect();
    consumer.assign(&starts)?;
    let mut last = BTreeMap::new();
    let mut open = starts.len();
    let deadline = Instant::now() + LISTEN;
    while open > 0 && Instant::now() < deadline {
        consumer.poll(Duration::from_millis(100), |event| match event {
            OutcomeEvent::Seen { partition, outcome } => {
                let highest = last.entry(partition).or_insert(outcome.offset);
                *highest = outcome.offset.max(*highest);
            }
            OutcomeEvent::End { .. } => open = open.saturating_sub(1),
            OutcomeEvent::Lost => {}
        })?;
    }
    Ok(last)
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
