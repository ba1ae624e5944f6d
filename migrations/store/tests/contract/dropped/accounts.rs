//! Every write of accounts.

use std::sync::atomic::{AtomicU64, Ordering};

use onsale_schemas::MemberRole;
use onsale_store::account::{
    AccountProof, LinkCondition, Mandate, Membership, Purpose, Requirement, SessionStep, UserRole,
};
use onsale_store::account_answer::Turn;
use onsale_store::address_change::AddressChange;
use onsale_store::audit::{Actor, Unaudited};
use onsale_store::factor::{ChallengeRow, CodePace, FactorsReset, Tried};
use onsale_store::notice::Notice;
use onsale_store::reset::ResetRequest;
use onsale_store::store::Decided;
use uuid::Uuid;

use super::{Begin, call, drop_each, drop_each_keeping};
use crate::accounts::{NOW_MS, opera, password, session, token, user};
use crate::answers::{answer as remembered_answer, key};
use crate::branding::{branding, logo};
use crate::build::id;
use crate::guests::guest;
use crate::harness::{Bench, contract};
use crate::identities::identity;

contract!(no_write_of_accounts_takes_its_connection_with_it);

/// 32 bytes that no other number has.
fn hash_of(number: u64) -> [u8; 32] {
    let mut hash = [0; 32];
    hash[24..].copy_from_slice(&number.to_be_bytes());
    hash
}

fn reset_request(number: u64) -> ResetRequest {
    ResetRequest {
        mail_id: id(number),
        address_hash: *user(1).email.unwrap().hash.as_bytes(),
        token_hash: hash_of(number),
        token: "c2VhbGVk".to_owned(),
        life_ms: 3_600_000,
        by: Actor::command_line(),
    }
}

/// Of user 1.
fn address_change(number: u64) -> AddressChange {
    let email = user(1).email.unwrap();
    AddressChange {
        change_id: id(number),
        token_hash: hash_of(number),
        user_id: id(1),
        from_hash: email.hash,
        email,
        issued_at_ms: NOW_MS,
        expires_at_ms: NOW_MS + 1,
    }
}

