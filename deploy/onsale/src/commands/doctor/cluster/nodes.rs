//! What the nodes report of themselves.

use onsale_cluster::{NodeList, twice_advice};
use onsale_processor::node::status::NodeStatus;

use super::Heard;
use crate::commands::doctor::check::Check;
use crate::commands::doctor::machine::{FREE_LOW_BYTES, FREE_MIN_BYTES};
use crate::config::{Config, Leads, NodeRole, leads};

/// Clocks that differ by more are reported, in milliseconds. Times in the log are the broker's, so
/// only tokens and log lines suffer.
const SKEW_MAX_MS: u64 = 1_000;

/// Nodes that give nodes of other machines a loopback address, for snapshots and reconciliation.
pub(super) fn machines(list: &NodeList, checks: &mut Vec<Check>) {
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

pub(super) fn nodes(config: &Config, heard: &Heard, checks: &mut Vec<Check>) {
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

pub(super) fn clocks(heard: &Heard, checks: &mut Vec<Check>) {
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
pub(super) fn identities(list: &NodeList, checks: &mut Vec<Check>) {
    for node in list.twice() {
        let found = format!("several processes run with node.id {node}");
        checks.push(Check::warning("nodes", found, twice_advice(node)));
    }
}
