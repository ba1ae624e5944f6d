//! Accounts elsewhere by which people sign in, and sign-ins on their way.

use onsale_private::{LookupHash, LookupKey};
use onsale_store::StoreError;
use onsale_store::account::{
    Erasure, IDENTITIES_PER_USER_MAX, IdentityRow, LinkCondition, Linking, Purpose, SessionEnd,
    Unlinking, UserRow,
};
use onsale_store::audit::{Actor, AuditEntry, Unaudited};
use onsale_store::notice::{Notice, NoticeJob};
use uuid::Uuid;

use crate::accounts::{DAY_MS, NOW_MS, add, open, password, session, token, user};
use crate::build::id;
use crate::harness::{Bench, contract};

contract!(
    an_identity_is_of_one_account,
    an_account_without_a_password_is_there_with_its_identity,
    a_link_holds_to_its_condition,
    whom_a_provider_vouches_for_gets_an_account_without_what_others_set_up,
    a_link_in_a_session_shows_whose_the_account_is,
    an_account_has_a_bounded_number_of_identities,
    the_last_way_in_stays,
    a_return_is_good_once,
    of_two_returns_at_once_one_is_good,
    a_sign_in_on_its_way_ends_with_what_it_is_by,
    a_reset_leaves_identities_that_the_address_vouches_for,
    another_password_leaves_identities_that_the_address_vouches_for,
    an_erased_account_has_no_identities,
    returns_are_forgotten_when_they_are_old,
);

const STATE: [u8; 32] = [7; 32];
const CODE: [u8; 32] = [8; 32];

fn subject(number: u64) -> LookupHash {
    let key = LookupKey::from_bytes(&[7; 32]).unwrap();
    key.hash("subject", &number.to_be_bytes())
}

pub(crate) fn identity(number: u64, of_user: u64) -> IdentityRow {
    IdentityRow {
        identity_id: id(0x2000 + number),
        user_id: id(of_user),
        provider: "house".to_owned(),
        subject_hash: subject(number),
        is_vouched: true,
        linked_at_ms: NOW_MS + number,
        last_used_at_ms: NOW_MS + number,
    }
}

fn by() -> Unaudited {
    Unaudited::Unattended
}

pub(crate) fn told() -> NoticeJob {
    Notice::IdentityLinked.job(id(1), NOW_MS).unwrap()
}

/// An account whose address is known to be its own.
fn verified(number: u64) -> UserRow {
    UserRow {
        email_verified_at_ms: Some(NOW_MS),
        address_owned_at_ms: Some(NOW_MS),
        ..user(number)
    }
}

fn of_address(user: &UserRow) -> LinkCondition {
    LinkCondition::VerifiedAddress(user.email.as_ref().unwrap().hash)
}

/// An account with identities.
async fn linked(bench: &Bench, user: &UserRow, identities: &[IdentityRow]) {
    bench.store.add_user(user, None, by()).await.unwrap();
    for row in identities {
        let linking = bench
            .store
            .link_identity(row, of_address(user), told(), by());
        assert_eq!(linking.await.unwrap(), Linking::Linked);
    }
}

async fn an_identity_is_of_one_account(bench: Bench) {
    let store = &bench.store;
    let (one, other) = (verified(1), verified(2));
    linked(&bench, &one, &[identity(1, 1)]).await;
    linked(&bench, &other, &[]).await;
    assert_eq!(
        store.identity(subject(1)).await.unwrap(),
        Some(identity(1, 1))
    );
    assert_eq!(store.identity(subject(2)).await.unwrap(), None);
    let taken = IdentityRow {
        identity_id: id(9),
        ..identity(1, 2)
    };
    let linking = store.link_identity(&taken, of_address(&other), told(), by());
    assert_eq!(linking.await.unwrap(), Linking::Taken);
    let again = IdentityRow {
        identity_id: id(9),
        ..identity(1, 1)
    };
    let linking = store.link_identity(&again, of_address(&one), told(), by());
    assert_eq!(linking.await.unwrap(), Linking::Linked);
    let rows = store.identities_of(id(1)).await.unwrap();
    assert_eq!(rows, [identity(1, 1)]);
}

