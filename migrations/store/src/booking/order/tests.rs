use onsale_schemas::ShowId;

use super::*;

fn line(zone: ZoneIndex, seats: &[u32], quantity: u32, rule: PriceRule) -> Line {
    Line {
        zone,
        ticket_type: 2,
        seats: seats.into(),
        quantity,
        rule,
        list_price: 1_000,
        bundle: Some(4),
        bundle_off: 100,
        code_off: 50,
        unit_price: 850,
        unit_fee: 20,
        unit_tax: 7,
    }
}

fn order() -> OrderRow {
    OrderRow {
        lines: vec![
            line(2, &[9, 4], 2, PriceRule::Phase(255)),
            line(0, &[], 3, PriceRule::Type),
            line(2, &[], 0, PriceRule::Zone),
            line(2, &[1], 1, PriceRule::Zone),
        ],
        order_fee: 5,
        order_fee_tax: 1,
        total: 5_225,
        tax: 43,
        code: Some(CodeHash::from_bytes([3; 16])),
    }
}

#[test]
fn lines_are_what_was_written_down() {
    let order = order();
    let text = order.lines_text().unwrap();
    assert_eq!(OrderRow::lines_of(&text).unwrap(), order.lines);
    assert!(text.contains("\"rule\":\"phase\",\"phase\":255"), "{text}");
    let wrong = [
        text.replace("\"phase\":255", "\"phase\":null"),
        text.replace(
            "\"rule\":\"type\",\"phase\":null",
            "\"rule\":\"type\",\"phase\":1",
        ),
        text.replace("\"quantity\":3", "\"quantity\":-3"),
        text.replace("\"unit_fee\"", "\"unit_fees\""),
        "{}".to_owned(),
        "null".to_owned(),
    ];
    for text in wrong {
        let error = OrderRow::lines_of(&text).unwrap_err();
        assert!(
            matches!(&error, StoreError::Corrupt(what) if what.starts_with("order_lines: ")),
            "{text}: {error}"
        );
    }
}

#[test]
fn columns_that_differ_are_named_with_both_values() {
    let (one, mut other) = (order(), order());
    assert!(OrderRow::differing_columns(Some(&one), Some(&other)).is_empty());
    other.tax = 44;
    other.code = None;
    let differing = OrderRow::differing_columns(Some(&one), Some(&other));
    let expected = [
        ("order_tax", "43".to_owned(), "44".to_owned()),
        (
            "order_code",
            "\"03030303-0303-0303-0303-030303030303\"".to_owned(),
            "null".to_owned(),
        ),
    ];
    assert_eq!(differing, expected);
    let columns = OrderRow::differing_columns(None, Some(&one));
    let names: Vec<&str> = columns.iter().map(|(name, _, _)| *name).collect();
    assert_eq!(
        names,
        [
            "order_lines",
            "order_fee",
            "order_fee_tax",
            "order_total",
            "order_tax",
            "order_code"
        ]
    );
}

fn reserved() -> ReservedV2 {
    let order = order();
    ReservedV2 {
        booking: 8,
        show: ShowId::from_bytes([1; 16]),
        event: onsale_schemas::EventId::from_bytes([2; 16]),
        user: onsale_schemas::UserId::from_bytes([4; 16]),
        lines: order.lines,
        order_fee: order.order_fee,
        order_fee_tax: order.order_fee_tax,
        total: order.total,
        tax: order.tax,
        currency: "THB".parse().unwrap(),
        code: order.code,
        expires_at_ms: 90,
    }
}

#[test]
fn a_row_has_what_is_left_and_keeps_its_code() {
    let outcome = reserved();
    let record = OutcomeRecord {
        offset: 8,
        previous: None,
        log_time_ms: 30,
        request_id: None,
        replay_of: None,
        expired: Vec::new(),
        outcome: onsale_schemas::Outcome::ReservedV2(Box::new(outcome.clone())),
    };
    let mut row = BookingRow::of_order(PartitionId(1), &record, &outcome).unwrap();
    assert_eq!((row.zone, row.unit_price, row.quantity), (2, 850, 6));
    assert_eq!((&row.seats[..], row.reserved_at_ms), (&[9, 4, 1][..], 30));
    assert_eq!(row.order, Some(order()));
    let none = ReservedV2 {
        lines: Vec::new(),
        ..outcome
    };
    assert_eq!(BookingRow::of_order(PartitionId(1), &record, &none), None);

    let left = PlacesReturned {
        booking: 8,
        show: row.show_id,
        user: row.user_id,
        parts: Vec::new(),
        refund_price: 0,
        refund_fees: 0,
        lines: vec![line(2, &[4], 1, PriceRule::Phase(255))],
        order_fee: 4,
        order_fee_tax: 3,
        total: 874,
        tax: 10,
        currency: "THB".parse().unwrap(),
        ended: false,
    };
    row.leave(&left);
    let order = row.order.clone().unwrap();
    assert_eq!((&row.seats[..], row.quantity), (&[4][..], 1));
    assert_eq!((order.lines, order.total), (left.lines.clone(), 874));
    assert_eq!(order.code, Some(CodeHash::from_bytes([3; 16])));
    row.order = None;
    row.leave(&left);
    assert_eq!(row.order, None, "a plain booking stays plain");
}
