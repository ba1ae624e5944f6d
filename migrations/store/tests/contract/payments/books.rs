//! The books: in double entry, append-only, and balanced whoever writes.

use onsale_schemas::command::Currency;
use onsale_store::payment::{
    Account, Balance, BookEntry, BookFilter, NewPayment, Opened, Payment, Posting,
};

use super::{AMOUNT, OPENED_MS, moved, new_payment, opened, paid};
use crate::build::id;
use crate::harness::{Bench, contract};

contract!(
    an_entry_is_written_once,
    accounts_are_balanced_by_tenant_currency_and_day,
    entries_are_exported_a_page_at_a_time,
    what_does_not_balance_is_refused_by_the_database,
    books_and_history_are_append_only,
);

const DAY_MS: u64 = 86_400_000;

/// Posts about a payment by a move that changes nothing else.
async fn post(bench: &Bench, before: &Payment, posting: Posting) -> Payment {
    let made = bench
        .store
        .move_payment(before, before, &moved(Some(posting)), None)
        .await;
    assert!(made.unwrap());
    bench.store.payment(before.id).await.unwrap().unwrap()
}

async fn an_entry_is_written_once(bench: Bench) {
    let payment = paid(&bench.store, 1, 5).await;
    let sale = Posting::new("capture", Account::Gateway, Account::Sales, AMOUNT);
    let payment = post(&bench, &payment, sale.clone()).await;
    // Nothing is due: there is nothing to write.
    let nothing = Posting::new("free", Account::Gateway, Account::Sales, 0);
    let payment = post(&bench, &payment, nothing).await;
    let posted = bench.store.postings_of_payment(payment.id).await.unwrap();
    assert_eq!(posted.len(), 1);
    assert_eq!(posted[0].posting, sale);
    assert_eq!((posted[0].tenant, posted[0].at_ms), (id(1), OPENED_MS));
    let many = Posting {
        what: "many".to_owned(),
        lines: vec![
            (Account::Sales, 5),
            (Account::Refunds, 0),
            (Account::Gateway, -7),
            (Account::Sales, 2),
        ],
    };
    post(&bench, &payment, many).await;
    let posted = bench.store.postings_of_payment(payment.id).await.unwrap();
    let many = posted.iter().find(|entry| entry.posting.what == "many");
    assert_eq!(
        many.unwrap().posting.lines,
        [
            (Account::Sales, 5),
            (Account::Gateway, -7),
            (Account::Sales, 2)
        ]
    );
    let unbalanced = bench.store.unbalanced_postings(9).await.unwrap();
    assert!(unbalanced.is_empty(), "{unbalanced:?}");
}

