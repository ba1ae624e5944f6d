//! What becomes of guests' purchases when an account has their address.

use http::Method;
use onsale_schemas::outcome::EndedBooking;
use onsale_schemas::{Actor, Command, Outcome, SeatList};
use serde_json::{Value, json};

use super::{EMAIL, get, guest, id, ids, projected, register, take_over, token, verify, world};
use crate::accounts::PASSWORD;
use crate::support::{SHOW, Script};

#[tokio::test]
async fn a_verified_account_takes_over_what_was_bought_with_its_address() {
    let world = world().await;
    let guests = [
        guest(&world, EMAIL).await,
        guest(&world, "NoBody@Example.test").await,
        guest(&world, EMAIL).await,
    ];
    let stranger = guest(&world, "stranger@example.test").await;
    let first = projected(&world, 100, id(&guests[0])).await;
    let second = projected(&world, 101, id(&guests[1])).await;
    let foreign = projected(&world, 102, id(&stranger)).await;
    let account = register(&world, EMAIL).await;
    verify(&world).await;
    let taken = take_over(&world, &account).await.data(200);
    let mut taken: Vec<&str> = taken["guests"]
        .as_array()
        .unwrap()
        .iter()
        .map(|guest| guest.as_str().unwrap())
        .collect();
    taken.sort_unstable();
    let mut expected = [id(&guests[0]).to_string(), id(&guests[1]).to_string()];
    expected.sort_unstable();
    assert_eq!(taken, expected, "the third has bought nothing");
    let again = take_over(&world, &account).await.data(200);
    assert_eq!(again, json!({ "guests": [] }));

    let listed = get(&world, &account, "bookings").await.data(200);
    assert_eq!(listed.as_array().unwrap().len(), 2);
    let pending = get(&world, &account, "bookings/pending").await.data(200);
    assert_eq!(ids(&pending), ids(&listed));
    for booking in [first, second] {
        assert!(ids(&listed).contains(&booking.to_string()));
        let path = format!("bookings/{booking}");
        get(&world, &account, &path).await.data(200);
    }
    let path = format!("bookings/{foreign}");
    get(&world, &account, &path).await.error(404, "NOT_FOUND");

    // For the log the account acts as the guest, whose booking it is there.
    world.log.next(Script::Answer(Outcome::Released {
        booking: EndedBooking {
            booking: 100,
            show: SHOW,
            user: id(&guests[0]),
            zone: 0,
            seats: SeatList::from_iter([0]),
            quantity: 1,
        },
        was_confirmed: false,
    }));
    let cancel = world.post(&format!("/api/v1/bookings/{first}/cancel"));
    cancel.token(token(&account)).send().await.data(200);
    let released = |user| Command::Release {
        booking: 100,
        by: Actor::Buyer(user),
    };
    assert_eq!(world.log.last().command, released(id(&guests[0])));
    let cancel = world.post(&format!("/api/v1/bookings/{first}/cancel"));
    let cancelled = cancel.token(token(&stranger)).send().await;
    cancelled.error(404, "NOT_FOUND");
    assert_eq!(world.log.last().command, released(id(&stranger)));

    let export = get(&world, &account, "auth/me/export").await.data(200);
    // The third, of the same address, is kept for some days more.
    let guests = export["guests"].as_array().unwrap();
    let taken = guests
        .iter()
        .filter(|guest| !guest["taken_over_at"].is_null());
    assert_eq!((guests.len(), taken.count()), (3, 2));
    assert_eq!(
        export["guests"][0]["email"].as_str().map(str::len),
        Some(EMAIL.len())
    );
    assert_eq!(export["bookings"].as_array().unwrap().len(), 2);
    // What it did as the guests that are its own now.
    let did = |action: &str| {
        let entries = export["audit"].as_array().unwrap().iter();
        entries.filter(|entry| entry["action"] == action).count()
    };
    assert_eq!((did("guest.open"), did("booking.reserve")), (2, 2));
    assert_eq!(export["complete"], true);
}

#[tokio::test]
async fn an_export_has_what_was_bought_with_a_verified_address() {
    let world = world().await;
    let bought = guest(&world, EMAIL).await;
    let booking = projected(&world, 100, id(&bought)).await;
    let stranger = guest(&world, "stranger@example.test").await;
    projected(&world, 101, id(&stranger)).await;
    let account = register(&world, EMAIL).await;
    let export = get(&world, &account, "auth/me/export").await.data(200);
    assert_eq!(export["guests"], json!([]), "it may be another person's");
    assert_eq!(export["bookings"], json!([]));
    verify(&world).await;
    // What erasure would erase, though the account has taken nothing over.
    let export = get(&world, &account, "auth/me/export").await.data(200);
    assert_eq!(export["guests"].as_array().map(Vec::len), Some(1));
    assert_eq!(export["guests"][0]["guest_id"], bought["guest_id"]);
    assert_eq!(export["guests"][0]["taken_over_at"], Value::Null);
    assert_eq!(ids(&export["bookings"]), [booking.to_string()]);
}

#[tokio::test]
async fn an_erased_account_leaves_no_address_of_its_guests() {
    let world = world().await;
    let bought = guest(&world, EMAIL).await;
    let left = guest(&world, EMAIL).await;
    projected(&world, 100, id(&bought)).await;
    let account = register(&world, EMAIL).await;
    verify(&world).await;
    take_over(&world, &account).await.data(200);
    let erased = world
        .call(Method::DELETE, "/api/v1/auth/me")
        .token(token(&account))
        .json(&json!({ "password": PASSWORD }));
    erased.send().await.data(200);
    for guest in [&bought, &left] {
        let row = world.store.guest(id(guest).0).await.unwrap().unwrap();
        assert_eq!((row.email, row.owner), (None, None));
    }
    get(&world, &left, "auth/me").await.error(404, "NOT_FOUND");
}
