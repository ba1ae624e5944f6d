//! Links and ends of chains that were changed by hand.

use onsale_store::audit::Problem;

use super::{about, force, found, ids, literal, trail, verify};
use crate::build::id;
use crate::harness::{Bench, contract};

contract!(
    an_end_that_was_shortened_is_named,
    a_beginning_that_was_moved_is_named,
    a_link_that_is_gone_is_named,
    a_link_that_was_changed_is_named,
    a_tail_that_was_cut_off_shows_by_its_end,
    a_chain_that_was_cut_with_its_end_shows_by_an_anchor,
    a_chain_without_its_end_is_named,
    links_are_never_changed_or_deleted,
);

/// Where the last link stays, and what is written down of the end says that it is not there.
async fn an_end_that_was_shortened_is_named(bench: Bench) {
    trail(&bench.store).await;
    let ids = ids(&bench, id(1)).await;
    let tenant = literal(&bench, id(1));
    let sql = format!(
        "UPDATE audit_chains SET links = 2, entries = 2, hash = (SELECT hash FROM audit_links \
         WHERE tenant_id = {tenant} AND link = 2) WHERE tenant_id = {tenant}"
    );
    bench.store.by_hand(&sql).await.unwrap();
    let changed = Problem::EndChanged { link: 2 };
    let audit_id = ids[2];
    let unlinked = Problem::EntryNotLinked { audit_id };
    assert_eq!(
        found(&bench, &[]).await,
        [(Some(id(1)), changed), (Some(id(1)), unlinked)]
    );
}

/// Links that are said to be deleted because they are old, and are neither.
async fn a_beginning_that_was_moved_is_named(bench: Bench) {
    trail(&bench.store).await;
    let tenant = literal(&bench, id(1));
    let sql = format!(
        "UPDATE audit_chains SET dropped_links = links, dropped_entries = entries, \
         dropped_hash = hash WHERE tenant_id = {tenant}"
    );
    bench.store.by_hand(&sql).await.unwrap();
    let findings = found(&bench, &[]).await;
    let moved = Problem::BeginningChanged { link: 3 };
    assert!(findings.contains(&(Some(id(1)), moved)), "{findings:?}");
    assert_eq!(findings.len(), 4, "each entry has no link: {findings:?}");
}

async fn a_link_that_is_gone_is_named(bench: Bench) {
    trail(&bench.store).await;
    let ids = ids(&bench, id(1)).await;
    let tenant = literal(&bench, id(1));
    let sql = format!("DELETE FROM audit_links WHERE tenant_id = {tenant} AND link = 2");
    force(&bench, &sql).await;
    let findings = found(&bench, &[]).await;
    let gone = Problem::LinksMissing { first: 2, last: 2 };
    let unlinked = Problem::EntryNotLinked { audit_id: ids[1] };
    assert_eq!(findings, [(Some(id(1)), gone), (Some(id(1)), unlinked)]);
}

async fn a_link_that_was_changed_is_named(bench: Bench) {
    trail(&bench.store).await;
    let tenant = literal(&bench, id(1));
    let sql = format!(
        "UPDATE audit_links SET last_ms = last_ms + 1 WHERE tenant_id = {tenant} AND link = 2"
    );
    force(&bench, &sql).await;
    let changed = Problem::LinkChanged { link: 2 };
    assert_eq!(found(&bench, &[]).await, [(Some(id(1)), changed)]);
}

/// What takes the last link of the tenant and its entry away.
async fn cut(bench: &Bench) {
    let last = *ids(bench, id(1)).await.last().unwrap();
    let tenant = literal(bench, id(1));
    force(
        bench,
        &format!(
            "DELETE FROM audit WHERE audit_id = {last}; \
             DELETE FROM audit_links WHERE tenant_id = {tenant} AND last_audit_id = {last}"
        ),
    )
    .await;
}

async fn a_tail_that_was_cut_off_shows_by_its_end(bench: Bench) {
    trail(&bench.store).await;
    cut(&bench).await;
    let gone = Problem::LinksMissing { first: 3, last: 3 };
    assert_eq!(found(&bench, &[]).await, [(Some(id(1)), gone)]);
}

async fn a_chain_that_was_cut_with_its_end_shows_by_an_anchor(bench: Bench) {
    trail(&bench.store).await;
    let anchors = verify(&bench).await.anchors;
    cut(&bench).await;
    let tenant = literal(&bench, id(1));
    let sql = format!(
        "UPDATE audit_chains SET links = 2, entries = 2, \
         hash = (SELECT hash FROM audit_links WHERE tenant_id = {tenant} AND link = 2), \
         last_audit_id = (SELECT last_audit_id FROM audit_links \
         WHERE tenant_id = {tenant} AND link = 2) WHERE tenant_id = {tenant}"
    );
    force(&bench, &sql).await;
    assert_eq!(
        found(&bench, &[]).await,
        [],
        "nothing in the database says so"
    );
    let differs = Problem::AnchorDiffers { link: 3 };
    let expected = [(Some(id(1)), differs)];
    assert_eq!(found(&bench, &anchors).await, expected);
    // Nor does another entry in its place help.
    bench
        .store
        .append_audit(about(Some(id(1)), 7))
        .await
        .unwrap();
    assert_eq!(found(&bench, &anchors).await, expected);
}

async fn a_chain_without_its_end_is_named(bench: Bench) {
    trail(&bench.store).await;
    let anchors = verify(&bench).await.anchors;
    let tenant = literal(&bench, id(1));
    let sql = format!("DELETE FROM audit_chains WHERE tenant_id = {tenant}");
    force(&bench, &sql).await;
    assert_eq!(
        found(&bench, &[]).await,
        [(Some(id(1)), Problem::EndMissing)]
    );
    // Not even the links are there.
    let sql = format!("DELETE FROM audit_links WHERE tenant_id = {tenant}");
    force(&bench, &sql).await;
    let differs = Problem::AnchorDiffers { link: 3 };
    let mut expected = vec![(Some(id(1)), differs)];
    for audit_id in ids(&bench, id(1)).await {
        expected.push((Some(id(1)), Problem::EntryNotLinked { audit_id }));
    }
    assert_eq!(found(&bench, &anchors).await, expected);
}

async fn links_are_never_changed_or_deleted(bench: Bench) {
    trail(&bench.store).await;
    for sql in [
        "UPDATE audit_links SET last_ms = last_ms + 1",
        "DELETE FROM audit_links",
        "DELETE FROM audit_links WHERE link = 3",
    ] {
        let error = bench.try_tamper(sql).await.unwrap_err();
        assert!(error.to_string().contains("append-only"), "{sql}: {error}");
    }
    let more = if bench.url.starts_with("sqlite") {
        "INSERT OR REPLACE INTO audit_links SELECT * FROM audit_links"
    } else {
        "TRUNCATE audit_links"
    };
    let error = bench.try_tamper(more).await.unwrap_err();
    assert!(error.to_string().contains("append-only"), "{error}");
    assert!(verify(&bench).await.is_sound());
}
