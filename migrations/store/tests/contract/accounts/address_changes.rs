//! Another address for an account.

use onsale_store::StoreError;
use onsale_store::account::{
    AccountProof, Act, Erasure, IdentityRow, LinkCondition, Linking, Mandate, Purpose, Requirement,
    SealedEmail, SessionEnd, UserRole, UserRow,
};
use onsale_store::address_change::{ADDRESS_CHANGES_PER_DAY_MAX, AddressAsked, AddressChange};
use onsale_store::audit::{Actor, AuditEntry, Unaudited};
use onsale_store::job::{JobFilter, NewJob};
use onsale_store::notice::{Notice, NoticeJob, NoticeMail};
use uuid::Uuid;

use super::{DAY_MS, NOW_MS, add, address, ended, open, password, sealed, token, user};
use crate::build::id;
use crate::harness::{Bench, contract};

contract!(
    a_change_is_done_once_by_its_link_and_ends_what_was_open,
    only_what_its_person_shows_moves_an_account,
    a_taken_address_is_found_out_by_the_link_alone,
    the_next_change_and_another_password_make_a_link_useless,
    who_becomes_an_admin_has_no_change_that_waits,
    a_change_takes_the_right_and_the_password_that_were_shown,
    an_account_asks_for_a_few_changes_a_day,
    an_address_that_nobody_verified_is_told_of_nothing,
    an_erased_account_has_no_changes_and_no_mails_about_them,
);

/// A change of user 1 to the address of that number, asked for so much later.
fn change(number: u8, to: u64, after_ms: u64) -> AddressChange {
    AddressChange {
        change_id: id(0x2000 + u64::from(number)),
        token_hash: [number; 32],
        user_id: id(1),
        email: new_email(to),
        from_hash: address(1),
        issued_at_ms: NOW_MS + after_ms,
        expires_at_ms: NOW_MS + after_ms + DAY_MS,
    }
}

fn new_email(number: u64) -> SealedEmail {
    SealedEmail {
        sealed: sealed("sealed new e-mail"),
        hash: address(number),
    }
}

/// The mail of a change.
fn mail(of: &AddressChange) -> NewJob {
    NewJob {
        kind: onsale_store::mail::KIND,
        key: of.change_id.to_string(),
        payload: "{}".to_owned(),
        delay_ms: 0,
        attempts_max: 3,
    }
}

fn told(notice: Notice) -> NoticeJob {
    let job = notice.job_to(id(1), NOW_MS, |_mail| "sealed old e-mail".to_owned());
    job.unwrap()
}

fn by() -> Unaudited {
    Unaudited::Unattended
}

fn changed(user: Uuid) -> AuditEntry {
    Actor::command_line().did("account.change_email", "user", user)
}

async fn ask_by(bench: &Bench, of: &AddressChange, act: Act) -> Result<AddressAsked, StoreError> {
    let (job, notice) = (mail(of), told(Notice::AddressChangeAsked));
    let shown = password(1);
    let asked = bench
        .store
        .ask_address_change(of, job, notice, Some(&shown), act);
    asked.await
}

async fn ask(bench: &Bench, of: &AddressChange) -> AddressAsked {
    ask_by(bench, of, by().into()).await.unwrap()
}

/// What the person of user 1 shows where nobody is signed in.
fn its_password() -> AccountProof {
    AccountProof::Password(password(1))
}

async fn follow(
    bench: &Bench,
    number: u8,
    to: u64,
    proof: AccountProof,
) -> Result<Option<Uuid>, StoreError> {
    let (notice, at_ms) = (told(Notice::AddressChanged), NOW_MS + 9);
    let email = new_email(to);
    let followed = bench
        .store
        .change_address([number; 32], &email, proof, notice, at_ms, changed);
    followed.await
}

/// User 1, whose address is verified and its own.
async fn add_verified(bench: &Bench) {
    let row = UserRow {
        email_verified_at_ms: Some(NOW_MS),
        address_owned_at_ms: Some(NOW_MS),
        ..user(1)
    };
    bench.store.add_user(&row, None, by()).await.unwrap();
}

