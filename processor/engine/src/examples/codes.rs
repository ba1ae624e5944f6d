//! What codes and windows of types let in: E26, E35.

use super::*;
use onsale_schemas::rejection::CodeRefusal;

#[test]
fn e26_a_presale_lets_in_what_is_in_its_scope() {
    let mut m = start(vec![general(10), general(10)], Offer::default());
    m.amend(show_id(1), |amend: &mut AmendShow| {
        amend.sale_opens_at_ms = Some(1_000);
    });
    let presale = CodeTerms {
        presale: true,
        from_ms: 500,
        scope: scope(&[0], 0),
        ..terms(None)
    };
    m.run_ok(create(1, presale, &[1]));
    let closed = Rejection::SaleNotOpen { opens_at_ms: 1_000 };
    m.now = 499;
    m.expect_refusal(
        order(1, &[places(0, 1)], Some(1)),
        Rejection::CodeRefused {
            why: CodeRefusal::NotYet { from_ms: 500 },
        },
    );
    m.now = 500;
    m.hold(order(1, &[places(0, 1)], Some(1)));
    m.expect_refusal(
        order(1, &[places(0, 1), places(1, 1)], Some(1)),
        closed.clone(),
    );
    m.expect_refusal(order(1, &[places(0, 1)], None), closed);
    // It does not let in when the sale is over.
    m.run_ok(Command::CloseShow { show: show_id(1) });
    m.now = 1_000;
    m.expect_refusal(order(1, &[places(0, 1)], Some(1)), Rejection::SaleClosed);
}

#[test]
fn e35_windows_and_numbers_of_a_type() {
    let offer = Offer {
        types: vec![
            ticket_type(0),
            TicketType {
                min: 2,
                max: 4,
                from_ms: 1_000,
                until_ms: 2_000,
                ..ticket_type(1)
            },
        ],
        prices: vec![type_price(0, 1, 5)],
        ..Offer::default()
    };
    let mut m = start(vec![general(10)], offer);
    let some = |quantity| {
        let pick = PickV2::General { quantity };
        order(1, &[typed(0, pick, &[(1, quantity)])], None)
    };
    let not_on_sale = |opens_at_ms| Rejection::TypeNotOnSale {
        ticket_type: 1,
        opens_at_ms,
    };
    let quantity = |asked| Rejection::TypeQuantity {
        ticket_type: 1,
        asked,
        min: 2,
        max: 4,
    };
    for (now, asked, expected) in [
        (999, 2, not_on_sale(Some(1_000))),
        (1_000, 1, quantity(1)),
        (1_999, 5, quantity(5)),
    ] {
        m.now = now;
        m.expect_refusal(some(asked), expected);
    }
    m.hold(some(2));
    m.now = 2_000;
    m.expect_refusal(some(2), not_on_sale(None));
}
