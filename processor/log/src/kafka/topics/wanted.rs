//! How the topics have to be configured.

use super::super::KafkaSettings;
use super::super::clients::MESSAGE_MAX_BYTES;
use super::Finding;
use super::admin::Found;

const HOUR_MS: u64 = 3_600_000;
/// Statuses are rewritten all the time: old ones are removed after about this long.
const NODES_SEGMENT_MS: u64 = HOUR_MS;
const CONFIGS: &str = "kafka-configs.sh";
/// Why the number of partitions matters.
pub(super) const PARTITIONS_WHY: &str =
    "the number of partitions decides where a show is, and is frozen with the first command";
const TOPICS: &str = "kafka-topics.sh";

/// A topic as it has to be.
pub(super) struct Wanted {
    pub(super) name: String,
    pub(super) partitions: u16,
    rules: Vec<Rule>,
}

/// A setting of a topic and its required value.
struct Rule {
    name: &'static str,
    /// The value that a new topic gets.
    value: String,
    accepts: Accepts,
    why: &'static str,
    fatal: bool,
}

enum Accepts {
    /// Just the value.
    Exactly,
    /// A number of at least the value.
    AtLeast,
    /// A number of at least the value; -1 is no limit.
    AtLeastOrNone,
    /// Anything: only new topics get the value.
    Anything,
}

impl Rule {
    fn is_kept_by(&self, found: &str) -> bool {
        let at_least = || {
            found
                .parse::<i128>()
                .ok()
                .zip(self.value.parse::<i128>().ok())
                .is_some_and(|(found, value)| found >= value)
        };
        match self.accepts {
            Accepts::Exactly => found == self.value,
            Accepts::AtLeast => at_least(),
            Accepts::AtLeastOrNone => found == "-1" || self.value != "-1" && at_least(),
            Accepts::Anything => true,
        }
    }
}

/// All topics.
pub(super) fn topics(settings: &KafkaSettings) -> Vec<Wanted> {
    let stamped = |value: &str, why| Rule {
        name: "message.timestamp.type",
        value: value.to_owned(),
        accepts: Accepts::Exactly,
        why,
        fatal: true,
    };
    let mut commands = vec![stamped(
        "LogAppendTime",
        "only the broker's clock may stamp commands",
    )];
    commands.extend(kept(settings));
    commands.extend(safe(settings));
    let mut outcomes = vec![
        stamped(
            "CreateTime",
            "an outcome carries the time of its command, by which projectors find their position",
        ),
        Rule {
            name: "message.timestamp.after.max.ms",
            value: i64::MAX.to_string(),
            accepts: Accepts::Anything,
            why: "an outcome is as old as its command",
            fatal: false,
        },
    ];
    outcomes.extend(kept(settings));
    outcomes.extend(safe(settings));
    let mut nodes = vec![
        Rule {
            name: "cleanup.policy",
            value: "compact".to_owned(),
            accepts: Accepts::Exactly,
            why: "the newest status of each node is kept, older ones are not",
            fatal: true,
        },
        stamped(
            "LogAppendTime",
            "one clock measures the age of all statuses",
        ),
        Rule {
            name: "segment.ms",
            value: NODES_SEGMENT_MS.to_string(),
            accepts: Accepts::Anything,
            why: "only closed segments are compacted",
            fatal: false,
        },
    ];
    nodes.extend(safe(settings));
    vec![
        Wanted {
            name: settings.commands_topic(),
            partitions: settings.partitions,
            rules: commands,
        },
        Wanted {
            name: settings.outcomes_topic(),
            partitions: settings.partitions,
            rules: outcomes,
        },
        Wanted {
            name: settings.nodes_topic(),
            partitions: 1,
            rules: nodes,
        },
    ]
}

/// Rules of topics whose records must not disappear.
fn kept(settings: &KafkaSettings) -> [Rule; 3] {
    let retention_ms = match settings.retention_hours {
        0 => "-1".to_owned(),
        hours => hours.saturating_mul(HOUR_MS).to_string(),
    };
    [
        Rule {
            name: "cleanup.policy",
            value: "delete".to_owned(),
            accepts: Accepts::Exactly,
            why: "compaction would remove records from the middle of the log",
            fatal: true,
        },
        Rule {
            name: "retention.ms",
            value: retention_ms,
            accepts: Accepts::AtLeastOrNone,
            why: "records would be deleted before kafka.retention_hours is over",
            fatal: true,
        },
        Rule {
            name: "retention.bytes",
            value: "-1".to_owned(),
            accepts: Accepts::Exactly,
            why: "records would be deleted by size, however new they are",
            fatal: true,
        },
    ]
}

