//! Gaining rights, losing them at the same moment as others, and what is read by a right.

use onsale_schemas::MemberRole;
use onsale_store::StoreError;
use onsale_store::account::{
    Acceptance, Act, Mandate, Membership, MembershipChange, Purpose, Requirement, SessionEnd,
    UserRole, UserRow, WRONG_PASSWORDS_PER_LINK_MAX,
};
use onsale_store::address_change::{AddressAsked, AddressChange};
use onsale_store::audit::{Actor, AuditFilter, Unaudited};
use onsale_store::job::{JobFilter, NewJob};
use onsale_store::notice::Notice;

use super::{
    DAY_MS, NOW_MS, add, address, ended, invitation, mail, open, opera, password, sealed, token,
    user,
};
use crate::build::id;
use crate::harness::{Bench, contract};

contract!(
    rights_make_changes_of_address_that_wait_useless,
    only_an_owner_of_its_address_is_given_the_role_of_an_admin,
    admins_who_end_each_others_rights_all_at_once_are_all_answered,
    what_is_read_takes_a_right_that_holds,
    a_change_that_waits_is_withdrawn_with_its_mail,
    a_link_is_spent_by_wrong_passwords,
);

fn by() -> Unaudited {
    Unaudited::Unattended
}

/// A change of user 1 to another address.
fn change(number: u8) -> AddressChange {
    let mut email = user(1).email.unwrap();
    email.sealed = sealed("sealed new e-mail");
    email.hash = address(0x100 + u64::from(number));
    AddressChange {
        change_id: id(0x2000 + u64::from(number)),
        token_hash: [number; 32],
        user_id: id(1),
        email,
        from_hash: address(1),
        issued_at_ms: NOW_MS,
        expires_at_ms: NOW_MS + DAY_MS,
    }
}

async fn ask(bench: &Bench, number: u8) {
    let asked = change(number);
    let mail = NewJob {
        kind: onsale_store::mail::KIND,
        key: asked.change_id.to_string(),
        payload: "{}".to_owned(),
        delay_ms: 0,
        attempts_max: 3,
    };
    let told = Notice::AddressChangeAsked.job_to(id(1), NOW_MS, |_mail| "sealed".to_owned());
    let shown = password(1);
    let store = &bench.store;
    let done = store.ask_address_change(&asked, mail, told.unwrap(), Some(&shown), by());
    assert_eq!(done.await.unwrap(), AddressAsked::Asked);
}

async fn waits(bench: &Bench, number: u8) -> bool {
    let found = bench.store.address_change([number; 32], NOW_MS + 9).await;
    found.unwrap().is_some()
}

/// An account whose address is known to be its person's.
async fn add_owner(bench: &Bench, number: u64) {
    let row = UserRow {
        email_verified_at_ms: Some(NOW_MS),
        address_owned_at_ms: Some(NOW_MS),
        ..user(number)
    };
    bench.store.add_user(&row, None, by()).await.unwrap();
}

fn member(role: MemberRole) -> Membership {
    Membership {
        tenant_id: id(50),
        user_id: id(1),
        role,
        created_at_ms: NOW_MS,
    }
}

