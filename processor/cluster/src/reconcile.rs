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
use crate::ownership;
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
    let mut whole = Applied::default();
    let mut failures = Vec::new();
    for (node, part) in &parts {
        let asked = Apply {
            report: part.clone(),
            by: Some(by.clone()),
        };
        let applied: Result<Applied, _> =
            peers.post(node, "/internal/reconcile/apply", &asked).await;
        match applied {
            Ok(applied) => {
                whole.repaired += applied.repaired;
                whole.gone += applied.gone;
                whole.projection_moved |= applied.projection_moved;
                whole.left.extend(applied.left);
            }
            Err(error) => failures.push((part, error)),
        }
    }
    // Where every owner failed there is nothing to say beside that.
    if failures.len() == parts.len()
        && let Some((_, error)) = failures.pop()
    {
        return Err(error.into());
    }
    for (part, error) in failures {
        let partitions = part.positions.iter().map(|position| position.partition);
        let partitions: Vec<PartitionId> = partitions.collect();
        whole.left.push(format!(
            "partitions {}: not repaired, or only in part: {}; make a new report",
            ownership::names(&partitions),
            with_causes(&error)
        ));
    }
    Ok(whole)
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::routing::post;
    use onsale_auth::{AuthConfig, Identity, PeerTokens, Role};
    use onsale_log::kafka::NodeRecord;
    use onsale_schemas::{TenantId, UserId};
    use onsale_settings::Secret;
    use serde_json::json;

    use super::*;
    use crate::http_client;

    fn operator(user: u8) -> Actor {
        Actor {
            id: Some(UserId::from_bytes([user; 16]).0),
            role: "operator".to_owned(),
            tenant_id: None,
            request_id: None,
        }
    }

    #[test]
    fn an_operator_repairs_under_no_other_name() {
        let asks = Admitted::Operator(Identity {
            user: UserId::from_bytes([7; 16]),
            role: Role::Operator,
            tenant: TenantId::from_bytes([0; 16]),
            expires_at_seconds: 0,
        });
        for by in [None, Some(operator(1))] {
            assert_eq!(actor(asks, by), operator(7));
        }
        assert_eq!(actor(Admitted::Node, Some(operator(1))), operator(1));
        assert_eq!(actor(Admitted::Node, None).role, "node");
    }

    /// Nodes that own a partition each, by number, and answer to a part that is to be applied with these
    /// statuses.
    async fn nodes(statuses: &[StatusCode]) -> NodeList {
        let mut list = NodeList::default();
        for (partition, status) in statuses.iter().copied().enumerate() {
            let applied = Applied {
                repaired: 1,
                ..Applied::default()
            };
            let answer = move || match status {
                StatusCode::OK => Ok(Json(applied.clone())),
                status => Err(Refusal::new(status, "the disk is full")),
            };
            let apply = move || std::future::ready(answer());
            let routes = Router::new()
                .route("/internal/reconcile/check", post(async || Json(())))
                .route("/internal/reconcile/apply", post(apply));
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let url = format!("http://{}", listener.local_addr().unwrap());
            let serving = axum::serve(listener, routes);
            tokio::spawn(async move { serving.await });
            let node = format!("processor-{partition}");
            let status = json!({
                "node": node, "roles": ["processor"], "version": "", "url": url,
                "operations_url": url, "clock_ms": 0, "disk_free_bytes": null, "problems": [],
                "projected": [], "stopping": false,
                "partitions": [{
                    "partition": partition, "role": "owner", "epoch": 1, "owner": node,
                    "next_offset": 7, "end_offset": 7, "digest": "", "snapshot": null,
                    "published": null, "is_at_end": true, "unpublished": 0, "live_holds": 0,
                    "stopped": null,
                }],
            });
            list.take(NodeRecord {
                node,
                time_ms: 1_000,
                status: status.to_string().into_bytes(),
            });
        }
        list
    }

    async fn applied(statuses: &[StatusCode]) -> Result<Applied, FanOutError> {
        let auth = AuthConfig::default();
        let secret = Secret::new("c".repeat(32));
        let tokens = PeerTokens::new("ingress-1", Some(&secret), &auth).unwrap();
        let peers = Peers::new(http_client::build(None).unwrap(), tokens);
        let positions: Vec<_> = (0..statuses.len())
            .map(|partition| json!({ "partition": partition, "next_offset": 7, "digest": "" }))
            .collect();
        let report = serde_json::from_value(json!({
            "version": 1, "log_id": "", "created_at_ms": 0, "positions": positions,
            "checked": { "shows": 0, "bookings": 0 }, "differences": [],
        }));
        let list = nodes(statuses).await;
        apply_all(&list, &peers, &report.unwrap(), &operator(1)).await
    }

    #[tokio::test]
    async fn what_one_owner_has_repaired_is_said_when_another_fails() {
        let failed = StatusCode::INTERNAL_SERVER_ERROR;
        let some = applied(&[StatusCode::OK, failed]).await.unwrap();
        assert_eq!(some.repaired, 1);
        assert_eq!(some.left.len(), 1, "{some:?}");
        let left = &some.left[0];
        for part in ["1", "processor-1", "500", "the disk is full"] {
            assert!(left.contains(part), "{left}");
        }
        for status in [failed, StatusCode::BAD_REQUEST] {
            let none = applied(&[status, status]).await.unwrap_err();
            assert!(
                matches!(&none, FanOutError::Peer(PeerError::Refused { status: answered, .. })
                    if answered.as_u16() == status.as_u16()),
                "{none}"
            );
        }
    }
}