#[expect(clippy::too_many_lines, reason = "a list of every write")]
async fn no_write_of_accounts_takes_its_connection_with_it(bench: Bench) {
    let store = &bench.store;
    let unattended = Unaudited::Unattended;
    store.add_user(&user(1), None, unattended).await.unwrap();
    let tenant = opera(50);
    let owner = Membership {
        tenant_id: tenant.tenant_id,
        user_id: id(1),
        role: MemberRole::Owner,
        created_at_ms: NOW_MS,
    };
    store
        .add_tenant(&tenant, Some(&owner), unattended)
        .await
        .unwrap();
    // What was dropped is done all the same, so each attempt adds something else.
    let next = AtomicU64::new(2);
    let number = || next.fetch_add(1, Ordering::Relaxed);
    let entry = || Actor::command_line().did("account.try", "user", id(1));
    let calls: Vec<(&str, Begin<'_>)> = vec![
        (
            "add_user",
            Box::new(|| {
                let row = user(number());
                call(async move { store.add_user(&row, None, unattended).await })
            }),
        ),
        (
            "begin_account_answer",
            Box::new(|| call(store.begin_account_answer(key(number(), 1), 10_000, NOW_MS))),
        ),
        (
            "keep_account_answer",
            Box::new(|| {
                let turn = Turn {
                    answer_id: key(1, 1).answer_id,
                    until_ms: NOW_MS,
                };
                call(async move { store.keep_account_answer(turn, &remembered_answer()).await })
            }),
        ),
        (
            "still_holds",
            Box::new(|| {
                let by = Mandate {
                    user_id: id(1),
                    session_id: id(1),
                    requires: Requirement::Account,
                    at_ms: NOW_MS,
                };
                call(store.still_holds(by))
            }),
        ),
        ("note_read", Box::new(|| call(store.note_read(entry())))),
        (
            "withdraw_address_changes",
            Box::new(|| call(store.withdraw_address_changes(id(1), NOW_MS, entry()))),
        ),
        (
            "count_wrong_password",
            Box::new(|| {
                let hash = hash_of(number());
                call(store.count_wrong_password(hash, Purpose::ChangeEmail, NOW_MS))
            }),
        ),
        (
            "set_role_of_owner",
            Box::new(|| call(store.set_role_of_owner(id(1), UserRole::Buyer, NOW_MS, entry()))),
        ),
        (
            "forget_account_answers",
            Box::new(|| call(store.forget_account_answers(NOW_MS))),
        ),
        (
            "open_session",
            Box::new(|| {
                let row = session(number(), 1);
                call(async move { store.open_session(&row, None, unattended).await })
            }),
        ),
        (
            "add_user_with_identity",
            Box::new(|| {
                let number = number();
                let (row, identity) = (user(number), identity(number, number));
                call(async move {
                    let added = store.add_user_with_identity(&row, &identity, None, unattended);
                    added.await
                })
            }),
        ),
        (
            "link_identity",
            Box::new(|| {
                let row = identity(number(), 1);
                let condition = LinkCondition::Session {
                    session: id(9),
                    now_ms: NOW_MS,
                };
                let told = Notice::IdentityLinked.job(id(1), NOW_MS).unwrap();
                call(async move { store.link_identity(&row, condition, told, entry()).await })
            }),
        ),
        (
            "unlink_identity",
            Box::new(|| {
                call(async move {
                    let shown = password(1);
                    let told = Notice::IdentityUnlinked.job(id(1), NOW_MS).unwrap();
                    let (own, none) = (id(1), Vec::new());
                    let unlinked =
                        store.unlink_identity(own, id(9), Some(&shown), none, told, entry());
                    unlinked.await
                })
            }),
        ),
        (
            "begin_federated_sign_in",
            Box::new(|| call(store.begin_federated_sign_in([9; 32], NOW_MS))),
        ),
        (
            "hand_sign_in_over",
            Box::new(|| {
                let subject = identity(1, 1).subject_hash;
                call(store.hand_sign_in_over([9; 32], subject, [9; 32], NOW_MS, NOW_MS))
            }),
        ),
        (
            "take_sign_in",
            Box::new(|| call(store.take_sign_in([9; 32], [9; 32], NOW_MS))),
        ),
        (
            "step_session",
            Box::new(|| {
                let step = store.step_session(id(9), NOW_MS, move |_| Decided {
                    step: SessionStep::Keep,
                    audit: unattended.into(),
                    value: (),
                });
                call(step)
            }),
        ),
        (
            "set_password",
            Box::new(|| {
                call(async move {
                    let new = password(1);
                    let set = store.set_password(id(1), &new, None, None, NOW_MS, unattended);
                    set.await
                })
            }),
        ),
        (
            "issue_one_time_token",
            Box::new(|| {
                let bytes = u8::try_from(number() % 256).unwrap();
                let row = token(bytes, Purpose::VerifyEmail, 1);
                call(async move { store.issue_one_time_token(&row, None, unattended).await })
            }),
        ),
        (
            "verify_email",
            Box::new(|| call(store.verify_email([0; 32], None, NOW_MS, move |_| entry()))),
        ),
        (
            "ask_for_reset",
            Box::new(|| {
                let request = reset_request(number());
                call(async move { store.ask_for_reset(&request).await })
            }),
        ),
        (
            "forget_answered_resets",
            Box::new(|| call(store.forget_answered_resets())),
        ),
        (
            "ask_address_change",
            Box::new(|| {
                let (change, shown) = (address_change(number()), password(1));
                let mail = reset_request(number()).to_job().unwrap();
                let told = Notice::AddressChangeAsked.job(id(1), NOW_MS).unwrap();
                call(async move {
                    let asked =
                        store.ask_address_change(&change, mail, told, Some(&shown), unattended);
                    asked.await
                })
            }),
        ),
        (
            "change_address",
            Box::new(|| {
                let email = user(1).email.unwrap();
                let told = Notice::AddressChanged.job(id(1), NOW_MS).unwrap();
                call(async move {
                    let (audit, proof) =
                        (move |_: Uuid| entry(), AccountProof::Password(password(1)));
                    let changed = store.change_address([0; 32], &email, proof, told, NOW_MS, audit);
                    changed.await
                })
            }),
        ),
        (
            "forget_address_changes",
            Box::new(|| call(store.forget_address_changes(NOW_MS))),
        ),
        (
            "change_member",
            Box::new(|| {
                let (tenant, role) = (id(50), MemberRole::Owner);
                let audit = move |_: MemberRole| entry();
                call(store.change_member(tenant, id(1), role, None, NOW_MS, audit))
            }),
        ),
        (
            "set_branding",
            Box::new(|| {
                call(async move {
                    let said = branding();
                    let set = store.set_branding(id(50), &said, NOW_MS, unattended);
                    set.await
                })
            }),
        ),
        (
            "set_logo",
            Box::new(|| {
                let logo = logo(number());
                call(store.set_logo(id(50), Some(logo), NOW_MS, unattended))
            }),
        ),
        (
            "announce_logo",
            Box::new(|| call(store.announce_logo(id(number())))),
        ),
        (
            "withdraw_invitation",
            Box::new(|| call(store.withdraw_invitation(id(50), id(7), NOW_MS, unattended))),
        ),
        (
            "add_guest",
            Box::new(|| {
                let row = guest(number(), 1);
                call(async move { store.add_guest(&row, unattended).await })
            }),
        ),
        (
            "take_over_guests",
            Box::new(|| call(store.take_over_guests(id(1), None, NOW_MS, move |_| entry()))),
        ),
        (
            "erase_guest",
            Box::new(|| {
                let row = guest(number(), 1);
                call(store.erase_guest(row.guest_id, None, NOW_MS, unattended))
            }),
        ),
        (
            "append_audit",
            Box::new(|| call(store.append_audit(entry()))),
        ),
        (
            "issue_challenge",
            Box::new(|| {
                let challenge = ChallengeRow {
                    challenge_hash: [u8::try_from(number() % 256).unwrap(); 32],
                    user_id: id(1),
                    tenant_id: None,
                    expires_at_ms: NOW_MS + 1,
                };
                call(async move { store.issue_challenge(&challenge, unattended).await })
            }),
        ),
        (
            "count_code",
            Box::new(|| {
                let pace = CodePace {
                    burst: 1_000_000,
                    one_per_ms: 1,
                };
                let tried = Tried::OnChallenge([0; 32]);
                call(store.count_code(id(1), tried, pace, NOW_MS))
            }),
        ),
        (
            "reset_factors",
            Box::new(|| {
                let notice = Notice::FactorsReset.job(id(1), NOW_MS).unwrap();
                let audit = move |_: &FactorsReset| entry();
                call(store.reset_factors(id(1), notice, NOW_MS, audit))
            }),
        ),
    ];
    drop_each(store, &calls).await;
    // It reads before it writes, and a read that is dropped may cost its connection.
    let reads_first: Vec<(&str, Begin<'_>)> = vec![(
        "answer_reset_request",
        Box::new(|| {
            let request = reset_request(number());
            call(async move { store.answer_reset_request(&request, NOW_MS, NOW_MS).await })
        }),
    )];
    drop_each_keeping(0, store, &reads_first).await;
    store
        .add_user(&user(1_000), None, unattended)
        .await
        .unwrap();
}
