//! Partitions, their standbys and their snapshots.

use onsale_cluster::NodeList;
use onsale_log::LogReader as _;
use onsale_log::kafka::{KafkaReader, KafkaSettings};
use onsale_processor::node::status::MemberRole;
use onsale_schemas::{NodeName, PartitionId};

use crate::commands::doctor::check::Check;
use crate::config::Config;
use crate::output;

/// A standby further behind is not a hot one, in records.
const STANDBY_BEHIND_MAX_RECORDS: u64 = 100_000;

/// Snapshots, as the nodes report them, compared with where the log begins.
pub(super) fn snapshots(settings: &KafkaSettings, list: &NodeList, checks: &mut Vec<Check>) {
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

pub(super) fn partitions(config: &Config, list: &NodeList, checks: &mut Vec<Check>) {
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
