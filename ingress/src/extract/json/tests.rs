use serde::Deserialize;

use super::*;

#[test]
fn a_whole_number_may_have_a_zero_fraction_and_nothing_else_changes() {
    let plain =
        |text: &str| whole_numbers(text.as_bytes()).map(|plain| String::from_utf8(plain).unwrap());
    let same = r#"{"a":1,"b":"3.0","c":1.5,"d":"\"2.0","e":1e3,"f":[1.05]}"#;
    assert_eq!(plain(same), None);
    assert_eq!(
        plain(r#"{"a":12.0,"b":[-3.00],"c":"4.0"}"#).as_deref(),
        Some(r#"{"a":12,"b":[-3],"c":"4.0"}"#)
    );
    assert_eq!(plain("\"open 3.0"), None);
    assert_eq!(plain("[3.,"), None);
    let outer: Outer = parse(br#"{"count":2.0}"#).unwrap();
    assert_eq!(outer.count, 2);
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only its shape matters")]
struct Outer {
    count: u32,
    id: Option<uuid::Uuid>,
    #[serde(default)]
    inner: Vec<Inner>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only its shape matters")]
struct Inner {
    name: String,
}

#[test]
fn no_answer_grows_with_what_was_sent() {
    let long = "k".repeat(7 << 20);
    for body in [
        format!("{{\"{long}\":1}}"),
        format!("{{\"count\":1,\"inner\":[{{\"name\":\"a\",\"{long}\":1}}]}}"),
        format!("{{\"count\":\"{long}\"}}"),
        format!("{{\"count\":1,\"id\":\"{long}\"}}"),
        format!("{{\"count\":1,\"{}\":2}}", "é".repeat(200)),
        format!("{{\"count\":\"{}\"}}", "é".repeat(200)),
    ] {
        let error = parse::<Outer>(body.as_bytes()).unwrap_err();
        let details = error.details().unwrap().to_string();
        assert!(details.len() < 1_024, "{}", &details[..200]);
        assert!(error.detail().len() < 1_024);
    }
}

#[test]
fn says_which_field_is_wrong_and_what_was_expected() {
    for (body, field, value, expected) in [
        ("{", "body", "null", "valid JSON"),
        ("", "body", "null", "valid JSON"),
        ("[]", "body", "null", ""),
        ("[1, null, []]", "body", "null", "an object"),
        ("7", "body", "null", "an object"),
        ("{}", "count", "null", "a value"),
        ("[[[[]]]]", "body", "null", "an object"),
        ("[\"x\"]", "body", "null", "an object"),
        ("{\"count\":-1}", "count", "-1", "from 0 to 4294967295"),
        ("{\"count\":1.5}", "count", "1.5", "from 0 to 4294967295"),
        (
            "{\"count\":\"1\"}",
            "count",
            "\"1\"",
            "from 0 to 4294967295",
        ),
        ("{\"count\":99999999999}", "count", "99999999999", "from 0"),
        (
            "{\"count\":1,\"more\":2}",
            "more",
            "2",
            "`count`, `id`, `inner`",
        ),
        ("{\"count\":1,\"id\":\"x\"}", "id", "\"x\"", "UUID"),
        (
            "{\"count\":1,\"inner\":[{\"name\":\"a\"},{\"name\":3}]}",
            "inner[1].name",
            "3",
            "a string",
        ),
        (
            "{\"count\":1,\"inner\":[{\"name\":\"a\",\"b\":4}]}",
            "inner[0].b",
            "4",
            "`name`",
        ),
        (
            "{\"count\":1,\"inner\":[{}]}",
            "inner[0].name",
            "null",
            "a value",
        ),
        ("{\"count\":1} x", "body", "null", "valid JSON"),
        ("{\"count\":1,\"count\":2}", "count", "null", "one value"),
    ] {
        let error = parse::<Outer>(body.as_bytes()).unwrap_err();
        assert_eq!(error.code(), Code::ValidationError);
        let details = error.details().unwrap();
        assert_eq!(details["field"], field, "{body}");
        assert_eq!(details["value"].to_string(), value, "{body}");
        let said = details["expected"].as_str().unwrap();
        assert!(said.contains(expected), "{body}: {said}");
    }
}

#[test]
fn no_value_of_a_secret_is_repeated() {
    for body in [
        r#"{"count":1,"passwort":"hunter22"}"#,
        r#"{"count":"hunter22"}"#,
        r#"{"count":1,"id":"hunter22"}"#,
        r#"{"count":1,"inner":[{"name":{"a":"hunter22"}}]}"#,
        r#"{"count":1,"inner":"hunter22"}"#,
        r#"{"count":1,"id":{"hunter22":1}}"#,
    ] {
        let error = parse_within::<Outer>(body.as_bytes(), &[], Shown::Only(&[])).unwrap_err();
        let details = error.details().unwrap();
        assert_eq!(details["value"], Value::Null, "{body}");
        assert!(
            !details.to_string().contains("hunter22"),
            "{body}: {details}"
        );
        assert!(!error.detail().contains("hunter22"), "{body}");
    }
}

#[test]
fn a_secret_shows_its_open_fields_alone() {
    for (body, field, value) in [
        (r#"{"count":1,"id":"x"}"#, "id", Value::from("x")),
        (r#"{"count":"hunter22"}"#, "count", Value::Null),
        (
            r#"{"count":1,"inner":[{"id":"x"}]}"#,
            "inner[0].id",
            Value::Null,
        ),
    ] {
        let shown = Shown::Only(&["id"]);
        let error = parse_within::<Outer>(body.as_bytes(), &[], shown).unwrap_err();
        let details = error.details().unwrap();
        assert_eq!(details["field"], field, "{body}");
        assert_eq!(details["value"], value, "{body}");
    }
    for (path, is_shown) in [
        ("zones", true),
        ("zones[12]", true),
        ("zones[0].name", false),
        ("zones[0][1]", false),
        ("zones_of_mine", false),
        ("inner.zones", false),
        ("zones[", false),
    ] {
        assert_eq!(Shown::Only(&["zones"]).has(path), is_shown, "{path}");
    }
}

#[test]
fn says_it_in_plain_english() {
    for (body, said) in [
        ("{\"count\":1,\"show\":2}", "show: unknown field"),
        (
            "{\"count\":x}",
            "body: is not valid JSON (line 1, column 10)",
        ),
        ("{}", "count: is required"),
        ("{\"count\":1,\"inner\":[{}]}", "inner[0].name: is required"),
        (
            "{\"count\":1,\"count\":2}",
            "count: is given more than once",
        ),
        ("{\"count\":1,\"id\":\"x\"}", "id: expected an id (a UUID)"),
        (
            "{\"count\":\"1\"}",
            "count: expected a whole number from 0 to 4294967295",
        ),
    ] {
        let error = parse::<Outer>(body.as_bytes()).unwrap_err();
        assert_eq!(error.detail(), said, "{body}");
    }
}