async fn row(bench: &Bench) -> UserRow {
    bench.store.user(id(1)).await.unwrap().unwrap()
}

async fn is_good(bench: &Bench, number: u8) -> bool {
    let found = bench.store.address_change([number; 32], NOW_MS + 9).await;
    found.unwrap().is_some()
}

/// The keys of jobs of a kind.
async fn jobs(bench: &Bench, kind: &str) -> Vec<String> {
    let filter = JobFilter {
        kind: Some(kind.to_owned()),
        limit: 100,
        ..JobFilter::default()
    };
    let jobs = bench.store.jobs(&filter).await.unwrap();
    jobs.into_iter().map(|job| job.key).collect()
}

/// What people were told, by name.
async fn notices(bench: &Bench) -> Vec<NoticeMail> {
    let claimed = bench
        .store
        .claim_jobs(onsale_store::notice::KIND, "test", 60_000, 100)
        .await
        .unwrap();
    let mut told: Vec<NoticeMail> = claimed
        .iter()
        .map(|job| serde_json::from_str(&job.payload).unwrap())
        .collect();
    told.sort_by(|one, other| one.notice.cmp(&other.notice));
    told
}

async fn a_change_is_done_once_by_its_link_and_ends_what_was_open(bench: Bench) {
    add_verified(&bench).await;
    let (own, other) = (open(&bench, 1, 1).await, open(&bench, 2, 1).await);
    let store = &bench.store;
    let identity = IdentityRow {
        identity_id: id(0x3000),
        user_id: id(1),
        provider: "house".to_owned(),
        subject_hash: address(50),
        is_vouched: true,
        linked_at_ms: NOW_MS,
        last_used_at_ms: NOW_MS,
    };
    let linked = store.link_identity(
        &identity,
        LinkCondition::VerifiedAddress(address(1)),
        Notice::IdentityLinked.job(id(1), NOW_MS).unwrap(),
        by(),
    );
    assert_eq!(linked.await.unwrap(), Linking::Linked);
    for (number, purpose) in [(1, Purpose::VerifyEmail), (2, Purpose::ResetPassword)] {
        let link = token(number, purpose, 1);
        store.issue_one_time_token(&link, None, by()).await.unwrap();
    }
    let asked = change(1, 7, 1);
    assert_eq!(ask(&bench, &asked).await, AddressAsked::Asked);
    assert_eq!(row(&bench).await.email.unwrap().hash, address(1), "not yet");
    let found = store.address_change([1; 32], NOW_MS + 2).await.unwrap();
    assert_eq!(found, Some(asked));
    let late = store.address_change([1; 32], NOW_MS + 1 + DAY_MS).await;
    assert_eq!(late.unwrap(), None);

    let proof = AccountProof::Session(own.session_id);
    let (one, twin) = tokio::join!(
        follow(&bench, 1, 7, proof.clone()),
        follow(&bench, 1, 7, proof),
    );
    let done: Vec<Uuid> = [one, twin].into_iter().filter_map(Result::unwrap).collect();
    assert_eq!(done, [id(1)], "once");
    let row = row(&bench).await;
    assert_eq!(row.email, Some(new_email(7)));
    assert_eq!(row.email_verified_at_ms, Some(NOW_MS + 9));
    assert_eq!(row.address_owned_at_ms, Some(NOW_MS + 9));
    assert_eq!(store.user_by_email(address(1)).await.unwrap(), None);
    assert_eq!(
        ended(&bench, &own).await,
        None,
        "the one it was followed in"
    );
    let why = Some((NOW_MS + 9, SessionEnd::Address));
    assert_eq!(ended(&bench, &other).await, why);
    for (number, purpose) in [(1, Purpose::VerifyEmail), (2, Purpose::ResetPassword)] {
        let found = store
            .one_time_token([number; 32], purpose, NOW_MS + 9)
            .await;
        assert_eq!(found.unwrap(), None, "{purpose:?}");
    }
    let left = store.identities_of(id(1)).await.unwrap();
    assert_eq!(left.len(), 1, "it stays linked");
    assert!(
        !left[0].is_vouched,
        "its provider vouched for another address"
    );
    let told = notices(&bench).await;
    let told: Vec<(&str, Option<&str>)> = told
        .iter()
        .map(|mail| (mail.notice.as_str(), mail.address.as_deref()))
        .collect();
    let old = Some("sealed old e-mail");
    assert_eq!(
        told,
        [
            (Notice::AddressChangeAsked.as_str(), old),
            (Notice::AddressChanged.as_str(), old),
            (Notice::IdentityLinked.as_str(), None),
        ]
    );
}