async fn accounts_are_balanced_by_tenant_currency_and_day(bench: Bench) {
    let store = &bench.store;
    paid(store, 1, 5).await;
    let second = paid(store, 2, 6).await;
    // Half a day later, of the same day only where it begins at noon.
    let later = OPENED_MS + DAY_MS / 2;
    let before = Payment {
        updated_at_ms: later,
        ..second
    };
    let refund = Posting::new("refund:1", Account::Refunds, Account::Gateway, 600);
    post(&bench, &before, refund).await;
    let elsewhere = NewPayment {
        tenant: id(2),
        currency: Currency(*b"EUR"),
        ..new_payment(3, 7)
    };
    let elsewhere = opened(store, &elsewhere).await;
    let sale = Posting::new("sale", Account::Cash, Account::Sales, 50);
    post(&bench, &elsewhere, sale).await;
    let balance = |currency: &[u8; 3], account, debit, credit| Balance {
        currency: Currency(*currency),
        account,
        debit,
        credit,
    };
    let of_first = [
        balance(b"THB", Account::Gateway, 2 * AMOUNT, 600),
        balance(b"THB", Account::Refunds, 600, 0),
        balance(b"THB", Account::Sales, 0, 2 * AMOUNT),
    ];
    let of_second = [
        balance(b"EUR", Account::Cash, 50, 0),
        balance(b"EUR", Account::Sales, 0, 50),
    ];
    assert_eq!(of_first[0].amount(), 2 * AMOUNT - 600);
    assert_eq!(store.balances(Some(id(1))).await.unwrap(), of_first);
    assert_eq!(store.balances(Some(id(2))).await.unwrap(), of_second);
    assert_eq!(store.balances(Some(id(3))).await.unwrap(), []);
    let all = store.balances(None).await.unwrap();
    assert_eq!(all, [&of_second[..], &of_first[..]].concat());
    assert_eq!(all.iter().map(Balance::amount).sum::<i64>(), 0);

    let days = async |tenant, begins_ms| {
        let days = store.postings_by_day(tenant, 0, u64::MAX, begins_ms).await;
        let days = days.unwrap().into_iter();
        days.map(|day| (day.day, day.balance)).collect::<Vec<_>>()
    };
    let day = i64::try_from(OPENED_MS / DAY_MS).unwrap();
    let offset = OPENED_MS % DAY_MS;
    assert!(offset < DAY_MS / 2, "{offset}");
    let first_day = [
        (day, balance(b"THB", Account::Gateway, 2 * AMOUNT, 600)),
        (day, balance(b"THB", Account::Refunds, 600, 0)),
        (day, balance(b"THB", Account::Sales, 0, 2 * AMOUNT)),
    ];
    assert_eq!(days(Some(id(1)), 0).await, first_day);
    // Days that begin at noon, and 12 hours before midnight, which is the day before.
    let noon = i64::try_from(DAY_MS / 2).unwrap();
    for (begins_ms, first) in [(noon, day - 1), (-noon, day)] {
        let split = days(Some(id(1)), begins_ms).await;
        let expected = [
            (first, balance(b"THB", Account::Gateway, 2 * AMOUNT, 0)),
            (first, balance(b"THB", Account::Sales, 0, 2 * AMOUNT)),
            (first + 1, balance(b"THB", Account::Gateway, 0, 600)),
            (first + 1, balance(b"THB", Account::Refunds, 600, 0)),
        ];
        assert_eq!(split, expected, "{begins_ms}");
    }
    assert_eq!(days(None, 0).await.len(), 5);
    let before = store.postings_by_day(None, 0, OPENED_MS, 0).await.unwrap();
    assert_eq!(before, []);
}

async fn entries_are_exported_a_page_at_a_time(bench: Bench) {
    let store = &bench.store;
    for number in 0..5 {
        // Two at one moment.
        let now_ms = OPENED_MS + number / 2;
        let new = new_payment(number, number);
        let Opened::New(payment) = store.open_payment(&new, now_ms).await.unwrap() else {
            panic!("it is not new")
        };
        let sale = Posting::new("sale", Account::Gateway, Account::Sales, 10);
        post(&bench, &payment, sale).await;
    }
    let mut filter = BookFilter {
        tenant: None,
        from_ms: OPENED_MS,
        until_ms: OPENED_MS + 2,
        after: None,
        limit: 3,
    };
    for tenant in [None, Some(id(1))] {
        let mut found: Vec<BookEntry> = Vec::new();
        filter.tenant = tenant;
        filter.after = None;
        loop {
            let page = store.postings(&filter).await.unwrap();
            let Some(last) = page.last() else { break };
            filter.after = Some(last.place());
            found.extend(page);
        }
        assert_eq!(found.len(), 4, "the fifth is from later");
        assert!(found.is_sorted_by_key(|entry| (entry.at_ms, entry.id)));
        assert!(found.iter().all(|entry| entry.posting.is_balanced()));
    }
    filter.tenant = Some(id(2));
    filter.after = None;
    assert_eq!(store.postings(&filter).await.unwrap(), []);
}

