//! One-time tokens.

use onsale_schemas::MemberRole;
use onsale_store::StoreError;
use onsale_store::account::{
    AccountProof, KeptLink, LinkPace, NewInvitation, OneTimeToken, Purpose, SessionEnd, UserRow,
};
use onsale_store::audit::{AuditFilter, Unaudited};
use onsale_store::job::JobFilter;
use uuid::Uuid;

use super::{
    DAY_MS, NOW_MS, add, address, ended, invitation, mail, open, opera, password, token, user,
    verified,
};
use crate::build::id;
use crate::harness::{Bench, contract};

contract!(
    a_token_is_good_once_and_for_its_purpose,
    a_token_for_another_address_proves_nothing,
    a_mail_alone_shows_not_whose_the_account_is,
    a_reset_sets_the_password_and_ends_all_sessions,
    a_newer_token_leaves_an_older_one_good_until_one_is_used,
    of_two_links_that_are_used_at_once_one_is_good,
    an_account_is_sent_tokens_at_a_pace,
    what_is_kept_of_links_is_the_persons,
);

async fn a_token_is_good_once_and_for_its_purpose(bench: Bench) {
    add(&bench, 1).await;
    let store = &bench.store;
    let issued = token(1, Purpose::VerifyEmail, 1);
    let job = Some(mail("verify 1"));
    let unattended = Unaudited::Unattended;
    store
        .issue_one_time_token(&issued, job, unattended)
        .await
        .unwrap();
    let new = password(2);
    let wrong = store.reset_password([1; 32], &new, NOW_MS, verified);
    assert_eq!(wrong.await.unwrap(), None, "for another purpose");
    let late = store.verify_email([1; 32], None, NOW_MS + DAY_MS, verified);
    assert_eq!(late.await.unwrap(), None, "too late");
    let good = store.one_time_token([1; 32], Purpose::VerifyEmail, NOW_MS + 1);
    assert_eq!(good.await.unwrap(), Some(issued));
    let verify = || store.verify_email([1; 32], None, NOW_MS + 1, verified);
    let (one, other) = tokio::join!(verify(), verify());
    let used: Vec<Uuid> = [one, other]
        .into_iter()
        .filter_map(Result::unwrap)
        .collect();
    assert_eq!(used, [id(1)], "once");
    let row = store.user(id(1)).await.unwrap().unwrap();
    assert_eq!(row.email_verified_at_ms, Some(NOW_MS + 1));
    let good = store.one_time_token([1; 32], Purpose::VerifyEmail, NOW_MS + 1);
    assert_eq!(good.await.unwrap(), None);
    let forgotten = store.forget_one_time_tokens(NOW_MS + DAY_MS + 1);
    assert_eq!(forgotten.await.unwrap(), 1);
}

async fn a_token_for_another_address_proves_nothing(bench: Bench) {
    add(&bench, 1).await;
    let store = &bench.store;
    let other = OneTimeToken {
        email_hash: Some(address(5)),
        ..token(1, Purpose::VerifyEmail, 1)
    };
    let unattended = Unaudited::Unattended;
    store
        .issue_one_time_token(&other, None, unattended)
        .await
        .unwrap();
    let verify = store.verify_email([1; 32], None, NOW_MS + 1, verified);
    assert_eq!(verify.await.unwrap(), None);
    let row = store.user(id(1)).await.unwrap().unwrap();
    assert_eq!(row.email_verified_at_ms, None);
}