async fn only_what_its_person_shows_moves_an_account(bench: Bench) {
    add_verified(&bench).await;
    add(&bench, 2).await;
    let of_another = open(&bench, 2, 2).await;
    assert_eq!(ask(&bench, &change(1, 7, 1)).await, AddressAsked::Asked);
    for proof in [
        AccountProof::Session(of_another.session_id),
        AccountProof::Password(password(2)),
    ] {
        let followed = follow(&bench, 1, 7, proof).await;
        assert!(matches!(followed, Err(StoreError::RightWithdrawn)));
        assert!(is_good(&bench, 1).await, "it stays");
    }
    let wrong = follow(&bench, 1, 8, its_password()).await;
    assert!(matches!(wrong, Err(StoreError::Invalid(_))), "{wrong:?}");
    assert_eq!(
        follow(&bench, 1, 7, its_password()).await.unwrap(),
        Some(id(1))
    );
    let row = row(&bench).await;
    assert_eq!(row.email_verified_at_ms, Some(NOW_MS + 9));
    assert_eq!(row.address_owned_at_ms, Some(NOW_MS + 9), "it was shown");
}

async fn a_taken_address_is_found_out_by_the_link_alone(bench: Bench) {
    add_verified(&bench).await;
    add(&bench, 2).await;
    let counts = async || {
        let mails = jobs(&bench, onsale_store::mail::KIND).await.len();
        let notices = jobs(&bench, onsale_store::notice::KIND).await.len();
        let rows = bench
            .texts("SELECT CAST(COUNT(*) AS text) FROM address_changes")
            .await;
        let entries = bench
            .texts("SELECT CAST(COUNT(*) AS text) FROM audit")
            .await;
        (mails, notices, rows, entries)
    };
    let entry = || Act::from(changed(id(1)));
    let asked = ask_by(&bench, &change(1, 2, 1), entry()).await.unwrap();
    assert_eq!(asked, AddressAsked::Asked);
    let taken = follow(&bench, 1, 2, its_password()).await;
    assert!(
        matches!(taken, Err(StoreError::Exists("account"))),
        "{taken:?}"
    );
    assert!(is_good(&bench, 1).await);
    assert_eq!(row(&bench).await.email.unwrap().hash, address(1));
    let before = counts().await;
    let asked = ask_by(&bench, &change(2, 9, 2), entry()).await.unwrap();
    assert_eq!(asked, AddressAsked::Asked);
    // As many rows for an address that nobody has: the first came to one of each, and so does the second.
    let one = || vec!["1".to_owned()];
    let two = || vec!["2".to_owned()];
    assert_eq!(before, (1, 1, one(), one()));
    assert_eq!(counts().await, (2, 2, two(), two()));
}

