//! What is refused names its parameter.

use super::{encoded, list, searched};

#[tokio::test]
async fn bad_parameters_are_refused_by_name() {
    let world = searched(&[]).await;
    let long = "x".repeat(201);
    for (query, field) in [
        (format!("search={long}"), "search"),
        (format!("venue={long}"), "venue"),
        ("venue=a%0Ab".to_owned(), "venue"),
        (format!("search=x&city={}", encoded("\u{202e}x")), "city"),
        ("sort=best".to_owned(), "sort"),
        ("currency=XYZ".to_owned(), "currency"),
        ("currency=THBX".to_owned(), "currency"),
        ("currency=thb".to_owned(), "currency"),
        ("price_min=-1".to_owned(), "price_min"),
        ("price_max=1.5".to_owned(), "price_max"),
        ("price_max=9223372036854775808".to_owned(), "price_max"),
        ("price_min=5&price_max=4".to_owned(), "price_min"),
        (
            "search=x&from=2031-01-01T00:00:00Z&to=2030-01-01T00:00:00Z".to_owned(),
            "from",
        ),
        (
            "to=2030-01-01T00:00:00Z&until=2030-01-01T00:00:00Z".to_owned(),
            "until",
        ),
        ("to=soon".to_owned(), "to"),
        ("available=perhaps".to_owned(), "available"),
        ("facets=all".to_owned(), "facets"),
        ("limit=0".to_owned(), "limit"),
        ("limit=101".to_owned(), "limit"),
        ("limit=5&per_page=5".to_owned(), "limit"),
        ("page=10001".to_owned(), "page"),
        ("cursor=abc&page=1".to_owned(), "page"),
        ("cursor=abc".to_owned(), "cursor"),
        ("cursor=".to_owned(), "cursor"),
    ] {
        let reply = list(&world.ingress, &format!("?{query}")).await;
        let details = reply.error(400, "VALIDATION_ERROR");
        assert_eq!(details["field"], field, "{query}");
    }
    let path = "/api/v1/events?mine=true&sort=price";
    let reply = world.get(path).by_role("organizer").send().await;
    assert_eq!(reply.error(400, "VALIDATION_ERROR")["field"], "sort");
}

#[tokio::test]
async fn a_cursor_belongs_to_its_query() {
    let rows = [1, 2, 3].map(|number| super::named(number, &format!("Opera {number}")));
    let world = searched(&rows).await;
    let first = list(&world.ingress, "?search=opera&limit=2").await;
    let meta = first.json()["meta"].clone();
    let cursor = meta["next_cursor"].as_str().unwrap();
    let next = list(
        &world.ingress,
        &format!("?search=opera&limit=2&cursor={cursor}"),
    )
    .await;
    assert_eq!(next.data(200).as_array().unwrap().len(), 1);
    for other in [
        "search=oper",
        "search=opera&sort=date",
        "search=opera&city=oslo",
    ] {
        let query = format!("?{other}&limit=2&cursor={cursor}");
        let reply = list(&world.ingress, &query).await;
        let details = reply.error(400, "VALIDATION_ERROR");
        assert_eq!(details["field"], "cursor", "{other}");
    }
}

#[tokio::test]
async fn suggestions_have_bounds_too() {
    let world = searched(&[]).await;
    for (query, field) in [
        (String::new(), "q"),
        (format!("q={}", "x".repeat(201)), "q"),
        ("q=%00".to_owned(), "q"),
        ("q=a&limit=0".to_owned(), "limit"),
        ("q=a&limit=21".to_owned(), "limit"),
        ("q=a&search=b".to_owned(), "search"),
    ] {
        let reply = list(&world.ingress, &format!("/suggest?{query}")).await;
        let details = reply.error(400, "VALIDATION_ERROR");
        assert_eq!(details["field"], field, "{query}");
    }
}