/// Rules of every topic.
fn safe(settings: &KafkaSettings) -> [Rule; 3] {
    [
        Rule {
            name: "min.insync.replicas",
            value: settings.min_insync.to_string(),
            accepts: Accepts::AtLeast,
            why: "an acknowledged record would be on fewer brokers than kafka.min_insync",
            fatal: true,
        },
        Rule {
            name: "unclean.leader.election.enable",
            value: "false".to_owned(),
            accepts: Accepts::Exactly,
            why: "a broker that is behind could take over and lose acknowledged records",
            // With one copy no broker can take over.
            fatal: settings.replication > 1,
        },
        Rule {
            name: "max.message.bytes",
            value: MESSAGE_MAX_BYTES.to_string(),
            accepts: Accepts::AtLeast,
            why: "the largest shows would be refused",
            fatal: true,
        },
    ]
}

impl Wanted {
    /// The settings of a new topic.
    pub(super) fn to_create(&self) -> impl Iterator<Item = (&str, &str)> {
        self.rules
            .iter()
            .map(|rule| (rule.name, rule.value.as_str()))
    }

    /// The command that creates the topic.
    pub(super) fn create_command(&self, settings: &KafkaSettings) -> String {
        let mut command = format!(
            "{TOPICS} --bootstrap-server {} --create --topic {} --partitions {} --replication-factor {}",
            settings.brokers, self.name, self.partitions, settings.replication
        );
        for (name, value) in self.to_create() {
            command.push_str(&format!(" --config {name}={value}"));
        }
        command
    }

    /// What is wrong, where earlier nodes were started with `recorded` partitions.
    pub(super) fn findings(
        &self,
        settings: &KafkaSettings,
        found: Option<&Found>,
        recorded: Option<u16>,
    ) -> Vec<Finding> {
        let Some(found) = found else {
            return vec![Finding {
                topic: self.name.clone(),
                setting: "topic".to_owned(),
                found: "missing".to_owned(),
                expected: "there".to_owned(),
                why: "it is part of the log",
                remedy: self.create_command(settings),
                fatal: true,
            }];
        };
        let mut findings = Vec::new();
        if found.partitions != usize::from(self.partitions) {
            // Every record names its partition, so additional ones change nothing for the existing
            // ones.
            let was_raised = found.partitions > usize::from(self.partitions)
                && recorded == Some(settings.partitions);
            findings.push(Finding {
                topic: self.name.clone(),
                setting: "partitions".to_owned(),
                found: found.partitions.to_string(),
                expected: self.partitions.to_string(),
                why: PARTITIONS_WHY,
                remedy: if was_raised {
                    "nothing has to be done: nodes use the first ones, as before, and the \
                     others stay empty (Kafka cannot remove them). Leave log.partitions as it is"
                        .to_owned()
                } else {
                    format!(
                        "set log.partitions to the number that the commands topic was created with; if it was \
                         created by mistake and never used, delete it or choose another kafka.topic_prefix \
                         than {}",
                        settings.topic_prefix
                    )
                },
                fatal: !was_raised,
            });
        }
        if found.replication < usize::from(settings.replication) {
            findings.push(Finding {
                topic: self.name.clone(),
                setting: "replication".to_owned(),
                found: found.replication.to_string(),
                expected: format!("at least {}", settings.replication),
                why: "fewer brokers than kafka.replication have each record",
                remedy:
                    "move the topic with kafka-reassign-partitions.sh, or lower kafka.replication"
                        .to_owned(),
                fatal: true,
            });
        }
        for rule in &self.rules {
            // A broker that does not know a setting lacks the feature.
            let Some(value) = found.settings.get(rule.name) else {
                continue;
            };
            if !rule.is_kept_by(value) {
                findings.push(self.finding(settings, rule, value));
            }
        }
        findings
    }

