//! Several payments of one booking: a sale whose money could not be taken is paid by another payment or given back, never
//! both.

use onsale_payments::run::Rest;
use onsale_store::payment::PaymentState;
use uuid::Uuid;

use super::fake_gateway::{HELD, UNTAKEABLE};
use super::fake_log::Booking;
use super::{PAYMENT, World, is_done_within};

const SECOND: Uuid = Uuid::from_u128(0x9b);
/// More than anything is asked in a test.
const OFTEN: u32 = 1_000;

/// A world in which the booking is sold for a payment whose money could not be taken.
async fn sold_without_money() -> World {
    let world = World::new().await;
    world.open(PAYMENT, UNTAKEABLE, "fake").await;
    let rest = world.executor().advance(PAYMENT).await.unwrap();
    assert!(matches!(rest, Rest::Waits { .. }), "{rest:?}");
    assert_eq!(state(&world, PAYMENT).await, PaymentState::CaptureFailed);
    assert_eq!(world.booking(), sold());
    world
}

async fn state(world: &World, id: Uuid) -> PaymentState {
    world.store.payment(id).await.unwrap().unwrap().state
}

/// Sold under the reference of the first payment.
fn sold() -> Booking {
    Booking::Sold(PAYMENT.simple().to_string())
}

#[tokio::test]
async fn another_payment_takes_a_sale_over_under_its_reference() {
    let world = sold_without_money().await;
    world.open(SECOND, HELD, "fake").await;
    let paid = world.settle(SECOND).await;
    assert_eq!(paid.state, PaymentState::Succeeded, "{paid:?}");
    assert_eq!(world.booking(), sold());
    let replaced = world.settle(PAYMENT).await;
    assert_eq!(replaced.state, PaymentState::Failed, "{replaced:?}");
    assert_eq!(world.log.state.lock().returns, 0);
    world.check("taken over");
}

#[tokio::test]
async fn late_money_for_what_was_replaced_does_not_take_the_sale_back() {
    let world = sold_without_money().await;
    world.open(SECOND, HELD, "fake").await;
    let executor = world.executor();
    world.log.state.lock().refused = OFTEN;
    executor.advance(SECOND).await.unwrap();
    assert_eq!(state(&world, SECOND).await, PaymentState::Authorised);
    assert_eq!(state(&world, PAYMENT).await, PaymentState::Failed);
    // It is on its way back when the second one asks for the sale again.
    world.gateway.take_late(PAYMENT);
    world.gateway.books.lock().busy = OFTEN;
    executor.look(PAYMENT).await.unwrap();
    assert_eq!(state(&world, PAYMENT).await, PaymentState::Refunding);
    world.log.state.lock().refused = 0;
    world.gateway.books.lock().busy = 0;
    let paid = world.settle(SECOND).await;
    assert_eq!(paid.state, PaymentState::Succeeded, "{paid:?}");
    let replaced = world.settle(PAYMENT).await;
    assert_eq!(replaced.state, PaymentState::Refunded, "{replaced:?}");
    assert_eq!(world.booking(), sold());
    world.check("late money");
}

#[tokio::test]
async fn nobody_pays_for_places_that_are_about_to_go_back() {
    let world = sold_without_money().await;
    world.open(SECOND, HELD, "fake").await;
    let executor = world.executor();
    world.log.state.lock().refused = OFTEN;
    executor.cancel(PAYMENT).await.unwrap();
    assert_eq!(state(&world, PAYMENT).await, PaymentState::CaptureFailed);
    world.log.state.lock().refused = 0;
    let second = world.settle(SECOND).await;
    assert_eq!(second.state, PaymentState::Failed, "{second:?}");
    assert_eq!(second.failure.as_deref(), Some("already_confirmed"));
    let first = world.settle(PAYMENT).await;
    assert_eq!(first.state, PaymentState::Failed, "{first:?}");
    assert_eq!(world.booking(), Booking::Returned);
    world.check("given back by the buyer");
}

/// Whichever of the two is taken on first after a process has ended somewhere.
#[tokio::test]
async fn a_sale_is_taken_over_or_given_back_wherever_a_process_ends() {
    for is_first_first in [false, true] {
        let mut polls = 1;
        loop {
            let world = sold_without_money().await;
            world.open(SECOND, HELD, "fake").await;
            let is_done = is_done_within(polls, world.executor().advance(SECOND)).await;
            let order = if is_first_first {
                [PAYMENT, SECOND]
            } else {
                [SECOND, PAYMENT]
            };
            for id in order {
                world.settle(id).await;
            }
            let what = format!("{order:?}, ended after {polls} polls");
            world.check(&what);
            let has_paid = state(&world, SECOND).await == PaymentState::Succeeded;
            let returns = world.log.state.lock().returns;
            assert_eq!(returns == 0, has_paid, "{what}");
            assert!(has_paid || is_first_first, "{what}");
            if is_done {
                break;
            }
            polls += 1;
        }
        assert!(polls > 3, "it is ended somewhere");
    }
}