async fn a_mail_alone_shows_not_whose_the_account_is(bench: Bench) {
    add(&bench, 1).await;
    add(&bench, 2).await;
    let (own, of_another) = (open(&bench, 1, 1).await, open(&bench, 2, 2).await);
    let store = &bench.store;
    let follow = async |number: u8, proof: Option<AccountProof>| {
        let issued = token(number, Purpose::VerifyEmail, 1);
        let unattended = Unaudited::Unattended;
        let issued = store.issue_one_time_token(&issued, None, unattended);
        issued.await.unwrap();
        let at_ms = NOW_MS + u64::from(number);
        let followed = store.verify_email([number; 32], proof, at_ms, verified);
        let followed = followed.await;
        let row = store.user(id(1)).await.unwrap().unwrap();
        (followed, row.email_verified_at_ms, row.address_owned_at_ms)
    };
    let (followed, verified_at_ms, owned_at_ms) = follow(1, None).await;
    assert_eq!(followed.unwrap(), Some(id(1)));
    assert_eq!(verified_at_ms, Some(NOW_MS + 1));
    assert_eq!(owned_at_ms, None);
    for (number, proof) in [
        (2, AccountProof::Session(of_another.session_id)),
        (3, AccountProof::Password(password(2))),
    ] {
        let (followed, _, owned_at_ms) = follow(number, Some(proof)).await;
        assert!(matches!(followed, Err(StoreError::RightWithdrawn)));
        assert_eq!(owned_at_ms, None);
        let good = store.one_time_token([number; 32], Purpose::VerifyEmail, NOW_MS + 9);
        assert!(good.await.unwrap().is_some(), "it stays");
    }
    let proof = AccountProof::Session(own.session_id);
    let (followed, verified_at_ms, owned_at_ms) = follow(4, Some(proof)).await;
    assert_eq!(followed.unwrap(), Some(id(1)));
    assert_eq!(verified_at_ms, Some(NOW_MS + 1));
    assert_eq!(owned_at_ms, Some(NOW_MS + 4));
    let (_, _, owned_at_ms) = follow(5, None).await;
    assert_eq!(owned_at_ms, Some(NOW_MS + 4), "it was shown before");

    let issued = token(6, Purpose::VerifyEmail, 2);
    let issued = store.issue_one_time_token(&issued, None, Unaudited::Unattended);
    issued.await.unwrap();
    let proof = Some(AccountProof::Password(password(1)));
    let followed = store.verify_email([6; 32], proof, NOW_MS + 6, verified);
    assert_eq!(followed.await.unwrap(), Some(id(2)));
    let row = store.user(id(2)).await.unwrap().unwrap();
    assert!(row.owns_address());
}

async fn a_reset_sets_the_password_and_ends_all_sessions(bench: Bench) {
    add(&bench, 1).await;
    let opened = open(&bench, 1, 1).await;
    let store = &bench.store;
    let reset = token(1, Purpose::ResetPassword, 1);
    let unattended = Unaudited::Unattended;
    store
        .issue_one_time_token(&reset, None, unattended)
        .await
        .unwrap();
    let new = password(2);
    let done = store.reset_password([1; 32], &new, NOW_MS + 1, verified);
    assert_eq!(done.await.unwrap(), Some(id(1)));
    let row = store.user(id(1)).await.unwrap().unwrap();
    assert_eq!(row.password, Some(password(2)));
    assert_eq!(row.email_verified_at_ms, Some(NOW_MS + 1));
    assert_eq!(row.address_owned_at_ms, Some(NOW_MS + 1));
    let why = Some((NOW_MS + 1, SessionEnd::Password));
    assert_eq!(ended(&bench, &opened).await, why);
}

async fn a_newer_token_leaves_an_older_one_good_until_one_is_used(bench: Bench) {
    add(&bench, 1).await;
    let store = &bench.store;
    for number in [1, 2] {
        let issued = token(number, Purpose::ResetPassword, 1);
        let unattended = Unaudited::Unattended;
        store
            .issue_one_time_token(&issued, None, unattended)
            .await
            .unwrap();
    }
    let is_good = async |number: u8| {
        let found = store.one_time_token([number; 32], Purpose::ResetPassword, NOW_MS + 1);
        found.await.unwrap().is_some()
    };
    assert!(is_good(1).await && is_good(2).await);
    let new = password(2);
    let done = store.reset_password([1; 32], &new, NOW_MS + 1, verified);
    assert_eq!(done.await.unwrap(), Some(id(1)));
    assert!(!is_good(2).await);
}

async fn of_two_links_that_are_used_at_once_one_is_good(bench: Bench) {
    add(&bench, 1).await;
    let store = &bench.store;
    for number in [1, 2] {
        let issued = token(number, Purpose::ResetPassword, 1);
        let unattended = Unaudited::Unattended;
        let issued = store.issue_one_time_token(&issued, None, unattended);
        issued.await.unwrap();
    }
    let (two, three) = (password(2), password(3));
    let (one, other) = tokio::join!(
        store.reset_password([1; 32], &two, NOW_MS + 1, verified),
        store.reset_password([2; 32], &three, NOW_MS + 1, verified),
    );
    let used: Vec<Uuid> = [one, other]
        .into_iter()
        .filter_map(Result::unwrap)
        .collect();
    assert_eq!(used, [id(1)]);
}