    fn finding(&self, settings: &KafkaSettings, rule: &Rule, found: &str) -> Finding {
        let at_least =
            matches!(rule.accepts, Accepts::AtLeast | Accepts::AtLeastOrNone) && rule.value != "-1";
        Finding {
            topic: self.name.clone(),
            setting: rule.name.to_owned(),
            found: found.to_owned(),
            expected: if at_least {
                format!("at least {}", rule.value)
            } else {
                rule.value.clone()
            },
            why: rule.why,
            remedy: format!(
                "{CONFIGS} --bootstrap-server {} --alter --entity-type topics --entity-name {} \
                 --add-config {}={}",
                settings.brokers, self.name, rule.name, rule.value
            ),
            fatal: rule.fatal,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn as_made(wanted: &Wanted) -> Found {
        Found {
            partitions: usize::from(wanted.partitions),
            replication: 1,
            all_led: true,
            settings: wanted
                .to_create()
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect::<BTreeMap<_, _>>(),
        }
    }

    #[test]
    fn a_topic_as_we_make_it_is_as_we_want_it() {
        let settings = KafkaSettings::default();
        for wanted in topics(&settings) {
            assert_eq!(
                wanted.findings(&settings, Some(&as_made(&wanted)), None),
                []
            );
        }
    }

    #[test]
    fn every_wrong_setting_is_found() {
        let settings = KafkaSettings {
            retention_hours: 2,
            min_insync: 2,
            replication: 3,
            ..KafkaSettings::default()
        };
        let wanted = &topics(&settings)[0];
        // (setting, wrong value, better value)
        let table = [
            ("message.timestamp.type", "CreateTime", "LogAppendTime"),
            ("cleanup.policy", "compact", "delete"),
            ("cleanup.policy", "compact,delete", "delete"),
            ("retention.ms", "7199999", "7200001"),
            ("retention.ms", "0", "-1"),
            ("retention.bytes", "1073741824", "-1"),
            ("min.insync.replicas", "1", "3"),
            ("unclean.leader.election.enable", "true", "false"),
            ("max.message.bytes", "1048588", "99999999"),
        ];
        for (name, wrong, better) in table {
            let mut found = as_made(wanted);
            found.replication = 3;
            found.settings.insert(name.to_owned(), wrong.to_owned());
            let findings = wanted.findings(&settings, Some(&found), None);
            assert_eq!(findings.len(), 1, "{name}={wrong}: {findings:?}");
            assert!(findings[0].fatal);
            assert_eq!((&*findings[0].setting, &*findings[0].found), (name, wrong));
            found.settings.insert(name.to_owned(), better.to_owned());
            assert_eq!(
                wanted.findings(&settings, Some(&found), None),
                [],
                "{name}={better}"
            );
        }
    }

    #[test]
    fn records_kept_for_ever_are_not_to_be_kept_for_a_week() {
        let settings = KafkaSettings::default();
        let wanted = &topics(&settings)[1];
        let mut found = as_made(wanted);
        found
            .settings
            .insert("retention.ms".to_owned(), "604800000".to_owned());
        let findings = wanted.findings(&settings, Some(&found), None);
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].expected, "-1");
    }

    #[test]
    fn fewer_copies_and_other_partitions_are_found() {
        let settings = KafkaSettings {
            replication: 3,
            ..KafkaSettings::default()
        };
        let wanted = &topics(&settings)[0];
        let mut found = as_made(wanted);
        found.partitions += 1;
        let settings_found: Vec<_> = wanted
            .findings(&settings, Some(&found), None)
            .into_iter()
            .map(|finding| finding.setting)
            .collect();
        assert_eq!(settings_found, ["partitions", "replication"]);
    }

    /// The topics were given more partitions than the log was created with.
    #[test]
    fn added_partitions_stay_empty_and_stop_nothing() {
        let settings = KafkaSettings::default();
        let wanted = &topics(&settings)[0];
        let mut found = as_made(wanted);
        found.partitions += 2;
        let fatal = |found: &Found, recorded| {
            let findings = wanted.findings(&settings, Some(found), recorded);
            findings.iter().any(|finding| finding.fatal)
        };
        assert!(!fatal(&found, Some(settings.partitions)));
        assert!(
            fatal(&found, None),
            "nothing says that it was created with fewer"
        );
        assert!(fatal(&found, Some(settings.partitions + 2)));
        found.partitions = 3;
        assert!(fatal(&found, Some(settings.partitions)));
    }

    #[test]
    fn a_finding_says_what_where_and_how_to_mend_it() {
        let settings = KafkaSettings::default();
        let wanted = &topics(&settings)[0];
        let mut found = as_made(wanted);
        found
            .settings
            .insert("message.timestamp.type".to_owned(), "CreateTime".to_owned());
        let message = wanted.findings(&settings, Some(&found), None)[0].to_string();
        assert_eq!(
            message,
            "topic onsale.commands: message.timestamp.type is CreateTime, expected LogAppendTime \
             (only the broker's clock may stamp commands); to correct it: kafka-configs.sh \
             --bootstrap-server 127.0.0.1:9092 --alter --entity-type topics --entity-name \
             onsale.commands --add-config message.timestamp.type=LogAppendTime"
        );
    }

    #[test]
    fn a_missing_topic_is_a_finding_with_the_command_that_makes_it() {
        let settings = KafkaSettings::default();
        let findings = topics(&settings)[2].findings(&settings, None, None);
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].setting, "topic");
        assert!(
            findings[0].remedy.starts_with(
                "kafka-topics.sh --bootstrap-server 127.0.0.1:9092 --create --topic onsale.nodes \
                 --partitions 1 --replication-factor 1 --config cleanup.policy=compact"
            ),
            "{}",
            findings[0].remedy
        );
    }
}