async fn an_account_without_a_password_is_there_with_its_identity(bench: Bench) {
    let store = &bench.store;
    let new = UserRow {
        password: None,
        ..verified(1)
    };
    let row = identity(1, 1);
    let added = store.add_user_with_identity(&new, &row, None, by());
    added.await.unwrap();
    assert_eq!(store.user(id(1)).await.unwrap(), Some(new));
    assert_eq!(store.identities_of(id(1)).await.unwrap(), [row]);
    for (user, row) in [
        (verified(2), identity(1, 2)),
        (
            UserRow {
                user_id: id(3),
                ..verified(1)
            },
            identity(3, 3),
        ),
    ] {
        let row = IdentityRow {
            identity_id: id(9),
            ..row
        };
        let added = store.add_user_with_identity(&user, &row, None, by());
        assert!(matches!(added.await, Err(StoreError::Exists(_))));
        assert_eq!(store.user(user.user_id).await.unwrap(), None);
    }
}

async fn a_link_holds_to_its_condition(bench: Bench) {
    let store = &bench.store;
    add(&bench, 1).await;
    let unverified = user(1);
    let row = identity(1, 1);
    let link = async |condition| {
        store
            .link_identity(&row, condition, told(), by())
            .await
            .unwrap()
    };
    assert_eq!(link(of_address(&unverified)).await, Linking::Withdrawn);
    let row_of = session(1, 1);
    let shown = password(1);
    let opened = store.open_session(&row_of, Some(&shown), by());
    assert!(opened.await.unwrap());
    let in_session = |session, now_ms| LinkCondition::Session { session, now_ms };
    let late = in_session(row_of.session_id, row_of.expires_at_ms);
    assert_eq!(link(late).await, Linking::Withdrawn);
    assert_eq!(link(in_session(id(9), NOW_MS)).await, Linking::Withdrawn);
    let good = in_session(row_of.session_id, NOW_MS + 5);
    assert_eq!(link(good).await, Linking::Linked);

    let other = verified(2);
    linked(&bench, &other, &[]).await;
    let row = identity(2, 2);
    let wrong = store.link_identity(&row, of_address(&unverified), told(), by());
    assert_eq!(wrong.await.unwrap(), Linking::Withdrawn, "another address");
    // Another person's session.
    let wrong = store.link_identity(&row, good, told(), by());
    assert_eq!(wrong.await.unwrap(), Linking::Withdrawn);
    let disabled = store.set_user_disabled(id(2), true, NOW_MS, by());
    disabled.await.unwrap().unwrap();
    let wrong = store.link_identity(&row, of_address(&other), told(), by());
    assert_eq!(wrong.await.unwrap(), Linking::Withdrawn, "disabled");
    let why = SessionEnd::Logout;
    let ended = store.end_session(id(1), row_of.session_id, why, NOW_MS + 6, by());
    assert!(ended.await.unwrap());
    let row = identity(3, 1);
    let wrong = store.link_identity(&row, good, told(), by());
    assert_eq!(wrong.await.unwrap(), Linking::Withdrawn, "ended");
}

/// An account that someone has registered and someone, who may be another, has verified.
fn of_someone() -> UserRow {
    UserRow {
        email_verified_at_ms: Some(NOW_MS),
        ..user(1)
    }
}

