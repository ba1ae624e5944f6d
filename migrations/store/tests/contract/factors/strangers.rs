//! Factors that may be another person's than the one who reads the account's mail.

use onsale_store::account::{LinkCondition, Linking, Purpose, SessionEnd, TokenHash, UserRow};
use onsale_store::factor::{Added, Factors};

use super::{add_key, by, ended, factors, issue, mails, of_user, set_up, with_app};
use crate::accounts::{NOW_MS, open, password, session, token, user};
use crate::build::id;
use crate::harness::{Bench, contract};
use crate::identities::{identity, told};

contract!(
    a_reset_ends_factors_that_may_be_another_persons,
    whom_a_provider_vouches_for_is_asked_for_no_strangers_factor,
    a_provider_ends_no_factor_of_who_owns_the_address,
);

/// An account that someone has registered, with everything that they can set up for themselves, and that waits at its
/// second step.
async fn of_a_stranger(bench: &Bench, row: &UserRow) -> TokenHash {
    bench.store.add_user(row, None, by()).await.unwrap();
    open(bench, 1, 1).await;
    assert_eq!(set_up(bench, 1).await, Added::Added { with_codes: true });
    add_key(bench, 1, 1).await.unwrap();
    issue(bench, 1).await
}

/// Nothing that someone else has set up opens the account of user 1, which is that of who reads its mail.
async fn is_the_readers(bench: &Bench, waiting: TokenHash) {
    let store = &bench.store;
    let row = store.user(id(1)).await.unwrap().unwrap();
    assert!(row.owns_address());
    assert_eq!(factors(bench).await, Factors::default());
    assert!(!store.has_second_factor(id(1)).await.unwrap());
    assert_eq!(store.passkey([1; 32]).await.unwrap(), None);
    assert_eq!(store.challenge(waiting, NOW_MS + 1).await.unwrap(), None);
    let why = ended(bench, &session(1, 1)).await;
    assert_eq!(why, Some(SessionEnd::Password));
}

async fn a_reset_ends_factors_that_may_be_another_persons(bench: Bench) {
    let waiting = of_a_stranger(&bench, &user(1)).await;
    assert_eq!(mails(&bench).await, 0, "nobody has verified the address");
    let store = &bench.store;
    let link = token(1, Purpose::ResetPassword, 1);
    store.issue_one_time_token(&link, None, by()).await.unwrap();
    let new = password(2);
    let reset = store.reset_password([1; 32], &new, NOW_MS + 1, of_user);
    assert_eq!(reset.await.unwrap(), Some(id(1)));
    is_the_readers(&bench, waiting).await;
    assert_eq!(
        mails(&bench).await,
        3,
        "of the app, of the passkey, and of the password"
    );
    // Its person is asked for none.
    let theirs = session(2, 1);
    let opened = store.open_session(&theirs, Some(&new), by());
    assert!(opened.await.unwrap());
}

async fn whom_a_provider_vouches_for_is_asked_for_no_strangers_factor(bench: Bench) {
    // The owner of the address has followed the link of a mail that it did not ask for.
    let row = UserRow {
        email_verified_at_ms: Some(NOW_MS),
        ..user(1)
    };
    let waiting = of_a_stranger(&bench, &row).await;
    let before = mails(&bench).await;
    let of_address = LinkCondition::VerifiedAddress(row.email.unwrap().hash);
    let elsewhere = identity(1, 1);
    let linking = bench
        .store
        .link_identity(&elsewhere, of_address, told(), by());
    assert_eq!(linking.await.unwrap(), Linking::Linked);
    is_the_readers(&bench, waiting).await;
    assert_eq!(mails(&bench).await, before + 3, "of the link, too");
}

async fn a_provider_ends_no_factor_of_who_owns_the_address(bench: Bench) {
    with_app(&bench).await;
    let store = &bench.store;
    let row = store.user(id(1)).await.unwrap().unwrap();
    let of_address = LinkCondition::VerifiedAddress(row.email.unwrap().hash);
    let elsewhere = identity(1, 1);
    let linking = store.link_identity(&elsewhere, of_address, told(), by());
    assert_eq!(linking.await.unwrap(), Linking::Linked);
    assert!(store.has_second_factor(id(1)).await.unwrap());
    assert_eq!(ended(&bench, &session(1, 1)).await, None);
}
