//! Making and checking the topics.

mod admin;
mod wanted;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use xxhash_rust::xxh3::xxh3_128;

use self::admin::{Admin, Found};
use self::wanted::Wanted;
use super::{KafkaError, KafkaSettings};

/// How long topics that were just created may take to get their leaders.
const LEADERS_TIMEOUT: Duration = Duration::from_secs(30);
/// Pause between looks at them.
const LEADERS_POLL: Duration = Duration::from_millis(50);

/// The topics as they are.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Topics {
    /// Identifies this log, so that a snapshot of another one is never mistaken for one of this: a
    /// hash of the cluster's id and the name of the commands topic.
    pub log_id: [u8; 16],
    /// Partitions of commands and outcomes.
    pub partitions: u16,
}

/// A setting of a topic that is wrong.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    /// The topic.
    pub topic: String,
    /// The setting, as in `message.timestamp.type`.
    pub setting: String,
    /// What it is.
    pub found: String,
    /// What it has to be.
    pub expected: String,
    /// What goes wrong otherwise.
    pub why: &'static str,
    /// The command that corrects it, or what to do where no command can.
    pub remedy: String,
    /// True when a node refuses to start with it; false when it is only a warning.
    pub fatal: bool,
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "topic {}: {} is {}, expected {} ({}); to correct it: {}",
            self.topic, self.setting, self.found, self.expected, self.why, self.remedy
        )
    }
}

/// Creates missing topics (where the settings allow it) and checks all of them. Blocks; call it
/// from a thread that may block.
///
/// # Errors
/// [`KafkaError::Broker`] when the brokers do not answer, [`KafkaError::NoTopic`],
/// [`KafkaError::WrongTopics`] with every wrong setting.
pub fn ensure(settings: &KafkaSettings) -> Result<Topics, KafkaError> {
    ensure_as(settings, || None)
}

/// As [`ensure`], where `recorded` returns the number of partitions that earlier nodes of this log
/// were started with. It is called only where the topics existed before. The number decides where a
/// show is, so another one is refused, whatever the topics have by now.
///
/// # Errors
/// As [`ensure`].
pub fn ensure_as(
    settings: &KafkaSettings,
    recorded: impl FnOnce() -> Option<u16>,
) -> Result<Topics, KafkaError> {
    let admin = Admin::new(settings)?;
    let wanted = wanted::topics(settings);
    let mut found = admin.describe(&wanted)?;
    let recorded = found
        .contains_key(&settings.nodes_topic())
        .then(recorded)
        .flatten();
    let missing: Vec<&Wanted> = wanted
        .iter()
        .filter(|topic| !found.contains_key(&topic.name))
        .collect();
    if !missing.is_empty() {
        if !settings.create_topics {
            return Err(KafkaError::NoTopic {
                topic: missing
                    .iter()
                    .map(|topic| topic.name.as_str())
                    .collect::<Vec<_>>()
                    .join(", "),
                command: missing
                    .iter()
                    .map(|topic| topic.create_command(settings))
                    .collect::<Vec<_>>()
                    .join(" && "),
            });
        }
        admin.create(&missing)?;
    }
    // Another node may have created them just now.
    let led = |topic: &Wanted| found.get(&topic.name).is_some_and(|found| found.all_led);
    if !wanted.iter().all(led) {
        found = wait_for_leaders(&admin, &wanted)?;
    }
    let (fatal, warnings): (Vec<_>, Vec<_>) = findings(settings, &wanted, &found, recorded)
        .into_iter()
        .partition(|finding| finding.fatal);
    for warning in warnings {
        tracing::warn!("{warning}");
    }
    if !fatal.is_empty() {
        return Err(KafkaError::WrongTopics(fatal));
    }
    Ok(Topics {
        log_id: log_id(&admin.cluster_id()?, &settings.commands_topic()),
        partitions: settings.partitions,
    })
}

/// Which log the commands topic is, by its cluster and its name; `None` where there is no such
/// topic. Creates nothing. Blocks.
///
/// # Errors
/// [`KafkaError::Broker`] when the brokers do not answer.
pub fn identity(settings: &KafkaSettings) -> Result<Option<[u8; 16]>, KafkaError> {
    let admin = Admin::new(settings)?;
    let commands = settings.commands_topic();
    let found = admin.describe(&wanted::topics(settings))?;
    if !found.contains_key(&commands) {
        return Ok(None);
    }
    Ok(Some(log_id(&admin.cluster_id()?, &commands)))
}

