//! Keys of programs.

use onsale_store::account::ApiKeyRow;
use onsale_store::store::KEPT_API_KEYS_PER_TENANT_MAX;

use super::{TENANT, by};
use crate::accounts::{DAY_MS, NOW_MS, api_key, opera};
use crate::build::id;
use crate::harness::{Bench, contract};

contract!(
    good_keys_are_listed_first_and_old_ones_forgotten,
    a_tenant_keeps_a_bounded_number_of_keys,
);

/// A key that expires a while after the others were created.
fn key_until(number: u8, expires_at_ms: Option<u64>) -> ApiKeyRow {
    ApiKeyRow {
        expires_at_ms,
        created_at_ms: NOW_MS + u64::from(number),
        ..api_key(number)
    }
}

async fn good_keys_are_listed_first_and_old_ones_forgotten(bench: Bench) {
    let store = &bench.store;
    store.add_tenant(&opera(TENANT), None, by()).await.unwrap();
    let short = Some(NOW_MS + 1_000);
    let keys = [
        key_until(1, short),
        key_until(2, short),
        key_until(3, None),
        key_until(4, Some(NOW_MS + DAY_MS)),
    ];
    for key in &keys {
        assert!(store.add_api_key(key, by()).await.unwrap());
    }
    let at_ms = NOW_MS + 2_000;
    let listed = async |limit: u32| {
        let rows = store.api_keys_of(id(TENANT), at_ms, limit).await.unwrap();
        let hashes = rows.into_iter().map(|row| row.key_hash[0]);
        hashes.collect::<Vec<u8>>()
    };
    assert_eq!(listed(9).await, [3, 4, 1, 2]);
    assert_eq!(listed(2).await, [3, 4]);
    let created = store.api_keys_created_by(id(TENANT), id(1), at_ms).await;
    assert_eq!(created.unwrap(), [keys[2].key_id, keys[3].key_id]);
    let created = store.api_keys_created_by(id(TENANT), id(2), at_ms).await;
    assert!(created.unwrap().is_empty());
    let revoked = store.revoke_api_key(id(TENANT), keys[3].key_id, NOW_MS + 1_500, by());
    assert!(revoked.await.unwrap().is_some());
    assert_eq!(store.forget_api_keys(NOW_MS + 1_000).await.unwrap(), 0);
    assert_eq!(store.forget_api_keys(NOW_MS + 1_001).await.unwrap(), 2);
    assert_eq!(store.forget_api_keys(NOW_MS + 1_501).await.unwrap(), 1);
    assert_eq!(listed(9).await, [3]);
}

async fn a_tenant_keeps_a_bounded_number_of_keys(bench: Bench) {
    let store = &bench.store;
    store.add_tenant(&opera(TENANT), None, by()).await.unwrap();
    assert!(store.add_api_key(&api_key(1), by()).await.unwrap());
    // With the first, all but one of those that it may have; these expire at once.
    bench
        .tamper(if bench.url.starts_with("sqlite") {
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 998) \
             INSERT INTO api_keys (key_id, tenant_id, name, key_hash, scopes, created_at_ms, \
             expires_at_ms) SELECT randomblob(16), tenant_id, name, randomblob(32), scopes, \
             created_at_ms, created_at_ms + 1 FROM api_keys, n"
        } else {
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 998) \
             INSERT INTO api_keys (key_id, tenant_id, name, key_hash, scopes, created_at_ms, \
             expires_at_ms) SELECT gen_random_uuid(), tenant_id, name, \
             sha256(gen_random_uuid()::text::bytea), scopes, created_at_ms, created_at_ms + 1 \
             FROM api_keys, n"
        })
        .await;
    for (number, is_added) in [(2, true), (3, false)] {
        let key = key_until(number, None);
        assert_eq!(store.add_api_key(&key, by()).await.unwrap(), is_added);
    }
    let max = KEPT_API_KEYS_PER_TENANT_MAX;
    let listed = store.api_keys_of(id(TENANT), NOW_MS + 5, max + 1).await;
    assert_eq!(listed.unwrap().len(), usize::try_from(max).unwrap());
}