/// Statements by hand, with the lines that come before their entry.
fn by_hand(bench: &Bench, lines: &[(&str, i64)], with_entry: bool) -> String {
    let is_sqlite = bench.url.starts_with("sqlite");
    let uuid = |number: u64| {
        let simple = id(number).simple();
        if is_sqlite {
            format!("x'{simple}'")
        } else {
            format!("'{simple}'")
        }
    };
    let (posting, tenant) = (uuid(500), uuid(1));
    let mut sql = "BEGIN; ".to_owned();
    for (number, (currency, amount)) in (1..).zip(lines) {
        sql += &format!(
            "INSERT INTO posting_lines (posting_id, line, tenant_id, currency, account, amount) \
             VALUES ({posting}, {number}, {tenant}, '{currency}', 'cash', {amount}); "
        );
    }
    if with_entry {
        sql += &format!(
            "INSERT INTO postings (posting_id, tenant_id, payment_id, what, currency, at_ms) \
             VALUES ({posting}, {tenant}, {}, 'by hand', 'THB', 1); ",
            uuid(501)
        );
    }
    sql + "COMMIT"
}

async fn what_does_not_balance_is_refused_by_the_database(bench: Bench) {
    let balanced = [("THB", 5), ("THB", -5)];
    for (lines, with_entry) in [
        (&[("THB", 5), ("THB", -4)][..], true),
        (&[("THB", 5), ("EUR", -5)], true),
        (&[], true),
        (&[("THB", 0)], true),
        // Lines do not stay without their entry.
        (&balanced, false),
    ] {
        let sql = by_hand(&bench, lines, with_entry);
        assert!(bench.try_tamper(&sql).await.is_err(), "{sql}");
    }
    bench.tamper(&by_hand(&bench, &balanced, true)).await;
    // It is closed.
    let more = by_hand(&bench, &[], false).replace(
        "COMMIT",
        "INSERT INTO posting_lines SELECT posting_id, 9, tenant_id, currency, account, amount \
         FROM posting_lines; COMMIT",
    );
    assert!(bench.try_tamper(&more).await.is_err());
    assert_eq!(bench.store.balances(Some(id(1))).await.unwrap().len(), 1);
    let unbalanced = bench.store.unbalanced_postings(9).await.unwrap();
    assert!(unbalanced.is_empty(), "{unbalanced:?}");
}

async fn books_and_history_are_append_only(bench: Bench) {
    let payment = paid(&bench.store, 1, 5).await;
    let new = super::refunds::new_refund(1, &payment, 5);
    super::refunds::refund_of(&bench, &new).await;
    let mut refused = vec![
        "UPDATE postings SET what = 'x'",
        "DELETE FROM postings",
        "UPDATE posting_lines SET amount = amount * 2",
        "DELETE FROM posting_lines",
        "UPDATE payment_moves SET reason = 'x'",
        "DELETE FROM payment_moves",
        "UPDATE refund_moves SET reason = 'x'",
        "DELETE FROM refund_moves",
        "DELETE FROM payments",
        "DELETE FROM refunds",
    ];
    if bench.url.starts_with("sqlite") {
        refused.extend([
            "INSERT OR REPLACE INTO payment_moves SELECT * FROM payment_moves",
            "INSERT OR REPLACE INTO refund_moves SELECT * FROM refund_moves",
            "INSERT OR REPLACE INTO postings SELECT * FROM postings",
            "INSERT OR REPLACE INTO posting_lines SELECT * FROM posting_lines",
        ]);
    } else {
        refused.extend([
            "TRUNCATE postings CASCADE",
            "TRUNCATE posting_lines",
            "TRUNCATE payment_moves",
            "TRUNCATE refund_moves",
            "TRUNCATE refunds",
            "TRUNCATE payments",
            "TRUNCATE disputes",
        ]);
    }
    for sql in refused {
        assert!(bench.try_tamper(sql).await.is_err(), "{sql}");
    }
}
