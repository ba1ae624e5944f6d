//! Guests, and the accounts that take them over.

use onsale_schemas::UserId;
use onsale_store::StoreError;
use onsale_store::account::{
    AccountProof, Erasure, GUESTS_PER_ACCOUNT_MAX, GuestRow, Mandate, Purpose, Requirement,
    SealedEmail, TakeOver, UserRow,
};
use onsale_store::audit::{Actor, AuditEntry, AuditFilter, Unaudited};
use onsale_store::booking::BookingFilter;
use onsale_store::retention::Kind;
use uuid::Uuid;

use crate::accounts::{DAY_MS, NOW_MS, address, password, sealed, session, token, user};
use crate::build::{Chain, filter, id, user_id, with_show};
use crate::harness::{Bench, contract};
use crate::retention::forgotten;

contract!(
    guests_of_one_address_know_nothing_of_each_other,
    a_verified_address_takes_over_what_was_bought_with_it,
    a_right_that_was_withdrawn_takes_nothing_over,
    an_account_takes_over_a_bounded_number,
    bookings_of_several_are_one_list,
    an_erased_account_takes_its_guests_with_it,
    a_person_has_the_guests_that_it_takes_with_it,
    an_erased_guest_is_nobodys,
    guests_who_bought_nothing_and_old_addresses_are_forgotten,
    what_was_taken_over_stays_though_it_ran_out,
);

/// A guest with the address of the account `of_address`.
pub(crate) fn guest(number: u64, of_address: u64) -> GuestRow {
    GuestRow {
        guest_id: user_id(number).0,
        email: Some(SealedEmail {
            sealed: sealed("sealed e-mail"),
            hash: address(of_address),
        }),
        locale: Some("th".to_owned()),
        created_at_ms: NOW_MS + number,
        expires_at_ms: NOW_MS + number + 3_600_000,
        owner: None,
        erased_at_ms: None,
    }
}

fn taken(guests: &[Uuid]) -> AuditEntry {
    Actor::command_line()
        .did("guest.take_over", "user", id(1))
        .with(serde_json::json!({ "guests": guests }))
}

fn erased(_erasure: &Erasure) -> AuditEntry {
    Actor::command_line().did("account.erase", "user", id(1))
}

/// An account whose address is known to be its own.
fn verified_user(number: u64) -> UserRow {
    UserRow {
        email_verified_at_ms: Some(NOW_MS),
        address_owned_at_ms: Some(NOW_MS),
        ..user(number)
    }
}

async fn add(bench: &Bench, numbers: impl IntoIterator<Item = u64>, of_address: u64) {
    for number in numbers {
        let row = guest(number, of_address);
        let added = bench.store.add_guest(&row, Unaudited::Unattended);
        added.await.unwrap();
    }
}

/// Of the guests 11 to 14, the first has paid, the second holds, the third gave back, the fourth did nothing.
async fn purchases(bench: &Bench) {
    with_show(&bench.store).await;
    let mut chain = Chain::default();
    let paid = chain.reserve(1, 11, &[1]);
    chain.confirm(1, 11, paid, &[1]);
    chain.reserve(1, 12, &[2]);
    let given_back = chain.reserve(1, 13, &[3]);
    chain.release(1, 13, given_back, &[3]);
    chain.reserve(1, 21, &[4]);
    bench.store.project(&chain.all()).await.unwrap();
    add(bench, 11..=14, 1).await;
    add(bench, [21], 2).await;
}

async fn take(bench: &Bench, account: u64) -> TakeOver {
    let store = &bench.store;
    let taken = store.take_over_guests(id(account), None, NOW_MS + 9, taken);
    taken.await.unwrap()
}

/// Follows a link that is mailed to account 1.
async fn follow(bench: &Bench, number: u8, proof: Option<AccountProof>) {
    let store = &bench.store;
    let link = token(number, Purpose::VerifyEmail, 1);
    let by = Unaudited::Unattended;
    store.issue_one_time_token(&link, None, by).await.unwrap();
    let entry = |user: Uuid| Actor::command_line().did("account.verify_email", "user", user);
    let verified = store.verify_email([number; 32], proof, NOW_MS, entry);
    assert_eq!(verified.await.unwrap(), Some(id(1)));
}

fn of(numbers: impl IntoIterator<Item = u64>) -> TakeOver {
    TakeOver::Taken(
        numbers
            .into_iter()
            .map(|number| user_id(number).0)
            .collect(),
    )
}