async fn the_next_change_and_another_password_make_a_link_useless(bench: Bench) {
    add_verified(&bench).await;
    let store = &bench.store;
    assert_eq!(ask(&bench, &change(1, 7, 1)).await, AddressAsked::Asked);
    assert_eq!(ask(&bench, &change(2, 8, 2)).await, AddressAsked::Asked);
    assert!(!is_good(&bench, 1).await && is_good(&bench, 2).await);
    assert_eq!(follow(&bench, 1, 7, its_password()).await.unwrap(), None);
    let same = password(1);
    let set = store.set_password(id(1), &same, None, None, NOW_MS + 3, by());
    assert!(set.await.unwrap());
    assert!(!is_good(&bench, 2).await, "the password was changed");

    assert_eq!(ask(&bench, &change(3, 7, 4)).await, AddressAsked::Asked);
    let link = token(9, Purpose::ResetPassword, 1);
    store.issue_one_time_token(&link, None, by()).await.unwrap();
    let reset = store.reset_password([9; 32], &same, NOW_MS + 5, changed);
    assert_eq!(reset.await.unwrap(), Some(id(1)));
    assert!(!is_good(&bench, 3).await, "it was set by mail");
    let told = notices(&bench).await;
    let told: Vec<&str> = told.iter().map(|mail| mail.notice.as_str()).collect();
    let asked = Notice::AddressChangeAsked.as_str();
    assert_eq!(
        told,
        [
            asked,
            asked,
            asked,
            Notice::PasswordChanged.as_str(),
            Notice::PasswordReset.as_str(),
        ]
    );

    assert_eq!(ask(&bench, &change(4, 7, 6)).await, AddressAsked::Asked);
    let disabled = store.set_user_disabled(id(1), true, NOW_MS + 7, by());
    disabled.await.unwrap();
    assert!(!is_good(&bench, 4).await, "it is disabled");
    // Nothing that could be sealed is left of them.
    let kept = "SELECT CAST(COUNT(*) AS text) FROM address_changes WHERE email_sealed IS NOT NULL";
    assert_eq!(bench.texts(kept).await, ["0"]);
    assert_eq!(store.address_changes_of(id(1)).await.unwrap().len(), 4);
    let forgotten = store.forget_address_changes(NOW_MS + 5 + DAY_MS).await;
    assert_eq!(forgotten.unwrap(), 3);
    assert_eq!(store.address_changes_of(id(1)).await.unwrap().len(), 1);
}

/// Whoever reads the mail of an address that a buyer mistyped is not to get an admin's account.
async fn who_becomes_an_admin_has_no_change_that_waits(bench: Bench) {
    add_verified(&bench).await;
    let store = &bench.store;
    assert_eq!(ask(&bench, &change(1, 7, 0)).await, AddressAsked::Asked);
    let changes = store.address_changes_of(id(1)).await.unwrap();
    assert_eq!(changes.len(), 1);
    assert_eq!(changes[0].change_id, id(0x2001));
    assert_eq!(changes[0].email, Some(new_email(7).sealed));
    let made = store.set_user_role(id(1), UserRole::Admin, NOW_MS + 1, by());
    assert!(made.await.unwrap().is_some());
    assert!(!is_good(&bench, 1).await);
    let followed = follow(&bench, 1, 7, its_password()).await;
    assert_eq!(followed.unwrap(), None);
    let changes = store.address_changes_of(id(1)).await.unwrap();
    assert_eq!(changes[0].email, None, "nothing is left of it");
    assert_eq!(changes[0].used_at_ms, Some(NOW_MS + 1));
    // Of what an admin asks for, the loss of the role keeps nobody from the address.
    assert_eq!(ask(&bench, &change(2, 7, 2)).await, AddressAsked::Asked);
    add_admin(&bench, 2).await;
    let lost = store.set_user_role(id(1), UserRole::Buyer, NOW_MS + 3, by());
    assert!(lost.await.unwrap().is_some());
    assert!(is_good(&bench, 2).await);
}

async fn add_admin(bench: &Bench, number: u64) {
    let row = UserRow {
        role: UserRole::Admin,
        ..user(number)
    };
    bench.store.add_user(&row, None, by()).await.unwrap();
}

