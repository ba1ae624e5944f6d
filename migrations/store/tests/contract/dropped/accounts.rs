//! Every write of accounts.

use std::sync::atomic::{AtomicU64, Ordering};

use onsale_schemas::MemberRole;
use onsale_store::account::{LinkCondition, Membership, Purpose, SessionStep};
use onsale_store::audit::{Actor, Unaudited};
use onsale_store::factor::{ChallengeRow, CodePace, FactorsReset, Tried};
use onsale_store::notice::Notice;
use onsale_store::store::Decided;

use super::{Begin, call, drop_each};
use crate::accounts::{NOW_MS, opera, password, session, token, user};
use crate::branding::{branding, logo};
use crate::build::id;
use crate::guests::guest;
use crate::harness::{Bench, contract};
use crate::identities::identity;

contract!(no_write_of_accounts_takes_its_connection_with_it);

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
                call(store.erase_guest(row.guest_id, NOW_MS, unattended))
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
    store
        .add_user(&user(1_000), None, unattended)
        .await
        .unwrap();
}
