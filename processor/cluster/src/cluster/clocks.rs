//! Clocks of the nodes and of the broker.

use futures::future::{join_all, try_join_all};
use onsale_processor::node::status::{ClockOnNode, NodeStatus};
use onsale_schemas::{Command, NodeName, Outcome, PartitionId, Staff};

use super::{ANSWER_PATIENCE, Cluster, ClusterError, unavailable};

/// Where nodes are asked to take the clocks as right.
const CLOCK_RESET: &str = "/internal/clock/reset";

/// Machine time of a partition was set, in milliseconds since 1970.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ClockSet {
    /// The partition.
    pub partition: PartitionId,
    /// Machine time before.
    pub from_ms: u64,
    /// Machine time from the record on.
    pub to_ms: u64,
}

impl Cluster {
    /// Where the clocks of all processors stand, as they say.
    ///
    /// # Errors
    /// [`ClusterError::Unavailable`] when no processor says.
    pub fn clocks(&self) -> Result<Vec<(NodeName, ClockOnNode)>, ClusterError> {
        let list = self.nodes.list();
        let of_node = |node: &NodeStatus| {
            let name = node.node.clone();
            let clocks = node.clocks.clone().into_iter();
            clocks.map(move |clock| (name.clone(), clock))
        };
        let clocks: Vec<_> = list.alive().flat_map(of_node).collect();
        if clocks.is_empty() {
            let why = "no processor says where its clock stands";
            return Err(ClusterError::Unavailable(why.to_owned()));
        }
        Ok(clocks)
    }

    /// Takes the broker's clock as right, by a record in the log of each of these partitions, which
    /// says that `by` asked.
    ///
    /// # Errors
    /// [`ClusterError::Refused`] where the log does not know how yet, [`ClusterError::Unavailable`]
    /// when a node or the log does not answer; each says which partitions were set all the same.
    pub async fn reset_clock(
        &self,
        partitions: Vec<PartitionId>,
        by: Staff,
    ) -> Result<Vec<ClockSet>, ClusterError> {
        // The nodes that hold the broker's clock to theirs: the operator has set those as well.
        let list = self.nodes.list();
        let nodes = list.alive().filter(|node| !node.partitions.is_empty());
        let asked = nodes.map(|node| async {
            let peers = &self.peers;
            let done = peers.post_within(ANSWER_PATIENCE, node, CLOCK_RESET, &());
            let () = done.await.map_err(|error| unavailable(&error))?;
            Ok(())
        });
        let _all: Vec<()> = try_join_all(asked).await?;
        let set = partitions
            .into_iter()
            .map(|partition| self.reset_one(partition, by));
        all_or_what_was_set(join_all(set).await)
    }

    /// What is wrong with the broker's clock, where every processor that is there says so: one alone
    /// may have a wrong clock itself.
    pub(super) fn broker_clock_problem(&self) -> Option<String> {
        let list = self.nodes.list();
        let said = list.alive().filter(|node| !node.clocks.is_empty());
        let mut said = said.map(|node| {
            let broker = node.clocks.iter().find(|clock| clock.clock == "broker");
            broker.and_then(|clock| clock.problem.clone())
        });
        let first = said.next()??;
        said.all(|problem| problem.is_some()).then_some(first)
    }

    /// Has a record take machine time of a partition to the time that the broker stamps it with.
    async fn reset_one(&self, partition: PartitionId, by: Staff) -> Result<ClockSet, ClusterError> {
        let unanswered = || {
            ClusterError::Unavailable(format!(
                "partition {partition} has not answered; look at `onsale clock status`"
            ))
        };
        let received = self.submit(partition, Command::ResetClock, Some(by))?;
        let answer = tokio::time::timeout(ANSWER_PATIENCE, received).await;
        let record = answer
            .map_err(|_| unanswered())?
            .map_err(|_| unanswered())?;
        let record = record.map_err(|error| ClusterError::Unavailable(error.to_string()))?;
        match record.outcome {
            Outcome::ClockReset { from_ms, to_ms } => Ok(ClockSet {
                partition,
                from_ms,
                to_ms,
            }),
            other => {
                let needed = Command::ResetClock.machine_version();
                Err(ClusterError::Refused {
                    field: "partition",
                    why: format!(
                        "partition {partition} answered {other:?}: a clock is reset from machine \
                         version {needed} on, which a barrier in the log switches on once every node \
                         is upgraded"
                    ),
                    expected: format!("a partition of machine version {needed} or later"),
                })
            }
        }
    }
}

/// The partitions that were set; if one was not, an error that says which ones were.
fn all_or_what_was_set(
    results: Vec<Result<ClockSet, ClusterError>>,
) -> Result<Vec<ClockSet>, ClusterError> {
    let (mut set, mut failed) = (Vec::new(), Vec::new());
    for result in results {
        match result {
            Ok(one) => set.push(one),
            Err(error) => failed.push(error),
        }
    }
    let Some(error) = failed.into_iter().next() else {
        return Ok(set);
    };
    if set.is_empty() {
        return Err(error);
    }
    let set: Vec<String> = set.iter().map(|set| set.partition.to_string()).collect();
    let set = format!("machine time of partitions {} was set", set.join(", "));
    Err(match error {
        ClusterError::Refused {
            field,
            why,
            expected,
        } => ClusterError::Refused {
            field,
            why: format!("{why}; {set}"),
            expected,
        },
        ClusterError::Unavailable(why) => ClusterError::Unavailable(format!("{why}; {set}")),
        ClusterError::NoDatabase(why) => ClusterError::NoDatabase(format!("{why}; {set}")),
        ClusterError::Failed(why) => ClusterError::Failed(format!("{why}; {set}")),
        unknown @ ClusterError::UnknownPartition(_) => unknown,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partition_that_fails_does_not_hide_those_that_were_set() {
        let set = |partition| {
            Ok(ClockSet {
                partition: PartitionId(partition),
                from_ms: 2,
                to_ms: 1,
            })
        };
        let silent = || {
            Err(ClusterError::Unavailable(
                "partition 1 has not answered".to_owned(),
            ))
        };
        let error = all_or_what_was_set(vec![set(0), silent(), set(2)]).unwrap_err();
        let expected = "partition 1 has not answered; machine time of partitions 0, 2 was set";
        assert_eq!(error.to_string(), expected);
        assert_eq!(
            all_or_what_was_set(vec![silent()]),
            silent().map(|_: ClockSet| Vec::new())
        );
        assert_eq!(all_or_what_was_set(vec![set(0), set(1)]).unwrap().len(), 2);
    }
}