/// In no particular order.
fn sorted(taken: TakeOver) -> TakeOver {
    match taken {
        TakeOver::Taken(mut guests) => {
            guests.sort();
            TakeOver::Taken(guests)
        }
        other => other,
    }
}

async fn guests_of_one_address_know_nothing_of_each_other(bench: Bench) {
    let store = &bench.store;
    add(&bench, [1, 2], 1).await;
    for number in [1, 2] {
        let found = store.guest(user_id(number).0).await.unwrap();
        assert_eq!(found, Some(guest(number, 1)));
    }
    assert_eq!(store.guest(id(77)).await.unwrap(), None);
    // Nothing that looks for an account finds a guest.
    assert_eq!(store.user_by_email(address(1)).await.unwrap(), None);
    assert_eq!(store.user(user_id(1).0).await.unwrap(), None);
    // An account gets the address all the same.
    let by = Unaudited::Unattended;
    store.add_user(&user(1), None, by).await.unwrap();
    let owned = GuestRow {
        owner: Some((id(1), NOW_MS)),
        ..guest(3, 1)
    };
    let error = store.add_guest(&owned, by).await.unwrap_err();
    assert!(matches!(error, StoreError::Invalid(_)), "{error}");
}

async fn a_verified_address_takes_over_what_was_bought_with_it(bench: Bench) {
    let store = &bench.store;
    let by = Unaudited::Unattended;
    purchases(&bench).await;
    store.add_user(&user(1), None, by).await.unwrap();
    assert_eq!(take(&bench, 1).await, TakeOver::NotVerified);
    assert_eq!(take(&bench, 7).await, TakeOver::NotThere);
    let paid = user_id(11).0;
    assert_eq!(store.owner_of_guest(paid).await.unwrap(), None);
    follow(&bench, 8, None).await;
    assert_eq!(take(&bench, 1).await, TakeOver::NotOwned, "the mail alone");
    follow(&bench, 9, Some(AccountProof::Password(password(1)))).await;

    assert_eq!(sorted(take(&bench, 1).await), of([11, 12]));
    assert_eq!(take(&bench, 1).await, of([]), "nothing is left");
    for (number, owner) in [
        (11, Some(id(1))),
        (12, Some(id(1))),
        (13, None),
        (14, None),
        (21, None),
    ] {
        let found = store.owner_of_guest(user_id(number).0).await.unwrap();
        assert_eq!(found, owner, "{number}");
    }
    let owned = |number| GuestRow {
        owner: Some((id(1), NOW_MS + 9)),
        ..guest(number, 1)
    };
    let listed = store.guests_of(id(1)).await.unwrap();
    assert_eq!(listed, [owned(12), owned(11)], "the newest first");
    assert_eq!(store.guests_of(id(2)).await.unwrap(), []);
    let entries = AuditFilter {
        action: Some("guest.take_over".to_owned()),
        limit: 9,
        ..AuditFilter::default()
    };
    assert_eq!(store.audit(&entries).await.unwrap().len(), 1);
    // A disabled account takes nothing over.
    store.add_user(&verified_user(2), None, by).await.unwrap();
    let disabled = store.set_user_disabled(id(2), true, NOW_MS, by);
    assert!(disabled.await.unwrap().is_some());
    assert_eq!(take(&bench, 2).await, TakeOver::NotThere);
}

async fn a_right_that_was_withdrawn_takes_nothing_over(bench: Bench) {
    let store = &bench.store;
    let by = Unaudited::Unattended;
    purchases(&bench).await;
    store.add_user(&verified_user(1), None, by).await.unwrap();
    let row = session(1, 1);
    assert!(store.open_session(&row, None, by).await.unwrap());
    let mandate = Mandate {
        user_id: id(1),
        session_id: row.session_id,
        requires: Requirement::OwnsAddress,
        at_ms: NOW_MS + 5,
    };
    let ended = Mandate {
        at_ms: NOW_MS + 30 * DAY_MS,
        ..mandate
    };
    let refused = store.take_over_guests(id(1), Some(ended), NOW_MS, taken);
    let error = refused.await.unwrap_err();
    assert!(matches!(error, StoreError::RightWithdrawn), "{error}");
    assert_eq!(store.guests_of(id(1)).await.unwrap(), []);
    let done = store.take_over_guests(id(1), Some(mandate), NOW_MS, taken);
    assert_eq!(sorted(done.await.unwrap()), of([11, 12]));
}