async fn rights_make_changes_of_address_that_wait_useless(bench: Bench) {
    let store = &bench.store;
    add_owner(&bench, 1).await;
    add_owner(&bench, 2).await;
    let first = Membership {
        user_id: id(2),
        ..member(MemberRole::Owner)
    };
    let house = opera(50);
    let opened = store.add_tenant(&house, Some(&first), by());
    opened.await.unwrap();
    use MembershipChange::Changed;

    ask(&bench, 1).await;
    assert!(waits(&bench, 1).await);
    let raised = store.set_role_of_owner(id(1), UserRole::Admin, NOW_MS + 1, by());
    assert_eq!(raised.await.unwrap().unwrap().role, UserRole::Admin);
    assert!(!waits(&bench, 1).await, "an admin of the installation");

    ask(&bench, 2).await;
    let sent = invitation(7, 1, MemberRole::Scanner);
    let invited = store.invite(&sent, mail("invitation"), by());
    assert!(invited.await.unwrap());
    let entry = |_: &Membership| Actor::command_line().did("invitation.accept", "user", id(1));
    let accepted = store.accept_invitation(sent.token.token_hash, id(1), NOW_MS + 1, entry);
    let accepted = accepted.await.unwrap();
    assert!(matches!(accepted, Acceptance::Accepted(_)), "{accepted:?}");
    assert!(!waits(&bench, 2).await, "an invitation");

    ask(&bench, 3).await;
    let entry = |_: MemberRole| Actor::command_line().did("member.set", "user", id(1));
    let role = MemberRole::Manager;
    let changed = store.change_member(id(50), id(1), role, None, NOW_MS + 1, entry);
    assert_eq!(changed.await.unwrap(), Changed);
    assert!(!waits(&bench, 3).await, "another role");

    ask(&bench, 4).await;
    let removed = store.remove_member(id(50), id(1), NOW_MS + 1, by());
    assert_eq!(removed.await.unwrap(), Changed);
    assert!(waits(&bench, 4).await, "who loses rights gains none");
    let scanner = member(MemberRole::Scanner);
    let set = store.set_member(&scanner, NOW_MS + 1, by());
    assert_eq!(set.await.unwrap(), Changed);
    assert!(!waits(&bench, 4).await, "an operator");

    ask(&bench, 5).await;
    let mut other = opera(51);
    other.slug = "circus".to_owned();
    let first = Membership {
        tenant_id: other.tenant_id,
        ..member(MemberRole::Owner)
    };
    let opened = store.add_tenant(&other, Some(&first), by());
    opened.await.unwrap();
    assert!(!waits(&bench, 5).await, "a tenant of one's own");
}

async fn only_an_owner_of_its_address_is_given_the_role_of_an_admin(bench: Bench) {
    let store = &bench.store;
    add_owner(&bench, 1).await;
    add(&bench, 2).await;
    let verified = UserRow {
        email_verified_at_ms: Some(NOW_MS),
        ..user(3)
    };
    store.add_user(&verified, None, by()).await.unwrap();
    let set = async |number: u64, role| {
        let set = store.set_role_of_owner(id(number), role, NOW_MS + 1, by());
        set.await.map(|user| user.map(|user| user.role))
    };
    let opened = open(&bench, 1, 2).await;
    for number in [2, 3] {
        let refused = set(number, UserRole::Admin).await;
        assert!(matches!(refused, Err(StoreError::AddressNotOwned)));
        let row = store.user(id(number)).await.unwrap().unwrap();
        assert_eq!(row.role, UserRole::Buyer);
        // To take rights away is always possible.
        let buyer = set(number, UserRole::Buyer).await;
        assert!(matches!(buyer, Ok(Some(UserRole::Buyer))));
    }
    let why = ended(&bench, &opened).await;
    assert_eq!(why, Some((NOW_MS + 1, SessionEnd::Role)));
    let raised = set(1, UserRole::Admin).await;
    assert!(matches!(raised, Ok(Some(UserRole::Admin))));
    assert!(matches!(set(9, UserRole::Admin).await, Ok(None)));
}

async fn admins_who_end_each_others_rights_all_at_once_are_all_answered(bench: Bench) {
    let store = &bench.store;
    for number in 1..=4 {
        add_owner(&bench, number).await;
    }
    for round in 1..=8 {
        for number in 1..=4 {
            let enabled = store.set_user_disabled(id(number), false, NOW_MS + round, by());
            enabled.await.unwrap();
            let raised = store.set_role_of_owner(id(number), UserRole::Admin, NOW_MS + round, by());
            raised.await.unwrap();
        }
        let demote = |number| store.set_user_role(id(number), UserRole::Buyer, NOW_MS, by());
        let disable = |number| store.set_user_disabled(id(number), true, NOW_MS, by());
        // In an order that is not that of the ids.
        let done = tokio::join!(
            demote(3),
            disable(1),
            demote(4),
            demote(2),
            disable(4),
            demote(1),
            disable(2),
            disable(3),
        );
        for done in <[_; 8]>::from(done) {
            assert!(
                matches!(done, Ok(Some(_)) | Err(StoreError::LastAdmin)),
                "{done:?}"
            );
        }
        assert!(store.has_admin().await.unwrap(), "round {round}");
    }
}

