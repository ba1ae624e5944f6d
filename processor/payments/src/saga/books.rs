//! What is written into the books with a move.

use onsale_store::payment::{Account, Payment, Posting};

/// The account in which the money of a payment lies.
pub(super) fn till(payment: &Payment) -> Account {
    if payment.gateway == "cash" {
        Account::Cash
    } else {
        Account::Gateway
    }
}

/// Money has come, and buys nothing yet.
pub(super) fn paid(payment: &Payment, amount: i64) -> Option<Posting> {
    post("paid", till(payment), Account::OwedToBuyers, amount)
}

/// What has come has bought something.
pub(super) fn sold(amount: i64) -> Option<Posting> {
    post("sale", Account::OwedToBuyers, Account::Sales, amount)
}

/// Money that was set aside has been taken, for something that was bought.
pub(super) fn captured(payment: &Payment, amount: i64) -> Option<Posting> {
    post("capture", till(payment), Account::Sales, amount)
}

/// What has bought nothing has gone back.
pub(super) fn gone_back(payment: &Payment, amount: i64) -> Option<Posting> {
    post("refund:0", Account::OwedToBuyers, till(payment), amount)
}

/// A bank has taken money back, or given it back again.
pub(super) fn disputed(
    payment: &Payment,
    dispute: &str,
    amount: i64,
    is_returned: bool,
) -> Option<Posting> {
    let till = till(payment);
    if is_returned {
        let what = format!("dispute:{dispute}:returned");
        post(what, till, Account::Disputes, amount)
    } else {
        post(
            format!("dispute:{dispute}"),
            Account::Disputes,
            till,
            amount,
        )
    }
}

/// An entry, unless it is about nothing.
fn post(what: impl Into<String>, debit: Account, credit: Account, amount: i64) -> Option<Posting> {
    (amount > 0).then(|| Posting::new(what, debit, credit, amount))
}