async fn an_account_takes_over_a_bounded_number(bench: Bench) {
    let store = &bench.store;
    let by = Unaudited::Unattended;
    with_show(store).await;
    let max = u64::from(GUESTS_PER_ACCOUNT_MAX);
    let mut chain = Chain::default();
    // The one that has paid comes before newer ones that only hold.
    let paid = chain.reserve(1, 1, &[0]);
    chain.confirm(1, 1, paid, &[0]);
    for number in 2..=max + 1 {
        chain.reserve_general(1, number, 1);
    }
    store.project(&chain.all()).await.unwrap();
    add(&bench, 1..=max + 1, 1).await;
    store.add_user(&verified_user(1), None, by).await.unwrap();
    let TakeOver::Taken(first) = take(&bench, 1).await else {
        panic!("nothing was taken over");
    };
    assert_eq!(u64::try_from(first.len()).unwrap(), max);
    assert!(first.contains(&user_id(1).0), "what is paid for");
    assert!(!first.contains(&user_id(2).0), "the oldest of the others");
    assert_eq!(take(&bench, 1).await, of([]));
}

async fn bookings_of_several_are_one_list(bench: Bench) {
    let store = &bench.store;
    purchases(&bench).await;
    let of_guests = [user_id(11), user_id(12)];
    let account = filter(UserId(id(1)));
    let users = async |filter: &BookingFilter| {
        let rows = store.bookings_together(filter, &of_guests).await.unwrap();
        rows.into_iter()
            .map(|row| (row.user_id, row.reserved_at_ms, row.booking_id))
            .collect::<Vec<_>>()
    };
    let all = users(&account).await;
    let buyers: Vec<UserId> = all.iter().map(|(user, ..)| *user).collect();
    assert_eq!(buyers, [user_id(12), user_id(11)], "newest first");
    let first = BookingFilter {
        limit: 1,
        ..account
    };
    assert_eq!(users(&first).await, all[..1]);
    let (_, reserved_at_ms, booking) = all[0];
    let second = BookingFilter {
        after: Some((reserved_at_ms, booking)),
        ..first
    };
    assert_eq!(users(&second).await, all[1..]);
    let none = store.bookings_together(&second, &[]).await.unwrap();
    assert_eq!(none, []);
}

async fn an_erased_account_takes_its_guests_with_it(bench: Bench) {
    let store = &bench.store;
    let by = Unaudited::Unattended;
    purchases(&bench).await;
    store.add_user(&verified_user(1), None, by).await.unwrap();
    assert_eq!(sorted(take(&bench, 1).await), of([11, 12]));
    // Of an address that nobody has shown to be its own, what is there may be another person's; that someone has
    // followed the link does not show it.
    let verified = UserRow {
        email_verified_at_ms: Some(NOW_MS),
        ..user(2)
    };
    store.add_user(&verified, None, by).await.unwrap();
    let erase = async |account| {
        let shown = password(1);
        let erasure = store.erase_user(id(account), Some(&shown), None, None, NOW_MS + 20, erased);
        erasure.await.unwrap()
    };
    let done = |guests| Erasure::Erased {
        sessions: 0,
        memberships: 0,
        guests,
        identities: 0,
    };
    assert_eq!(erase(2).await, done(0));
    let other = store.guest(user_id(21).0).await.unwrap();
    assert_eq!(other, Some(guest(21, 2)));
    assert_eq!(erase(1).await, done(4));
    for number in 11..=14 {
        let left = GuestRow {
            email: None,
            locale: None,
            erased_at_ms: Some(NOW_MS + 20),
            ..guest(number, 1)
        };
        let found = store.guest(user_id(number).0).await.unwrap();
        assert_eq!(found, Some(left), "{number}");
    }
    assert_eq!(store.guests_of(id(1)).await.unwrap(), []);
    // The bookings stay.
    let kept = store.bookings(&filter(user_id(11))).await.unwrap();
    assert_eq!(kept.len(), 1);
}