async fn whom_a_provider_vouches_for_gets_an_account_without_what_others_set_up(bench: Bench) {
    let store = &bench.store;
    let row = of_someone();
    store.add_user(&row, None, by()).await.unwrap();
    let opened = open(&bench, 1, 1).await;
    let strange = IdentityRow {
        is_vouched: false,
        ..identity(2, 1)
    };
    let in_session = LinkCondition::Session {
        session: opened.session_id,
        now_ms: NOW_MS,
    };
    let linking = store.link_identity(&strange, in_session, told(), by());
    assert_eq!(linking.await.unwrap(), Linking::Linked);
    let before = store.user(id(1)).await.unwrap();
    assert_eq!(before.as_ref(), Some(&row), "nobody vouches for that one");
    handed(&bench, 2).await;

    let vouched = identity(1, 1);
    let linking = store.link_identity(&vouched, of_address(&row), told(), by());
    assert_eq!(linking.await.unwrap(), Linking::Linked);
    let expected = UserRow {
        password: None,
        address_owned_at_ms: Some(vouched.linked_at_ms),
        ..row
    };
    assert_eq!(store.user(id(1)).await.unwrap(), Some(expected.clone()));
    assert_eq!(store.identities_of(id(1)).await.unwrap(), [vouched]);
    let ended = store.session(opened.session_id).await.unwrap().unwrap();
    let why = ended.ended.map(|(_, why)| why);
    assert_eq!(why, Some(SessionEnd::Password));
    assert_eq!(take(&bench, NOW_MS).await, None);

    // What its person sets up then stays.
    let new = password(2);
    let set = store.set_password(id(1), &new, None, None, NOW_MS + 1, by());
    assert!(set.await.unwrap());
    let elsewhere = identity(3, 1);
    let linking = store.link_identity(&elsewhere, of_address(&expected), told(), by());
    assert_eq!(linking.await.unwrap(), Linking::Linked);
    let row = store.user(id(1)).await.unwrap().unwrap();
    assert_eq!(row.password, Some(new));
}

async fn a_link_in_a_session_shows_whose_the_account_is(bench: Bench) {
    let store = &bench.store;
    store.add_user(&of_someone(), None, by()).await.unwrap();
    let opened = open(&bench, 1, 1).await;
    let in_session = LinkCondition::Session {
        session: opened.session_id,
        now_ms: NOW_MS,
    };
    let elsewhere = identity(1, 1);
    let linking = store.link_identity(&elsewhere, in_session, told(), by());
    assert_eq!(linking.await.unwrap(), Linking::Linked);
    let row = store.user(id(1)).await.unwrap().unwrap();
    assert!(row.owns_address());
    assert_eq!(row.password, Some(password(1)));
    let session = store.session(opened.session_id).await.unwrap().unwrap();
    assert_eq!(session.ended, None);
}

async fn an_account_has_a_bounded_number_of_identities(bench: Bench) {
    let max = u64::from(IDENTITIES_PER_USER_MAX);
    let rows: Vec<IdentityRow> = (0..max).map(|number| identity(number, 1)).collect();
    linked(&bench, &verified(1), &rows).await;
    let more = identity(max, 1);
    let linking = bench
        .store
        .link_identity(&more, of_address(&verified(1)), told(), by());
    assert_eq!(linking.await.unwrap(), Linking::TooMany);
}

async fn the_last_way_in_stays(bench: Bench) {
    let store = &bench.store;
    let without = UserRow {
        password: None,
        ..verified(1)
    };
    let gone = IdentityRow {
        provider: "gone".to_owned(),
        ..identity(2, 1)
    };
    linked(&bench, &without, &[identity(1, 1), gone.clone()]).await;
    let configured = || vec!["house".to_owned(), "other".to_owned()];
    let unlink = async |number: u64| {
        let row = id(0x2000 + number);
        let unlinked = store.unlink_identity(id(1), row, None, configured(), told(), by());
        unlinked.await.unwrap()
    };
    // The other one is of a provider with which nobody signs in any more.
    assert_eq!(unlink(1).await, Unlinking::LastWay);
    assert_eq!(unlink(9).await, Unlinking::NotThere);
    assert_eq!(unlink(2).await, Unlinking::Unlinked);
    let more = identity(3, 1);
    let linking = store.link_identity(&more, of_address(&without), told(), by());
    assert_eq!(linking.await.unwrap(), Linking::Linked);
    // Of the two that are left, one stays, whoever is first.
    let (one, other) = tokio::join!(unlink(1), unlink(3));
    let mut results = [one, other];
    results.sort_by_key(|result| *result == Unlinking::LastWay);
    assert_eq!(results, [Unlinking::Unlinked, Unlinking::LastWay]);

    let with = verified(2);
    linked(&bench, &with, &[identity(4, 2)]).await;
    let row = id(0x2004);
    let shown = password(2);
    let wrong = store.unlink_identity(id(2), row, Some(&shown), configured(), told(), by());
    assert_eq!(
        wrong.await.unwrap(),
        Unlinking::NotThere,
        "another password"
    );
    let shown = password(1);
    let right = store.unlink_identity(id(2), row, Some(&shown), configured(), told(), by());
    assert_eq!(right.await.unwrap(), Unlinking::Unlinked);
}