/// Everything about the topics that differs from the settings, changing nothing (for `doctor`). A
/// missing topic is a finding with setting `topic`. `recorded` is as in [`ensure_as`]. Blocks.
///
/// # Errors
/// [`KafkaError::Broker`] when the brokers do not answer.
pub fn check(
    settings: &KafkaSettings,
    recorded: impl FnOnce() -> Option<u16>,
) -> Result<Vec<Finding>, KafkaError> {
    let wanted = wanted::topics(settings);
    let found = Admin::new(settings)?.describe(&wanted)?;
    let recorded = found
        .contains_key(&settings.nodes_topic())
        .then(recorded)
        .flatten();
    Ok(findings(settings, &wanted, &found, recorded))
}

/// Deletes the topics, with everything in them.
#[cfg(test)]
pub(super) fn delete(settings: &KafkaSettings) -> Result<(), KafkaError> {
    let wanted = wanted::topics(settings);
    let names: Vec<&str> = wanted.iter().map(|topic| topic.name.as_str()).collect();
    Admin::new(settings)?.delete(&names)
}

fn findings(
    settings: &KafkaSettings,
    wanted: &[Wanted],
    found: &BTreeMap<String, Found>,
    recorded: Option<u16>,
) -> Vec<Finding> {
    let other = recorded.filter(|recorded| *recorded != settings.partitions);
    let of_record = other.map(|recorded| Finding {
        topic: settings.commands_topic(),
        setting: "the number of partitions that its nodes were started with".to_owned(),
        found: recorded.to_string(),
        expected: settings.partitions.to_string(),
        why: wanted::PARTITIONS_WHY,
        remedy: format!(
            "set log.partitions = {recorded}, also where the topic has been given more partitions: \
             they stay empty; for a new log, choose another kafka.topic_prefix than {}",
            settings.topic_prefix
        ),
        fatal: true,
    });
    let of_topics = wanted
        .iter()
        .flat_map(|topic| topic.findings(settings, found.get(&topic.name), recorded));
    of_record.into_iter().chain(of_topics).collect()
}

fn wait_for_leaders(
    admin: &Admin<'_>,
    wanted: &[Wanted],
) -> Result<BTreeMap<String, Found>, KafkaError> {
    let began = Instant::now();
    loop {
        let found = admin.describe(wanted)?;
        let led = |topic: &Wanted| found.get(&topic.name).is_some_and(|found| found.all_led);
        if wanted.iter().all(led) || began.elapsed() > LEADERS_TIMEOUT {
            return Ok(found);
        }
        std::thread::sleep(LEADERS_POLL);
    }
}

fn log_id(cluster_id: &str, topic: &str) -> [u8; 16] {
    // A topic name has no zero byte, so no two pairs run together.
    xxh3_128(format!("{cluster_id}\0{topic}").as_bytes()).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Topics and settings both raised by hand: the nodes before say that the log has fewer.
    #[test]
    fn another_number_than_the_nodes_were_started_with_is_refused() {
        let settings = KafkaSettings {
            partitions: 6,
            ..KafkaSettings::default()
        };
        let about_partitions = |recorded| -> Vec<Finding> {
            let mut found = findings(&settings, &[], &BTreeMap::new(), recorded);
            found.retain(|finding| finding.fatal);
            found
        };
        assert_eq!(about_partitions(None), []);
        assert_eq!(about_partitions(Some(6)), []);
        let refused = about_partitions(Some(4));
        assert_eq!(refused.len(), 1);
        assert!(
            refused[0].remedy.contains("log.partitions = 4"),
            "{}",
            refused[0]
        );
    }

    #[test]
    fn the_log_id_is_for_ever_and_tells_logs_apart() {
        let id = log_id("MkU3OEVBNTcwNTJENDM2Qk", "onsale.commands");
        assert_eq!(id, log_id("MkU3OEVBNTcwNTJENDM2Qk", "onsale.commands"));
        assert_ne!(id, log_id("MkU3OEVBNTcwNTJENDM2Qk", "other.commands"));
        assert_ne!(id, log_id("nkU3OEVBNTcwNTJENDM2Qk", "onsale.commands"));
        assert_eq!(
            u128::from_le_bytes(id),
            xxh3_128(b"MkU3OEVBNTcwNTJENDM2Qk\0onsale.commands")
        );
    }
}