async fn a_person_has_the_guests_that_it_takes_with_it(bench: Bench) {
    let store = &bench.store;
    purchases(&bench).await;
    let by = Unaudited::Unattended;
    store.add_user(&verified_user(1), None, by).await.unwrap();
    let found = async |user: UserRow, limit: u32| {
        let guests = store.guests_of_person(&user, limit).await.unwrap();
        let ids = guests.into_iter().map(|guest| guest.guest_id);
        ids.collect::<Vec<_>>()
    };
    let ids = |numbers: &[u64]| -> Vec<Uuid> {
        let numbers = numbers.iter();
        numbers.map(|number| user_id(*number).0).collect()
    };
    assert_eq!(found(user(1), 9).await, ids(&[]), "not verified");
    let all = found(verified_user(1), 9).await;
    assert_eq!(all, ids(&[14, 13, 12, 11]));
    take(&bench, 1).await;
    let all = found(verified_user(1), 9).await;
    assert_eq!(all, ids(&[12, 11, 14, 13]), "what is its own first");
    assert_eq!(found(verified_user(1), 3).await, all[..3]);
    assert_eq!(found(user(1), 9).await, all[..2], "it has another address");
}

async fn an_erased_guest_is_nobodys(bench: Bench) {
    let store = &bench.store;
    let by = Unaudited::Unattended;
    purchases(&bench).await;
    let erase = async |number| {
        let erasing = store.erase_guest(user_id(number).0, None, NOW_MS + 20, by);
        erasing.await.unwrap()
    };
    assert!(erase(11).await);
    assert!(!erase(11).await, "once");
    assert!(!erase(77).await, "there is none");
    store.add_user(&verified_user(1), None, by).await.unwrap();
    assert_eq!(take(&bench, 1).await, of([12]));
    assert!(!erase(12).await, "it is the account's");
}

async fn guests_who_bought_nothing_and_old_addresses_are_forgotten(bench: Bench) {
    let store = &bench.store;
    purchases(&bench).await;
    let early = store.forget_guests(NOW_MS).await.unwrap();
    assert_eq!(early, 0);
    let later_ms = NOW_MS + DAY_MS;
    assert_eq!(store.forget_guests(later_ms).await.unwrap(), 2);
    for number in [13, 14] {
        let found = store.guest(user_id(number).0).await.unwrap();
        assert_eq!(found, None, "{number} has nothing");
    }
    for (number, of_address) in [(11, 1), (12, 1), (21, 2)] {
        let found = store.guest(user_id(number).0).await.unwrap();
        assert_eq!(found, Some(guest(number, of_address)), "it has something");
    }
    assert_eq!(store.forget_guests(later_ms).await.unwrap(), 0);
    // Created at NOW_MS + 11, 12 and 21; kept for two years.
    let two_years_later = |ms| NOW_MS + ms + 2 * 366 * DAY_MS;
    let early = forgotten(store, Kind::Guests, two_years_later(11)).await;
    assert_eq!(early, 0);
    let old = forgotten(store, Kind::Guests, two_years_later(13)).await;
    assert_eq!(old, 2);
    let left = GuestRow {
        email: None,
        locale: None,
        ..guest(11, 1)
    };
    let found = store.guest(user_id(11).0).await.unwrap();
    assert_eq!(found, Some(left));
    let found = store.guest(user_id(21).0).await.unwrap();
    assert_eq!(found, Some(guest(21, 2)));
}

async fn what_was_taken_over_stays_though_it_ran_out(bench: Bench) {
    let store = &bench.store;
    with_show(store).await;
    let mut chain = Chain::default();
    let (taken, left) = (chain.reserve(1, 11, &[0]), chain.reserve(1, 12, &[1]));
    store.project(&chain.all()).await.unwrap();
    let until = chain.next_offset;
    add(&bench, [11], 1).await;
    add(&bench, [12], 2).await;
    let by = Unaudited::Unattended;
    store.add_user(&verified_user(1), None, by).await.unwrap();
    assert_eq!(take(&bench, 1).await, of([11]));
    chain.expire(1, 11, taken, &[0]);
    chain.expire(1, 12, left, &[1]);
    let ends = chain.batch(until, chain.next_offset);
    store.project(&ends).await.unwrap();
    let later_ms = NOW_MS + DAY_MS;
    assert_eq!(store.forget_guests(later_ms).await.unwrap(), 1);
    assert_eq!(store.guest(user_id(12).0).await.unwrap(), None);
    let owned = store.guests_of(id(1)).await.unwrap();
    assert_eq!(owned.len(), 1);
}
