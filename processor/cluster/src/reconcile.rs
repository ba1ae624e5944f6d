//! Reconciliation between nodes: each compares and repairs by the machines that it holds.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use futures::future::try_join_all;
use onsale_auth::Admitted;
use onsale_processor::node::reconcile::ReconcileError;
use onsale_processor::reconcile::{Applied, Report};
use onsale_schemas::{NodeName, PartitionId};
use onsale_store::audit::Actor;
use serde::{Deserialize, Serialize};

use crate::cluster::with_causes;
use crate::internal::{Internal, OfPartitions, Refusal};
use crate::nodes::NodeList;
use crate::peers::{PeerError, Peers};

/// A report to be applied, and the operator on whose behalf a node asks for it; one of an earlier
/// version does not say.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Apply {
    #[serde(flatten)]
    report: Report,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    by: Option<Actor>,
}

pub(crate) async fn report(
    State(internal): State<Arc<Internal>>,
    Json(of): Json<OfPartitions>,
) -> Result<Json<Report>, Refusal> {
    let node = internal.node()?.clone();
    let (store, counts) = (internal.store.clone(), internal.counts.clone());
    to_its_end(async move {
        node.reconcile(&of.partitions, &store, counts.as_ref())
            .await
    })
    .await
}

pub(crate) async fn check(
    State(internal): State<Arc<Internal>>,
    Json(report): Json<Report>,
) -> Result<Json<()>, Refusal> {
    let node = internal.node()?;
    let checked = node.check_reconciliation(&report).await;
    checked.map(Json).map_err(refusal)
}

pub(crate) async fn apply(
    State(internal): State<Arc<Internal>>,
    Extension(admitted): Extension<Admitted>,
    Json(asked): Json<Apply>,
) -> Result<Json<Applied>, Refusal> {
    let node = internal.node()?.clone();
    let (store, counts) = (internal.store.clone(), internal.counts.clone());
    to_its_end(async move {
        let Apply { report, by } = asked;
        let by = actor(admitted, by);
        node.apply_reconciliation(&report, &store, counts.as_ref(), Some(&by))
            .await
    })
    .await
}

/// Who repairs, for the audit trail. A node says on whose behalf it asks; an operator who asks directly is
/// the one of the token, whatever the body says.
fn actor(admitted: Admitted, by: Option<Actor>) -> Actor {
    match (admitted, by) {
        (Admitted::Operator(identity), _) => Actor {
            id: Some(identity.user.0),
            role: identity.role.as_str().to_owned(),
            tenant_id: None,
            request_id: None,
            origin: None,
        },
        (Admitted::Node, Some(by)) => by,
        (Admitted::Node, None) => Actor::node(),
    }
}

/// Does the work on a task of its own: a repair has several steps, and a caller that goes away must not
/// leave it between two of them.
async fn to_its_end<T: Send + 'static>(
    work: impl Future<Output = Result<T, ReconcileError>> + Send + 'static,
) -> Result<Json<T>, Refusal> {
    let done = tokio::spawn(work).await.map_err(Refusal::failed)?;
    done.map(Json).map_err(refusal)
}

fn refusal(error: ReconcileError) -> Refusal {
    match error {
        ReconcileError::Refused(_) => Refusal::new(StatusCode::BAD_REQUEST, error),
        ReconcileError::Moving(_) => Refusal::new(StatusCode::SERVICE_UNAVAILABLE, error),
        error => Refusal::failed(error),
    }
}

/// Why owners could not be asked for their parts.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FanOutError {
    /// Nobody owns it.
    #[error("partition {0} has no owner at the moment")]
    NoOwner(PartitionId),
    /// Nothing to ask for.
    #[error("there are no partitions")]
    NoPartitions,
    /// A node did not do it.
    #[error(transparent)]
    Peer(#[from] PeerError),
}

/// The owner of each partition, by owner.
fn by_owner(
    list: &NodeList,
    partitions: impl Iterator<Item = PartitionId>,
) -> Result<BTreeMap<NodeName, Vec<PartitionId>>, FanOutError> {
    let mut owners: BTreeMap<NodeName, Vec<PartitionId>> = BTreeMap::new();
    for partition in partitions {
        let owner = list
            .replicas(partition)
            .and_then(|replicas| replicas.owner)
            .filter(|owner| list.node(owner).is_some())
            .ok_or(FanOutError::NoOwner(partition))?;
        owners.entry(owner).or_default().push(partition);
    }
    Ok(owners)
}

/// Has every owner compare what it owns, all at once; one report of all.
pub(crate) async fn reconcile_all(
    list: &NodeList,
    peers: &Peers,
    partitions: u16,
) -> Result<Report, FanOutError> {
    let owners = by_owner(list, (0..partitions).map(PartitionId))?;
    let asked = owners.into_iter().filter_map(|(owner, partitions)| {
        let node = list.node(&owner)?;
        let of = OfPartitions { partitions };
        Some(async move { peers.post(node, "/internal/reconcile", &of).await })
    });
    let parts: Vec<Report> = try_join_all(asked).await?;
    let whole = parts.into_iter().reduce(join);
    whole.ok_or(FanOutError::NoPartitions)
}

fn join(mut whole: Report, part: Report) -> Report {
    whole.positions.extend(part.positions);
    whole.positions.sort_by_key(|position| position.partition);
    whole.checked.shows += part.checked.shows;
    whole.checked.bookings += part.checked.bookings;
    whole.checked.ended += part.checked.ended;
    whole.checked.ended_not_compared += part.checked.ended_not_compared;
    whole.projection_behind = both(whole.projection_behind, part.projection_behind);
    whole.redis_unreachable = both(whole.redis_unreachable, part.redis_unreachable);
    whole.differences.extend(part.differences);
    whole
}

