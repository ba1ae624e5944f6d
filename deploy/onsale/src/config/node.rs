//! Who a process is and what it does.

use onsale_schemas::NodeName;
use onsale_schemas::limits::NODE_NAME_MAX_BYTES;
use serde::{Deserialize, Serialize};

use super::Problem;

/// What a process does in the distributed mode.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum NodeRole {
    /// Takes requests and answers them.
    Ingress,
    /// Runs seat machines.
    Processor,
    /// Writes outcomes into the database.
    Projector,
    /// Does the jobs of the queue.
    Worker,
}

impl NodeRole {
    /// All of them.
    pub(crate) const ALL: [Self; 4] = [
        Self::Ingress,
        Self::Processor,
        Self::Projector,
        Self::Worker,
    ];
    /// Those that the embedded log needs. One process has to have them all.
    const EMBEDDED: [Self; 3] = [Self::Ingress, Self::Processor, Self::Projector];

    /// Its name in configuration and status.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Ingress => "ingress",
            Self::Processor => "processor",
            Self::Projector => "projector",
            Self::Worker => "worker",
        }
    }
}

impl std::str::FromStr for NodeRole {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|role| role.as_str() == text)
            .ok_or_else(|| "expected ingress, processor, projector or worker".to_owned())
    }
}

/// Who this process is.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct NodeConfig {
    /// Its name in the log, unique among the nodes.
    pub id: String,
    /// What it does. With the embedded log one process does all of it, whether worker is named or
    /// not.
    pub roles: Vec<NodeRole>,
    /// Where other nodes and operators reach it; if it is not set `http://<http.listen>`, or `https://`
    /// with a certificate.
    pub advertise_url: Option<String>,
    /// Where other nodes reach its operations listener; if it is not set
    /// `http://<http.operations_listen>`, or `https://` with a certificate.
    /// With Kafka it has to be set where any address of the node is not on loopback.
    pub operations_advertise_url: Option<String>,
}

impl Default for NodeConfig {
    fn default() -> Self {
        Self {
            id: "node-1".to_owned(),
            roles: NodeRole::ALL.to_vec(),
            advertise_url: None,
            operations_advertise_url: None,
        }
    }
}

impl NodeConfig {
    /// Whether this process has the role.
    pub(crate) fn is(&self, role: NodeRole) -> bool {
        self.roles.contains(&role)
    }

    pub(super) fn check(&self, problems: &mut Vec<Problem>, distributed: bool) {
        if !NodeName::is_name(&self.id) {
            problems.push(Problem::new(
                "node.id",
                format!("{:?}", self.id),
                format!("1 to {NODE_NAME_MAX_BYTES} letters, digits, '-', '_' or '.'"),
            ));
        }
        let has_all = NodeRole::EMBEDDED.iter().all(|role| self.is(*role));
        if self.roles.is_empty() || (!distributed && !has_all) {
            let names: Vec<&str> = self.roles.iter().map(|role| role.as_str()).collect();
            problems.push(Problem::new(
                "node.roles",
                format!("{names:?}"),
                if distributed {
                    "one or more of ingress, processor, projector, worker".to_owned()
                } else {
                    "ingress, processor and projector: without kafka.brokers one process does all \
                     of it"
                        .to_owned()
                },
            ));
        }
        for (key, url) in [
            ("node.advertise_url", &self.advertise_url),
            (
                "node.operations_advertise_url",
                &self.operations_advertise_url,
            ),
        ] {
            if let Some(url) = url
                && !url.starts_with("http://")
                && !url.starts_with("https://")
            {
                problems.push(Problem::new(
                    key,
                    super::shown_url(url),
                    "a URL such as http://10.0.0.5:8080",
                ));
            }
        }
    }
}
