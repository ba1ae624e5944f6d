//! Orders as rows of a table: one for each line of an order, for spreadsheets.

use serde_json::Value;

use super::orders::OrderBody;
use crate::error::ApiError;

/// Columns.
const COLUMNS: usize = 31;

/// The first row.
pub(super) const HEADER: [&str; COLUMNS] = [
    "booking_id",
    "status",
    "show_id",
    "zone_id",
    "seats",
    "quantity",
    "total_amount",
    "currency",
    "reserved_at",
    "confirmed_at",
    "ended_at",
    "confirmation_code",
    "buyer_id",
    "buyer_email",
    "buyer_name",
    "line",
    "label",
    "ticket_type",
    "rule",
    "list_price",
    "unit_price",
    "discount",
    "fee",
    "tax",
    "tax_percent",
    "fee_tax_percent",
    "amount",
    "order_fee",
    "order_fee_tax",
    "code_group_id",
    "code_group",
];

/// The rows of an order. Amounts are minor units.
///
/// # Errors
/// None for bookings as they are.
pub(super) fn rows(order: &OrderBody) -> Result<Vec<[String; COLUMNS]>, ApiError> {
    let whole = serde_json::to_value(order).map_err(ApiError::internal)?;
    Ok(of(&whole))
}

fn of(order: &Value) -> Vec<[String; COLUMNS]> {
    let nothing = [Value::Null];
    let lines = match order.get("lines").and_then(Value::as_array) {
        Some(lines) if !lines.is_empty() => lines.as_slice(),
        _ => nothing.as_slice(),
    };
    let of_lines = |path: &str| {
        let amounts = lines.iter().map(|line| amount(line, path));
        amounts.fold(0_i64, i64::saturating_add)
    };
    // What the order has and its lines have not. A plain one has neither.
    let beyond = |of_order: &str, of_line: &str| match order.pointer(of_order) {
        Some(_) => amount(order, of_order).saturating_sub(of_lines(of_line)),
        None => 0,
    };
    let order_fee = beyond("/fees/amount", "/fee/amount");
    let order_fee_tax = beyond("/tax/amount", "/tax/amount");
    let row = |(at, line): (usize, &Value)| {
        let once = |text: String| if at == 0 { text } else { String::new() };
        [
            text(order, "/booking_id"),
            text(order, "/status"),
            text(order, "/show_id"),
            text(line, "/zone_id"),
            text(line, "/seats"),
            text(line, "/quantity"),
            once(text(order, "/total_price/amount")),
            text(order, "/total_price/currency"),
            text(order, "/reserved_at"),
            text(order, "/confirmed_at"),
            text(order, "/ended_at"),
            text(order, "/confirmation_code"),
            text(order, "/buyer/user_id"),
            text(order, "/buyer/email"),
            text(order, "/buyer/name"),
            text(line, "/line"),
            text(line, "/label"),
            text(line, "/ticket_type"),
            text(line, "/rule"),
            text(line, "/list_price/amount"),
            text(line, "/unit_price/amount"),
            text(line, "/discount/amount"),
            text(line, "/fee/amount"),
            text(line, "/tax/amount"),
            text(line, "/tax_percent"),
            text(line, "/fee_tax_percent"),
            text(line, "/amount/amount"),
            once(order_fee.to_string()),
            once(order_fee_tax.to_string()),
            text(order, "/code_group/group_id"),
            text(order, "/code_group/name"),
        ]
    };
    lines.iter().enumerate().map(row).collect()
}

fn text(of: &Value, path: &str) -> String {
    match of.pointer(path) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(items)) => {
            let items: Vec<&str> = items.iter().filter_map(Value::as_str).collect();
            items.join(" ")
        }
        Some(other) => other.to_string(),
    }
}

fn amount(of: &Value, path: &str) -> i64 {
    of.pointer(path).and_then(Value::as_i64).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn column(row: &[String; COLUMNS], name: &str) -> String {
        let at = HEADER.iter().position(|known| *known == name).unwrap();
        row[at].clone()
    }

    #[test]
    fn each_line_is_a_row_and_every_column_of_amounts_can_be_summed() {
        let money = |amount: i64| json!({ "amount": amount, "currency": "THB" });
        let line = |number: i64, label: &str, quantity: i64, seats: Value| {
            json!({
                "line": number, "label": label, "zone_id": "z", "ticket_type": label, "seats": seats,
                "quantity": quantity, "unit_price": money(100), "list_price": money(110),
                "discount": money(10 * quantity), "fee": money(5 * quantity),
                "tax": money(7 * quantity), "tax_percent": "7", "amount": money(100 * quantity),
            })
        };
        let order = json!({
            "booking_id": "b", "status": "confirmed", "total_price": money(330), "fees": money(30),
            "tax": money(24), "buyer": { "user_id": "u", "email": null },
            "code_group": { "group_id": 3, "name": "Friends" },
            "lines": [line(0, "Adult", 2, json!(["A-1", "A-2"])), line(1, "Child", 1, json!([]))],
        });
        let rows = of(&order);
        assert_eq!(rows.len(), 2);
        let told = |name: &str| [column(&rows[0], name), column(&rows[1], name)];
        for (name, expected) in [
            ("booking_id", ["b", "b"]),
            ("status", ["confirmed", "confirmed"]),
            ("ticket_type", ["Adult", "Child"]),
            ("seats", ["A-1 A-2", ""]),
            ("quantity", ["2", "1"]),
            ("tax_percent", ["7", "7"]),
            ("fee_tax_percent", ["", ""]),
            ("order_fee", ["15", ""]),
            ("order_fee_tax", ["3", ""]),
            ("code_group_id", ["3", "3"]),
            ("code_group", ["Friends", "Friends"]),
            ("buyer_email", ["", ""]),
        ] {
            assert_eq!(told(name), expected, "{name}");
        }
        let sum = |name: &str| -> i64 {
            let cells = told(name);
            let amounts = cells.iter().filter(|cell| !cell.is_empty());
            amounts.map(|cell| cell.parse::<i64>().unwrap()).sum()
        };
        assert_eq!(
            sum("amount") + sum("fee") + sum("order_fee"),
            sum("total_amount")
        );
        assert_eq!(sum("tax") + sum("order_fee_tax"), 24);
    }

    #[test]
    fn a_plain_booking_is_one_row_without_fees() {
        let money = |amount: i64| json!({ "amount": amount, "currency": "THB" });
        let line = json!({ "line": 0, "tax": money(0), "fee": money(0), "amount": money(200) });
        let order = json!({ "total_price": money(200), "lines": [line] });
        let rows = of(&order);
        assert_eq!(rows.len(), 1);
        for (name, expected) in [
            ("total_amount", "200"),
            ("order_fee", "0"),
            ("code_group", ""),
        ] {
            assert_eq!(column(&rows[0], name), expected, "{name}");
        }
    }
}