fn both(one: Option<String>, other: Option<String>) -> Option<String> {
    match (one, other) {
        (Some(one), Some(other)) => Some(format!("{one}; {other}")),
        (one, other) => one.or(other),
    }
}

/// Has every owner repair its part of a report, once none of them refuses it. What an owner does not
/// repair is left, and says why; the parts of the others are repaired nevertheless.
///
/// # Errors
/// When an owner refuses its part beforehand, or none of them repairs any.
pub(crate) async fn apply_all(
    list: &NodeList,
    peers: &Peers,
    report: &Report,
    by: &Actor,
) -> Result<Applied, FanOutError> {
    let partitions = report.positions.iter().map(|position| position.partition);
    let mut parts = Vec::new();
    for (owner, partitions) in by_owner(list, partitions)? {
        let Some(node) = list.node(&owner) else {
            continue;
        };
        let mut part = report.clone();
        part.positions
            .retain(|position| partitions.contains(&position.partition));
        part.differences
            .retain(|difference| partitions.contains(&difference.partition));
        parts.push((node, part));
    }
    for (node, part) in &parts {
        let () = peers.post(node, "/internal/reconcile/check", part).await?;
    }
    let mut results = Vec::new();
    for (node, part) in parts {
        let part = Apply {
            report: part,
            by: Some(by.clone()),
        };
        results.push(peers.post(node, "/internal/reconcile/apply", &part).await);
    }
    Ok(joined(results)?)
}

/// What all owners did together. What some could not do is left, so that nobody loses sight of what the
/// others did; it is an error where none did anything.
fn joined(results: Vec<Result<Applied, PeerError>>) -> Result<Applied, PeerError> {
    let mut whole = Applied::default();
    let mut failed = Vec::new();
    let all = results.len();
    for result in results {
        match result {
            Ok(applied) => {
                whole.repaired += applied.repaired;
                whole.gone += applied.gone;
                whole.projection_moved |= applied.projection_moved;
                whole.left.extend(applied.left);
            }
            Err(error) => failed.push(error),
        }
    }
    if failed.len() == all
        && let Some(error) = failed.pop()
    {
        return Err(error);
    }
    let left = failed.iter().map(|error| {
        let why = with_causes(error);
        format!("{why}: its partitions were not repaired; make a new report and apply that")
    });
    whole.left.extend(left);
    Ok(whole)
}

#[cfg(test)]
mod tests {
    use onsale_auth::{Identity, Role};
    use onsale_schemas::{TenantId, UserId};

    use super::*;
    use crate::cluster::{ClusterError, not_applied};

    fn refused(status: StatusCode) -> PeerError {
        PeerError::Refused {
            node: NodeName("processor-2".to_owned()),
            url: "http://127.0.0.1:1".to_owned(),
            status,
            why: "the database does not answer".to_owned(),
        }
    }

    fn repaired(repaired: u64) -> Applied {
        Applied {
            repaired,
            ..Applied::default()
        }
    }

    #[test]
    fn what_one_owner_repaired_is_known_although_another_failed() {
        let failure = refused(StatusCode::INTERNAL_SERVER_ERROR);
        let whole = joined(vec![Ok(repaired(2)), Err(failure), Ok(repaired(3))]).unwrap();
        assert_eq!(whole.repaired, 5);
        assert_eq!(whole.left.len(), 1);
        assert!(whole.left[0].contains("processor-2"), "{:?}", whole.left);
        assert!(joined(vec![Err(refused(StatusCode::BAD_REQUEST))]).is_err());
        assert_eq!(joined(Vec::new()).unwrap(), Applied::default());
    }

    #[test]
    fn only_what_an_owner_refuses_is_the_callers_fault() {
        let of = |status| not_applied(FanOutError::Peer(refused(status)));
        assert!(matches!(
            of(StatusCode::BAD_REQUEST),
            ClusterError::Refused { .. }
        ));
        assert!(matches!(
            of(StatusCode::INTERNAL_SERVER_ERROR),
            ClusterError::Failed(_)
        ));
        assert!(matches!(
            of(StatusCode::SERVICE_UNAVAILABLE),
            ClusterError::Unavailable(_)
        ));
        let unowned = not_applied(FanOutError::NoOwner(PartitionId(3)));
        assert!(matches!(unowned, ClusterError::Unavailable(_)));
    }

    fn operator(user: u8) -> Actor {
        Actor {
            id: Some(UserId::from_bytes([user; 16]).0),
            role: "operator".to_owned(),
            tenant_id: None,
            request_id: None,
            origin: None,
        }
    }

    #[test]
    fn an_operator_repairs_under_no_other_name() {
        let asks = Admitted::Operator(Identity {
            user: UserId::from_bytes([7; 16]),
            role: Role::Operator,
            tenant: TenantId::from_bytes([0; 16]),
            member: None,
            session: None,
            email_verified: false,
            guest: None,
            expires_at_seconds: 0,
        });
        for by in [None, Some(operator(1))] {
            assert_eq!(actor(asks, by), operator(7));
        }
        assert_eq!(actor(Admitted::Node, Some(operator(1))), operator(1));
        assert_eq!(actor(Admitted::Node, None).role, "node");
    }
}