async fn what_is_read_takes_a_right_that_holds(bench: Bench) {
    let store = &bench.store;
    for number in [1, 2] {
        add_owner(&bench, number).await;
        let raised = store.set_user_role(id(number), UserRole::Admin, NOW_MS, by());
        raised.await.unwrap();
    }
    let session = open(&bench, 1, 1).await;
    let act = || {
        let entry = Actor::command_line().did("account.read", "user", id(2));
        let mandate = Mandate {
            user_id: id(1),
            session_id: session.session_id,
            requires: Requirement::Admin,
            at_ms: NOW_MS + 2,
        };
        Act::new(entry, Some(mandate))
    };
    let entries = async || {
        let filter = AuditFilter {
            action: Some("account.read".to_owned()),
            limit: 9,
            ..AuditFilter::default()
        };
        store.audit(&filter).await.unwrap().len()
    };
    store.note_read(act()).await.unwrap();
    assert_eq!(entries().await, 1);
    let ended = store.end_sessions(id(1), None, SessionEnd::Logout, NOW_MS + 1, by());
    assert_eq!(ended.await.unwrap(), 1);
    let refused = store.note_read(act()).await;
    assert!(matches!(refused, Err(StoreError::RightWithdrawn)));
    assert_eq!(entries().await, 1, "nothing was read");
}

async fn a_change_that_waits_is_withdrawn_with_its_mail(bench: Bench) {
    let store = &bench.store;
    add_owner(&bench, 1).await;
    ask(&bench, 1).await;
    let mails = async || {
        let filter = JobFilter {
            kind: Some(onsale_store::mail::KIND.to_owned()),
            limit: 9,
            ..JobFilter::default()
        };
        store.jobs(&filter).await.unwrap().len()
    };
    assert_eq!(mails().await, 1);
    let entry = || Actor::command_line().did("account.withdraw_email", "user", id(1));
    let withdraw = |user| store.withdraw_address_changes(id(user), NOW_MS + 1, entry());
    assert!(!withdraw(2).await.unwrap(), "another's");
    assert!(waits(&bench, 1).await);
    assert!(withdraw(1).await.unwrap());
    assert!(!waits(&bench, 1).await);
    assert_eq!(mails().await, 0);
    assert!(!withdraw(1).await.unwrap(), "none waits any more");
    let filter = AuditFilter {
        action: Some("account.withdraw_email".to_owned()),
        limit: 9,
        ..AuditFilter::default()
    };
    assert_eq!(store.audit(&filter).await.unwrap().len(), 1);
    // In a session that is live.
    ask(&bench, 2).await;
    let mandate = Mandate {
        user_id: id(1),
        session_id: id(0x9999),
        requires: Requirement::Account,
        at_ms: NOW_MS + 1,
    };
    let act = Act::new(entry(), Some(mandate));
    let refused = store.withdraw_address_changes(id(1), NOW_MS + 1, act).await;
    assert!(matches!(refused, Err(StoreError::RightWithdrawn)));
    assert!(waits(&bench, 2).await);
}

async fn a_link_is_spent_by_wrong_passwords(bench: Bench) {
    let store = &bench.store;
    add_owner(&bench, 1).await;
    ask(&bench, 1).await;
    for number in [2, 3] {
        let issued = token(number, Purpose::VerifyEmail, 1);
        let issued = store.issue_one_time_token(&issued, None, by());
        issued.await.unwrap();
    }
    let is_good = async |number: u8| {
        let purpose = Purpose::VerifyEmail;
        let found = store.one_time_token([number; 32], purpose, NOW_MS + 9);
        found.await.unwrap().is_some()
    };
    let count = async |number: u8, purpose| {
        let counted = store.count_wrong_password([number; 32], purpose, NOW_MS + 1);
        counted.await.unwrap()
    };
    for tried in 1..=WRONG_PASSWORDS_PER_LINK_MAX {
        assert!(waits(&bench, 1).await && is_good(2).await, "{tried}");
        let is_last = tried == WRONG_PASSWORDS_PER_LINK_MAX;
        assert_eq!(count(1, Purpose::ChangeEmail).await, is_last, "{tried}");
        assert_eq!(count(2, Purpose::VerifyEmail).await, is_last, "{tried}");
    }
    assert!(!waits(&bench, 1).await);
    assert!(!is_good(2).await);
    assert!(is_good(3).await, "another link");
    // There is nothing to spend.
    assert!(!count(1, Purpose::ChangeEmail).await);
    assert!(!count(9, Purpose::VerifyEmail).await);
}