/// A sign-in that came back and waits for its code.
async fn handed(bench: &Bench, number: u64) {
    let store = &bench.store;
    let begun = store.begin_federated_sign_in(STATE, NOW_MS + 100);
    assert!(begun.await.unwrap());
    let handed = store.hand_sign_in_over(STATE, subject(number), CODE, NOW_MS + 1, NOW_MS + 50);
    assert!(handed.await.unwrap());
}

async fn take(bench: &Bench, now_ms: u64) -> Option<Uuid> {
    let taken = bench.store.take_sign_in(STATE, CODE, now_ms);
    taken.await.unwrap()
}

async fn a_return_is_good_once(bench: Bench) {
    let store = &bench.store;
    linked(&bench, &verified(1), &[identity(1, 1)]).await;
    handed(&bench, 1).await;
    let again = store.begin_federated_sign_in(STATE, NOW_MS + 100);
    assert!(!again.await.unwrap());
    let other = [9; 32];
    let twice = store.hand_sign_in_over(STATE, subject(1), other, NOW_MS + 1, NOW_MS + 50);
    assert!(!twice.await.unwrap());
    assert_eq!(
        store.take_sign_in(STATE, other, NOW_MS).await.unwrap(),
        None
    );
    assert_eq!(store.take_sign_in(other, CODE, NOW_MS).await.unwrap(), None);
    assert_eq!(take(&bench, NOW_MS + 50).await, None, "too late");
    assert_eq!(take(&bench, NOW_MS + 49).await, Some(id(1)));
    assert_eq!(take(&bench, NOW_MS + 49).await, None);
    let used = store.identity(subject(1)).await.unwrap().unwrap();
    assert_eq!(used.last_used_at_ms, NOW_MS + 1);
}

async fn of_two_returns_at_once_one_is_good(bench: Bench) {
    let begin = || bench.store.begin_federated_sign_in(STATE, NOW_MS);
    let (one, other) = tokio::join!(begin(), begin());
    let good = [one, other]
        .into_iter()
        .filter(|begun| *begun.as_ref().unwrap());
    assert_eq!(good.count(), 1);
    linked(&bench, &verified(1), &[identity(1, 1)]).await;
    let handed = bench
        .store
        .hand_sign_in_over(STATE, subject(1), CODE, NOW_MS, NOW_MS + 50);
    assert!(handed.await.unwrap());
    let (one, other) = tokio::join!(take(&bench, NOW_MS), take(&bench, NOW_MS));
    assert_eq!([one, other].into_iter().flatten().count(), 1);
}

