//! Mails that tell people what happened to their accounts.

use onsale_store::account::Purpose;
use onsale_store::audit::{Actor, Unaudited};
use onsale_store::job::JobFilter;
use onsale_store::notice::{KIND, Notice};
use uuid::Uuid;

use crate::accounts::{DAY_MS, NOW_MS, add, token};
use crate::build::id;
use crate::harness::{Bench, contract};

contract!(
    a_notice_goes_to_a_verified_address_alone,
    a_day_has_room_for_a_few_notices_of_a_kind,
);

async fn tell(bench: &Bench, notice: Notice, user: u64, now_ms: u64) {
    let notice = notice.job(id(user), now_ms).unwrap();
    let by = Unaudited::Unattended;
    bench.store.refuse_code(Some(notice), by).await.unwrap();
}

async fn mails(bench: &Bench) -> usize {
    let filter = JobFilter {
        limit: 100,
        ..JobFilter::default()
    };
    let jobs = bench.store.jobs(&filter).await.unwrap();
    jobs.iter().filter(|job| job.kind == KIND).count()
}

async fn verify(bench: &Bench, number: u8, user: u64) {
    let store = &bench.store;
    let link = token(number, Purpose::VerifyEmail, user);
    let by = Unaudited::Unattended;
    store.issue_one_time_token(&link, None, by).await.unwrap();
    let entry = |user: Uuid| Actor::command_line().did("account.verify_email", "user", user);
    let verified = store
        .verify_email([number; 32], None, NOW_MS + 1, entry)
        .await;
    assert_eq!(verified.unwrap(), Some(id(user)));
}

async fn a_notice_goes_to_a_verified_address_alone(bench: Bench) {
    add(&bench, 1).await;
    for notice in Notice::ALL {
        tell(&bench, notice, 1, NOW_MS).await;
    }
    assert_eq!(mails(&bench).await, 0);
    verify(&bench, 1, 1).await;
    for notice in Notice::ALL {
        tell(&bench, notice, 1, NOW_MS).await;
    }
    assert_eq!(mails(&bench).await, Notice::ALL.len());
    tell(&bench, Notice::PasskeyAdded, 9, NOW_MS).await;
    assert_eq!(mails(&bench).await, Notice::ALL.len(), "nobody's account");
}

async fn a_day_has_room_for_a_few_notices_of_a_kind(bench: Bench) {
    for user in [1, 2] {
        add(&bench, user).await;
    }
    verify(&bench, 1, 1).await;
    verify(&bench, 2, 2).await;
    for _ in 0..30 {
        tell(&bench, Notice::RecoveryCodeUsed, 1, NOW_MS).await;
    }
    assert_eq!(mails(&bench).await, 5);
    tell(&bench, Notice::TotpRemoved, 1, NOW_MS).await;
    tell(&bench, Notice::RecoveryCodeUsed, 2, NOW_MS).await;
    tell(&bench, Notice::RecoveryCodeUsed, 1, NOW_MS + DAY_MS).await;
    assert_eq!(mails(&bench).await, 8, "another kind, person and day");
}
