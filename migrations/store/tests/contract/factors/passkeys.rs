//! Passkeys.

use onsale_store::StoreError;
use onsale_store::account::Mandate;
use onsale_store::factor::{Added, PASSKEYS_PER_USER_MAX, PasskeyRow, Proven};
use onsale_store::store::{Resealed, SealedColumn};

use super::{add_key, by, codes, factors, mandate, notice, open_with, passkey, sealed, signed};
use crate::accounts::{NOW_MS, add, open, session};
use crate::build::id;
use crate::harness::{Bench, contract};

contract!(
    a_passkey_signs_once_for_a_ceremony_and_keeps_its_counter,
    a_passkey_is_of_one_account,
    a_passkey_that_was_sealed_again_signs_with_the_same_ceremony,
);

async fn a_passkey_signs_once_for_a_ceremony_and_keeps_its_counter(bench: Bench) {
    add(&bench, 1).await;
    open(&bench, 1, 1).await;
    let store = &bench.store;
    let added = add_key(&bench, 1, 1).await.unwrap();
    assert_eq!(added, Added::Added { with_codes: true });
    assert!(store.has_second_factor(id(1)).await.unwrap());
    let found = store.passkey([1; 32]).await.unwrap();
    assert_eq!(found, Some(passkey(1, 1)));
    assert_eq!(store.passkey([2; 32]).await.unwrap(), None);
    let sign = |ceremony, from, to| signed(ceremony, from, to);
    let first = sign(2, "sealed credential", "counter 2");
    assert_eq!(
        open_with(&bench, 2, None, first.clone()).await,
        Proven::Opened
    );
    assert_eq!(open_with(&bench, 3, None, first).await, Proven::Used);
    let old = sign(3, "sealed credential", "counter 3");
    assert_eq!(open_with(&bench, 3, None, old).await, Proven::Used);
    let next = sign(3, "counter 2", "counter 3");
    assert_eq!(open_with(&bench, 3, None, next).await, Proven::Opened);
    let row = store.passkey([1; 32]).await.unwrap().unwrap();
    assert_eq!(row.credential, sealed("counter 3"));
    assert_eq!(row.last_used_at_ms, Some(session(3, 1).created_at_ms));
    // A ceremony that was used for signing in registers nothing.
    assert_eq!(add_key(&bench, 2, 3).await.unwrap(), Added::Gone);
}

async fn a_passkey_is_of_one_account(bench: Bench) {
    add(&bench, 1).await;
    open(&bench, 1, 1).await;
    for number in 1..=PASSKEYS_PER_USER_MAX {
        let key = u8::try_from(number).unwrap();
        let with_codes = number == 1;
        let added = add_key(&bench, key, number.into()).await.unwrap();
        assert_eq!(added, Added::Added { with_codes });
    }
    assert_eq!(add_key(&bench, 200, 200).await.unwrap(), Added::TooMany);
    assert_eq!(factors(&bench).await.passkeys.len(), 20);
    add(&bench, 2).await;
    open(&bench, 2, 2).await;
    let of_another = Mandate {
        user_id: id(2),
        session_id: session(2, 2).session_id,
        ..mandate()
    };
    let twin = PasskeyRow {
        passkey_id: id(0x900),
        ..passkey(1, 2)
    };
    let ceremony = (id(300), NOW_MS + 300_000);
    let taken = bench
        .store
        .add_passkey(&twin, ceremony, codes(), notice(), of_another, by())
        .await;
    assert!(
        matches!(taken, Err(StoreError::Exists("passkey"))),
        "{taken:?}"
    );
    assert!(!bench.store.has_second_factor(id(2)).await.unwrap());
}

async fn a_passkey_that_was_sealed_again_signs_with_the_same_ceremony(bench: Bench) {
    add(&bench, 1).await;
    open(&bench, 1, 1).await;
    add_key(&bench, 1, 1).await.unwrap();
    let read = bench.store.passkey([1; 32]).await.unwrap().unwrap();
    let anew = Resealed {
        row: read.passkey_id,
        from: read.credential.clone(),
        to: sealed("sealed anew"),
    };
    let column = SealedColumn::PasskeyCredential;
    assert_eq!(bench.store.reseal(column, vec![anew]).await.unwrap(), 1);
    let first = signed(2, "sealed credential", "counter 2");
    assert_eq!(open_with(&bench, 2, None, first).await, Proven::Used);
    // By this the caller knows that nothing was used up, and that the passkey is to be read again.
    let row = bench.store.passkey([1; 32]).await.unwrap().unwrap();
    assert_eq!(row.last_used_at_ms, read.last_used_at_ms);
    assert_eq!(row.credential, sealed("sealed anew"));
    let again = signed(2, "sealed anew", "counter 2");
    assert_eq!(open_with(&bench, 2, None, again).await, Proven::Opened);
}
