//! Invitations, and the rights of whom they are to and whom they are from.

use onsale_schemas::MemberRole;
use onsale_store::account::{
    Acceptance, Erasure, MembershipChange, NewInvitation, Purpose, UserRole, UserRow,
};
use onsale_store::job::{JobFilter, NewJob};
use onsale_store::mail;
use uuid::Uuid;

use super::{TENANT, by, entry, house, member, of_erasure, of_member};
use crate::accounts::{DAY_MS, NOW_MS, add, invitation, opera, password, token, user};
use crate::build::id;
use crate::harness::{Bench, contract};

contract!(
    an_invitation_is_listed_until_it_is_withdrawn,
    an_invitation_ends_with_a_change_of_role,
    what_a_person_invited_goes_with_its_right_to,
    an_erased_account_leaves_no_invitation,
    who_does_not_own_an_address_takes_away_none_of_its_invitations,
);

/// The mail of an invitation, with the key that it has outside of tests.
pub(super) fn mail_of(invitation: &NewInvitation) -> NewJob {
    NewJob {
        kind: mail::KIND,
        key: invitation.invitation_id.to_string(),
        payload: "{}".to_owned(),
        delay_ms: 0,
        attempts_max: 3,
    }
}

pub(super) async fn invite(bench: &Bench, invitation: &NewInvitation) {
    let invited = bench.store.invite(invitation, mail_of(invitation), by());
    assert!(invited.await.unwrap());
}

/// The keys of the mails that are there, sorted.
async fn mails(bench: &Bench) -> Vec<String> {
    let filter = JobFilter {
        limit: 100,
        ..JobFilter::default()
    };
    let jobs = bench.store.jobs(&filter).await.unwrap();
    let mut keys: Vec<String> = jobs.into_iter().map(|job| job.key).collect();
    keys.sort();
    keys
}

pub(super) async fn accept(bench: &Bench, number: u8, person: u64) -> Acceptance {
    let accepted = bench
        .store
        .accept_invitation([number; 32], id(person), NOW_MS + 2, of_member);
    accepted.await.unwrap()
}

/// The ids of the invitations that wait.
pub(super) async fn listed(bench: &Bench) -> Vec<Uuid> {
    let rows = bench.store.invitations_of(id(TENANT), NOW_MS + 1).await;
    rows.unwrap()
        .into_iter()
        .map(|row| row.invitation_id)
        .collect()
}

async fn an_invitation_is_listed_until_it_is_withdrawn(bench: Bench) {
    house(&bench).await;
    let store = &bench.store;
    let (one, other) = (
        invitation(1, 2, MemberRole::Scanner),
        invitation(2, 3, MemberRole::Owner),
    );
    invite(&bench, &one).await;
    invite(&bench, &other).await;
    let rows = store.invitations_of(id(TENANT), NOW_MS + 1).await.unwrap();
    assert_eq!(rows.len(), 2);
    assert_eq!(rows[0].invitation_id, one.invitation_id);
    assert_eq!(rows[0].address, one.address);
    assert_eq!(rows[0].role, MemberRole::Scanner);
    assert_eq!(rows[0].invited_by, one.invited_by);
    assert_eq!(rows[0].issued_at_ms, NOW_MS);
    assert_eq!(rows[0].expires_at_ms, NOW_MS + DAY_MS);
    let late = store.invitations_of(id(TENANT), NOW_MS + DAY_MS).await;
    assert_eq!(late.unwrap(), []);
    assert_eq!(mails(&bench).await.len(), 2);

    let withdraw = async |tenant: u64| {
        let withdrawn = store.withdraw_invitation(id(tenant), one.invitation_id, NOW_MS + 1, by());
        withdrawn.await.unwrap()
    };
    store.add_tenant(&opera(51), None, by()).await.unwrap();
    assert!(!withdraw(51).await, "of another tenant");
    assert!(withdraw(TENANT).await);
    assert!(!withdraw(TENANT).await);
    assert_eq!(listed(&bench).await, [other.invitation_id]);
    assert_eq!(mails(&bench).await, [other.invitation_id.to_string()]);
    add(&bench, 2).await;
    assert_eq!(accept(&bench, 1, 2).await, Acceptance::NotGood);
    add(&bench, 3).await;
    let joined = accept(&bench, 2, 3).await;
    assert!(matches!(joined, Acceptance::Accepted(_)), "{joined:?}");
    assert_eq!(listed(&bench).await, Vec::<Uuid>::new());
}

async fn an_invitation_ends_with_a_change_of_role(bench: Bench) {
    house(&bench).await;
    let store = &bench.store;
    add(&bench, 2).await;
    let manager = member(2, MemberRole::Manager);
    use MembershipChange::Changed;
    let role = MemberRole::Scanner;
    for (number, how) in [(1, "set"), (2, "changed"), (3, "removed")] {
        store.set_member(&manager, NOW_MS, by()).await.unwrap();
        invite(&bench, &invitation(number, 2, MemberRole::Owner)).await;
        let other = invitation(100 + number, 9, MemberRole::Scanner);
        invite(&bench, &other).await;
        let changed = match how {
            "set" => {
                let scanner = member(2, role);
                store.set_member(&scanner, NOW_MS + 1, by()).await
            }
            "changed" => {
                let audit = |before: MemberRole| {
                    assert_eq!(before, MemberRole::Manager);
                    entry()
                };
                store
                    .change_member(id(TENANT), id(2), role, None, NOW_MS + 1, audit)
                    .await
            }
            _ => {
                store
                    .remove_member(id(TENANT), id(2), NOW_MS + 1, by())
                    .await
            }
        };
        assert_eq!(changed.unwrap(), Changed, "{how}");
        let accepted = accept(&bench, number, 2).await;
        assert_eq!(accepted, Acceptance::NotGood, "{how}");
        assert_eq!(listed(&bench).await, [other.invitation_id], "{how}");
    }
}