async fn an_account_is_sent_tokens_at_a_pace(bench: Bench) {
    add(&bench, 1).await;
    let store = &bench.store;
    let pace = LinkPace {
        within_ms: DAY_MS,
        short_pauses: 2,
        short_pause_ms: 10,
        long_pause_ms: 100,
    };
    let issue = async |number: u8, after_ms: u64, of_user: u64| {
        let issued = OneTimeToken {
            issued_at_ms: NOW_MS + after_ms,
            ..token(number, Purpose::ResetPassword, of_user)
        };
        let entry = verified(id(of_user));
        let sent = store.issue_at_pace(&issued, mail(&number.to_string()), pace, entry);
        sent.await.unwrap()
    };
    assert!(!issue(9, 0, 9).await, "there is no such account");
    assert!(issue(1, 0, 1).await);
    assert!(!issue(2, 9, 1).await);
    assert!(issue(3, 10, 1).await);
    assert!(!issue(4, 109, 1).await, "the pause is long now");
    assert!(issue(5, 110, 1).await);
    // Who uses one has the mailbox, and may ask for another at once.
    let new = password(2);
    let done = store.reset_password([5; 32], &new, NOW_MS + 111, verified);
    assert_eq!(done.await.unwrap(), Some(id(1)));
    assert!(issue(6, 112, 1).await);
    let disabled = store.set_user_disabled(id(1), true, NOW_MS, Unaudited::Unattended);
    disabled.await.unwrap();
    assert!(!issue(7, 5_000, 1).await);
    let filter = JobFilter {
        limit: 10,
        ..JobFilter::default()
    };
    let jobs = store.jobs(&filter).await.unwrap();
    let links = jobs.iter().filter(|job| job.kind == mail("").kind);
    assert_eq!(links.count(), 4);
    let filter = AuditFilter {
        limit: 10,
        ..AuditFilter::default()
    };
    let entries = store.audit(&filter).await.unwrap();
    assert_eq!(entries.len(), 9, "who asks in vain is written down, too");
}

async fn what_is_kept_of_links_is_the_persons(bench: Bench) {
    add(&bench, 1).await;
    add(&bench, 2).await;
    let store = &bench.store;
    let unattended = Unaudited::Unattended;
    let tenant = opera(50);
    store.add_tenant(&tenant, None, unattended).await.unwrap();
    let link = token(1, Purpose::VerifyEmail, 1);
    let issued = store.issue_one_time_token(&link, None, unattended);
    issued.await.unwrap();
    let sent = NewInvitation {
        invited_by: Some(id(2)),
        ..invitation(2, 1, MemberRole::Scanner)
    };
    assert!(store.invite(&sent, mail("2"), unattended).await.unwrap());
    let proof = KeptLink {
        purpose: Purpose::VerifyEmail,
        invited: None,
        invited_by: None,
        issued_at_ms: link.issued_at_ms,
        expires_at_ms: link.expires_at_ms,
        used_at_ms: None,
    };
    let invitation = KeptLink {
        purpose: Purpose::Invitation,
        invited: Some((id(50), MemberRole::Scanner)),
        invited_by: Some(id(2)),
        ..proof.clone()
    };
    let found = async |user: &UserRow| store.links_of_person(user, 9).await.unwrap();
    let with_address = UserRow {
        email_verified_at_ms: Some(NOW_MS),
        address_owned_at_ms: Some(NOW_MS),
        ..user(1)
    };
    assert_eq!(
        found(&user(1)).await,
        std::slice::from_ref(&proof),
        "not its own"
    );
    let both = [proof.clone(), invitation.clone()];
    assert_eq!(found(&with_address).await, both);
    assert_eq!(
        found(&user(2)).await,
        std::slice::from_ref(&invitation),
        "it invited"
    );
    let shown = Some(AccountProof::Password(password(1)));
    let used = store.verify_email([1; 32], shown, NOW_MS + 1, verified);
    assert_eq!(used.await.unwrap(), Some(id(1)));
    assert_eq!(found(&user(1)).await, [], "it waits no more");
    let used = KeptLink {
        used_at_ms: Some(NOW_MS + 1),
        ..proof
    };
    assert_eq!(found(&with_address).await, [used, invitation]);
}