async fn a_change_takes_the_right_and_the_password_that_were_shown(bench: Bench) {
    add_verified(&bench).await;
    let session = open(&bench, 1, 1).await;
    let store = &bench.store;
    let act = || {
        let mandate = Mandate {
            user_id: id(1),
            session_id: session.session_id,
            requires: Requirement::Account,
            at_ms: NOW_MS + 3,
        };
        Act::new(changed(id(1)), Some(mandate))
    };
    let asked = ask_by(&bench, &change(1, 7, 1), act()).await;
    assert_eq!(asked.unwrap(), AddressAsked::Asked);
    let another = password(2);
    let job = || mail(&change(2, 8, 2));
    let notice = || told(Notice::AddressChangeAsked);
    let wrong = change(2, 8, 2);
    let asked = store.ask_address_change(&wrong, job(), notice(), Some(&another), by());
    assert_eq!(asked.await.unwrap(), AddressAsked::NotThere, "its password");
    let moved = AddressChange {
        from_hash: address(5),
        ..change(2, 8, 2)
    };
    assert_eq!(ask(&bench, &moved).await, AddressAsked::NotThere);
    let nobody = AddressChange {
        user_id: id(99),
        ..change(2, 8, 2)
    };
    assert_eq!(ask(&bench, &nobody).await, AddressAsked::NotThere);
    let why = SessionEnd::Logout;
    let end = store.end_session(id(1), session.session_id, why, NOW_MS + 2, by());
    assert!(end.await.unwrap());
    let asked = ask_by(&bench, &change(2, 8, 2), act()).await;
    assert!(
        matches!(asked, Err(StoreError::RightWithdrawn)),
        "{asked:?}"
    );
    assert!(is_good(&bench, 1).await, "what was asked for before stays");
}

async fn an_account_asks_for_a_few_changes_a_day(bench: Bench) {
    add_verified(&bench).await;
    let max = u8::try_from(ADDRESS_CHANGES_PER_DAY_MAX).unwrap();
    for number in 1..=max {
        let asked = change(number, 7, u64::from(number));
        assert_eq!(ask(&bench, &asked).await, AddressAsked::Asked, "{number}");
    }
    let next = change(max + 1, 7, 1_000);
    let next_at_ms = NOW_MS + 1 + DAY_MS;
    assert_eq!(
        ask(&bench, &next).await,
        AddressAsked::TooMany { next_at_ms }
    );
    assert!(is_good(&bench, max).await, "the last one stays");
    let later = change(max + 1, 7, 1 + DAY_MS);
    assert_eq!(ask(&bench, &later).await, AddressAsked::Asked);
}

async fn an_address_that_nobody_verified_is_told_of_nothing(bench: Bench) {
    add(&bench, 1).await;
    assert_eq!(ask(&bench, &change(1, 7, 1)).await, AddressAsked::Asked);
    let followed = follow(&bench, 1, 7, its_password()).await;
    assert_eq!(followed.unwrap(), Some(id(1)));
    let row = row(&bench).await;
    assert!(row.owns_address(), "that of the new one is known");
    let of_nobody: [NoticeMail; 0] = [];
    assert_eq!(notices(&bench).await, of_nobody);
}

async fn an_erased_account_has_no_changes_and_no_mails_about_them(bench: Bench) {
    add_verified(&bench).await;
    let store = &bench.store;
    assert_eq!(ask(&bench, &change(1, 7, 1)).await, AddressAsked::Asked);
    assert_eq!(
        follow(&bench, 1, 7, its_password()).await.unwrap(),
        Some(id(1))
    );
    let again = AddressChange {
        from_hash: address(7),
        ..change(2, 8, 10)
    };
    assert_eq!(ask(&bench, &again).await, AddressAsked::Asked);
    let told = jobs(&bench, onsale_store::notice::KIND).await;
    assert_eq!(told.len(), 3);
    let shown = password(1);
    let audit = |_: &Erasure| changed(id(1));
    let erased = store.erase_user(id(1), Some(&shown), None, None, NOW_MS + 20, audit);
    assert!(matches!(erased.await.unwrap(), Erasure::Erased { .. }));
    assert_eq!(store.address_changes_of(id(1)).await.unwrap(), []);
    let none: [String; 0] = [];
    for kind in [onsale_store::mail::KIND, onsale_store::notice::KIND] {
        assert_eq!(jobs(&bench, kind).await, none, "{kind}");
    }
    assert!(!is_good(&bench, 2).await);
}