async fn what_a_person_invited_goes_with_its_right_to(bench: Bench) {
    house(&bench).await;
    let store = &bench.store;
    add(&bench, 2).await;
    let sent_by = |number: u8, sender: u64| NewInvitation {
        invited_by: Some(id(sender)),
        ..invitation(number, 100 + u64::from(number), MemberRole::Owner)
    };
    let kept = sent_by(1, 1);
    invite(&bench, &kept).await;
    // Somebody stays an admin.
    let raised = store.set_user_role(id(1), UserRole::Admin, NOW_MS, by());
    raised.await.unwrap().unwrap();
    let owner = member(2, MemberRole::Owner);
    let disable = async |disabled: bool| {
        let set = store.set_user_disabled(id(2), disabled, NOW_MS + 1, by());
        set.await.unwrap().unwrap();
    };
    for (number, how) in [
        (2, "removed"),
        (3, "demoted"),
        (4, "accepted"),
        (5, "disabled"),
        (6, "role"),
    ] {
        store.set_member(&owner, NOW_MS, by()).await.unwrap();
        invite(&bench, &sent_by(number, 2)).await;
        match how {
            "removed" => {
                let removed = store.remove_member(id(TENANT), id(2), NOW_MS + 1, by());
                removed.await.unwrap();
            }
            "demoted" => {
                let manager = member(2, MemberRole::Manager);
                store.set_member(&manager, NOW_MS, by()).await.unwrap();
            }
            "accepted" => {
                let less = invitation(50 + number, 2, MemberRole::Manager);
                invite(&bench, &less).await;
                let accepted = accept(&bench, 50 + number, 2).await;
                assert!(matches!(accepted, Acceptance::Accepted(_)), "{accepted:?}");
            }
            "disabled" => {
                disable(true).await;
                disable(false).await;
            }
            _ => {
                for role in [UserRole::Admin, UserRole::Buyer] {
                    let set = store.set_user_role(id(2), role, NOW_MS + 1, by());
                    set.await.unwrap().unwrap();
                }
            }
        }
        assert_eq!(listed(&bench).await, [kept.invitation_id], "{how}");
    }
}

async fn an_erased_account_leaves_no_invitation(bench: Bench) {
    house(&bench).await;
    let store = &bench.store;
    let owner_of_address = UserRow {
        email_verified_at_ms: Some(NOW_MS),
        address_owned_at_ms: Some(NOW_MS),
        ..user(2)
    };
    let added = store.add_user(&owner_of_address, None, by());
    added.await.unwrap();
    let to_it = invitation(1, 2, MemberRole::Scanner);
    let kept = invitation(2, 9, MemberRole::Scanner);
    let from_it = NewInvitation {
        invited_by: Some(id(2)),
        ..invitation(3, 8, MemberRole::Scanner)
    };
    for row in [&to_it, &kept, &from_it] {
        invite(&bench, row).await;
    }
    let shown = password(1);
    let erasure = store.erase_user(id(2), Some(&shown), None, None, NOW_MS + 1, of_erasure);
    let done = Erasure::Erased {
        sessions: 0,
        memberships: 0,
        guests: 0,
        identities: 0,
    };
    assert_eq!(erasure.await.unwrap(), done);
    assert_eq!(listed(&bench).await, [kept.invitation_id]);
    assert_eq!(mails(&bench).await, [kept.invitation_id.to_string()]);
    // Who gets the address next is not invited by it.
    let next = UserRow {
        user_id: id(3),
        ..user(2)
    };
    store.add_user(&next, None, by()).await.unwrap();
    assert_eq!(accept(&bench, 1, 3).await, Acceptance::NotGood);
    // A link that was asked for just before is not issued just after.
    let link = token(4, Purpose::ResetPassword, 2);
    store.issue_one_time_token(&link, None, by()).await.unwrap();
    let found = store.one_time_token([4; 32], Purpose::ResetPassword, NOW_MS + 1);
    assert_eq!(found.await.unwrap(), None);
}

async fn who_does_not_own_an_address_takes_away_none_of_its_invitations(bench: Bench) {
    house(&bench).await;
    let store = &bench.store;
    // Of a stranger, who has registered the address of someone who is invited.
    add(&bench, 2).await;
    let invited = invitation(1, 2, MemberRole::Scanner);
    invite(&bench, &invited).await;
    let shown = password(1);
    let erasure = store.erase_user(id(2), Some(&shown), None, None, NOW_MS + 1, of_erasure);
    assert!(matches!(erasure.await.unwrap(), Erasure::Erased { .. }));
    assert_eq!(listed(&bench).await, [invited.invitation_id]);
    assert_eq!(mails(&bench).await, [invited.invitation_id.to_string()]);
    let owner_of_address = UserRow {
        user_id: id(3),
        ..user(2)
    };
    let added = store.add_user(&owner_of_address, None, by());
    added.await.unwrap();
    assert!(matches!(
        accept(&bench, 1, 3).await,
        Acceptance::Accepted(_)
    ));
}
