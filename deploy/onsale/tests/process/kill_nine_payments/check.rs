//! The gateway's books against ours.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use onsale_store::Store;
use onsale_store::payment::{Account, Balance};
use serde_json::Value;

use super::buyer::{Known, TICKETS};
use super::{House, PATIENCE, PAUSE, PRICE};

/// Whether nothing more becomes of a payment by itself. One that a person has to look at is a failure: nothing
/// happens here that the saga could not settle.
pub(super) fn is_at_rest(payment: &Value) -> bool {
    assert_ne!(
        payment["state"], "needs_operator",
        "expected no payment to need an operator, found {payment}"
    );
    let status = payment["status"].as_str().unwrap_or_default();
    matches!(
        status,
        "succeeded" | "failed" | "timed_out" | "refunded" | "partially_refunded"
    )
}

/// What the gateway holds for one payment, over all its objects.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Held {
    received: i64,
    refunded: i64,
    capturable: i64,
    /// Objects that money came to.
    charges: u32,
}

/// Compares all there is to compare.
pub(super) async fn everything(house: &House, known: &[Known], paid_back: &[String]) {
    let payments = house.until_at_rest().await;
    let held = gateway(house).await;
    let ours: BTreeMap<&str, &Value> = payments
        .iter()
        .map(|payment| (payment["payment_id"].as_str().unwrap(), payment))
        .collect();
    let mut bookings = BTreeSet::new();
    for one in known {
        assert!(
            bookings.insert(&one.booking),
            "expected a booking of its own for each buyer, found {} twice",
            one.booking
        );
        assert!(
            ours.contains_key(one.payment.as_str()),
            "expected payment {} of booking {} to be there, found it lost",
            one.payment,
            one.booking
        );
    }
    for payment in held.keys() {
        assert!(
            ours.contains_key(payment.as_str()),
            "the gateway holds {:?} for payment {payment}: expected a payment of ours, found none",
            held[payment]
        );
    }
    for (id, payment) in &ours {
        one(payment, held.get(*id).copied().unwrap_or_default());
    }
    for id in paid_back {
        let status = &ours[id.as_str()]["status"];
        assert_eq!(
            status, "refunded",
            "payment {id} was to be paid back: expected refunded"
        );
    }
    of_bookings(house, known, &ours).await;
    of_the_ledger(house, &held).await;
}

/// What the gateway's books say, by payment.
async fn gateway(house: &House) -> BTreeMap<String, Held> {
    let url = house.gateway.url().join("_books").unwrap();
    let response = house.server.http.get(url).send().await.unwrap();
    let books: Value = serde_json::from_str(&response.text().await.unwrap()).unwrap();
    let mut all = BTreeMap::<String, Held>::new();
    for record in books["payments"].as_array().unwrap() {
        let number = |name: &str| {
            let found = record[name].as_i64();
            found.unwrap_or_else(|| panic!("{name}: expected a number, found {record}"))
        };
        let payment = record["payment"].as_str();
        let payment = payment
            .unwrap_or_else(|| panic!("expected the payment that it was made for, found {record}"));
        assert_eq!(
            number("amount"),
            PRICE * TICKETS,
            "expected the booking's total, found {record}"
        );
        assert_eq!(
            record["currency"], "THB",
            "expected the booking's currency, found {record}"
        );
        let held = all.entry(payment.to_owned()).or_default();
        held.received += number("received");
        held.refunded += number("refunded");
        held.capturable += number("capturable");
        held.charges += u32::from(number("received") > 0);
    }
    all
}

/// One payment of ours against what the gateway holds for it.
fn one(payment: &Value, held: Held) {
    assert!(
        held.charges <= 1,
        "expected one charge at most, found {held:?} of {payment}"
    );
    assert_eq!(
        held.capturable, 0,
        "expected nothing to stay set aside, found {held:?} of {payment}"
    );
    let amount = payment["amount"]["amount"].as_i64().unwrap();
    let back = payment["refunded"]["amount"].as_i64().unwrap();
    let expected = match payment["status"].as_str().unwrap() {
        "succeeded" => (amount, 0),
        "partially_refunded" => (amount, back),
        // What was set aside and let go was never received.
        "refunded" => (amount, amount),
        _ => (held.refunded, held.refunded),
    };
    assert_eq!(
        (held.received, held.refunded),
        expected,
        "(received, refunded): expected what our payment says, found {held:?} of {payment}"
    );
}

/// No ticket without money, no money without ticket.
async fn of_bookings(house: &House, known: &[Known], ours: &BTreeMap<&str, &Value>) {
    let mut sold = 0;
    for one in known {
        let payment = ours[one.payment.as_str()];
        assert_eq!(
            payment["booking_id"].as_str(),
            Some(one.booking.as_str()),
            "expected a payment of booking {}, found {payment}",
            one.booking
        );
        let is_sold = payment["status"] == "succeeded";
        sold += if is_sold { TICKETS } else { 0 };
        let path = format!("/bookings/{}", one.booking);
        // A booking reads so a moment after its payment.
        let deadline = Instant::now() + PATIENCE;
        loop {
            let (status, body) = house.server.get(&one.token, &path).await;
            let is_confirmed = body["data"]["status"] == "confirmed";
            if status == 200 && is_confirmed == is_sold {
                break;
            }
            assert!(
                Instant::now() < deadline,
                "{path}: expected confirmed to be {is_sold} by {payment}, found {status} {body}"
            );
            tokio::time::sleep(PAUSE).await;
        }
    }
    let path = format!("/shows/{}/zones", house.show);
    let deadline = Instant::now() + PATIENCE;
    loop {
        let (_, body) = house.server.get("", &path).await;
        if body["data"][0]["sold_seats"].as_i64() == Some(sold) {
            return;
        }
        assert!(
            Instant::now() < deadline,
            "{path}: expected the {sold} places that are paid for to be sold, found {body}"
        );
        tokio::time::sleep(PAUSE).await;
    }
}

/// The ledger balances, and has at the gateway what the gateway has.
async fn of_the_ledger(house: &House, held: &BTreeMap<String, Held>) {
    let data = house.server.data.join("onsale.sqlite");
    let store = Store::connect(&format!("sqlite://{}", data.display()), 2)
        .await
        .unwrap();
    let balances = store.balances(None).await.unwrap();
    let sum: i64 = balances.iter().map(Balance::amount).sum();
    assert_eq!(
        sum, 0,
        "expected debits and credits to come to the same, found {balances:?}"
    );
    let on = |account: Account| -> i64 {
        let of_it = balances.iter().filter(|one| one.account == account);
        of_it.map(Balance::amount).sum()
    };
    let at_gateway: i64 = held
        .values()
        .map(|held| held.received - held.refunded)
        .sum();
    assert_eq!(
        on(Account::Gateway),
        at_gateway,
        "expected on the gateway's account what the gateway's books hold, found {balances:?}"
    );
    assert_eq!(
        on(Account::OwedToBuyers),
        0,
        "expected nothing to be owed to buyers at rest, found {balances:?}"
    );
}