async fn a_sign_in_on_its_way_ends_with_what_it_is_by(bench: Bench) {
    let store = &bench.store;
    linked(&bench, &verified(1), &[identity(1, 1), identity(2, 1)]).await;
    handed(&bench, 1).await;
    let shown = password(1);
    let unlinked = store.unlink_identity(id(1), id(0x2001), Some(&shown), Vec::new(), told(), by());
    assert_eq!(unlinked.await.unwrap(), Unlinking::Unlinked);
    assert_eq!(take(&bench, NOW_MS).await, None);
    // What is gone is handed over no more.
    let other = [9; 32];
    assert!(store.begin_federated_sign_in(other, NOW_MS).await.unwrap());
    let gone = store.hand_sign_in_over(other, subject(1), CODE, NOW_MS, NOW_MS + 50);
    assert!(!gone.await.unwrap());
    let handed = store.hand_sign_in_over(other, subject(2), CODE, NOW_MS, NOW_MS + 50);
    assert!(handed.await.unwrap());
    let new = password(2);
    let set = store.set_password(id(1), &new, Some(&shown), None, NOW_MS, by());
    assert!(set.await.unwrap());
    let taken = store.take_sign_in(other, CODE, NOW_MS);
    assert_eq!(taken.await.unwrap(), None);
}

async fn another_password_leaves_identities_that_the_address_vouches_for(bench: Bench) {
    let store = &bench.store;
    let strange = IdentityRow {
        is_vouched: false,
        ..identity(2, 1)
    };
    linked(&bench, &verified(1), &[identity(1, 1), strange]).await;
    let (shown, new) = (password(1), password(2));
    let wrong = store.set_password(id(1), &new, Some(&new), None, NOW_MS, by());
    assert!(!wrong.await.unwrap());
    assert_eq!(store.identities_of(id(1)).await.unwrap().len(), 2);
    let set = store.set_password(id(1), &new, Some(&shown), None, NOW_MS, by());
    assert!(set.await.unwrap());
    let left = store.identities_of(id(1)).await.unwrap();
    assert_eq!(left, [identity(1, 1)]);
}

async fn a_reset_leaves_identities_that_the_address_vouches_for(bench: Bench) {
    let store = &bench.store;
    let other = IdentityRow {
        is_vouched: false,
        ..identity(2, 1)
    };
    linked(&bench, &verified(1), &[identity(1, 1), other]).await;
    handed(&bench, 2).await;
    let link = token(1, Purpose::ResetPassword, 1);
    store.issue_one_time_token(&link, None, by()).await.unwrap();
    let audit = |user: Uuid| -> AuditEntry {
        Actor::command_line().did("account.reset_password", "user", user)
    };
    let new = password(2);
    let reset = store.reset_password([1; 32], &new, NOW_MS + 1, audit);
    assert_eq!(reset.await.unwrap(), Some(id(1)));
    let rows = store.identities_of(id(1)).await.unwrap();
    assert_eq!(rows, [identity(1, 1)]);
    assert_eq!(take(&bench, NOW_MS + 1).await, None);
}

async fn an_erased_account_has_no_identities(bench: Bench) {
    let store = &bench.store;
    let rows = [identity(1, 1), identity(2, 1)];
    linked(&bench, &verified(1), &rows).await;
    handed(&bench, 1).await;
    let shown = password(1);
    let audit = |_: &Erasure| Actor::command_line().did("account.erase", "user", id(1));
    let erasure = store.erase_user(id(1), Some(&shown), None, None, NOW_MS + 1, audit);
    let done = Erasure::Erased {
        sessions: 0,
        memberships: 0,
        identities: 2,
        guests: 0,
    };
    assert_eq!(erasure.await.unwrap(), done);
    assert_eq!(store.identities_of(id(1)).await.unwrap(), []);
    assert_eq!(take(&bench, NOW_MS + 1).await, None);
}

async fn returns_are_forgotten_when_they_are_old(bench: Bench) {
    let store = &bench.store;
    let begun = store.begin_federated_sign_in(STATE, NOW_MS);
    assert!(begun.await.unwrap());
    let young = store.begin_federated_sign_in([9; 32], NOW_MS + DAY_MS);
    assert!(young.await.unwrap());
    let forget = async |before_ms| store.forget_federated_sign_ins(before_ms).await.unwrap();
    assert_eq!(forget(NOW_MS).await, 0);
    assert_eq!(forget(NOW_MS + 1).await, 1);
    let again = store.begin_federated_sign_in(STATE, NOW_MS);
    assert!(again.await.unwrap());
}
