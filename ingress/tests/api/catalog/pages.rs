//! An event with its shows in one call, as a calendar and for search engines.

use http::Method;
use onsale_store::audit::Unaudited;
use onsale_store::catalog::ShowStatus;
use serde_json::json;
use uuid::Uuid;

use crate::support::{EVENT, SHOW, World};

async fn opened() -> World {
    let world = World::new().await;
    let opened = world
        .store
        .set_show_status(SHOW, ShowStatus::Open, Unaudited::Unattended);
    assert!(opened.await.unwrap());
    world
}

#[tokio::test]
async fn an_event_comes_with_its_shows_and_is_encoded_once() {
    let world = opened().await;
    let path = format!("/api/v1/events/{EVENT}?include=shows");
    let read = world.get(&path).send().await;
    let page = read.data(200);
    assert_eq!(page["name"], "A night out");
    assert_eq!(page["shows"][0]["show_id"], SHOW.to_string());
    assert_eq!(page["shows"][0]["zones"].as_array().unwrap().len(), 3);
    assert!(page["shows_next_cursor"].is_null());
    let about = &page["schema_org"];
    assert_eq!(about["@type"], "Event");
    assert_eq!(about["location"]["name"], "Hall");
    assert_eq!(about["offers"][0]["price"], "2500.00");
    let tag = read.header("etag").to_owned();
    assert!(read.header("cache-control").starts_with("public"));
    let known = world.get(&path).header("if-none-match", &tag).send().await;
    assert_eq!(known.status, 304);
    // Changed here, it is another one at once; and its tag is good for a change.
    let changed = world
        .call(Method::PATCH, &format!("/api/v1/events/{EVENT}"))
        .by_role("organizer")
        .header("if-match", &tag)
        .json(&json!({"city": "Chiang Mai"}))
        .send()
        .await;
    changed.data(200);
    let after = world.get(&path).header("if-none-match", &tag).send().await;
    assert_eq!(after.data(200)["city"], "Chiang Mai");
    assert_ne!(after.header("etag"), tag);
    let wrong = world
        .get(&format!("/api/v1/events/{EVENT}?include=all"))
        .send()
        .await;
    assert_eq!(wrong.error(400, "VALIDATION_ERROR")["field"], "include");
}

#[tokio::test]
async fn shows_are_a_calendar() {
    let world = opened().await;
    let patched = world
        .call(Method::PATCH, &format!("/api/v1/events/{EVENT}"))
        .by_role("organizer")
        .json(&json!({"time_zone": "Asia/Bangkok"}))
        .send()
        .await;
    patched.data(200);
    let tenant = uuid::Uuid::from_u128(7);
    for path in [
        format!("/api/v1/events/{EVENT}/calendar.ics"),
        format!("/api/v1/events/calendar.ics?tenant={tenant}"),
    ] {
        let reply = world.get(&path).send().await;
        assert_eq!(reply.status, 200, "{path}");
        assert_eq!(reply.header("content-type"), "text/calendar; charset=utf-8");
        let text = String::from_utf8(reply.bytes).unwrap();
        for line in [
            "BEGIN:VCALENDAR",
            "TZID:Asia/Bangkok",
            "SUMMARY:A night out",
            "END:VCALENDAR",
        ] {
            assert!(text.contains(&format!("{line}\r\n")), "{line}: {text}");
        }
        assert_eq!(text.matches("BEGIN:VEVENT").count(), 1, "{path}");
    }
    let other = uuid::Uuid::from_u128(9);
    let empty = world.get(&format!("/api/v1/events/calendar.ics?tenant={other}"));
    let empty = String::from_utf8(empty.send().await.bytes).unwrap();
    assert!(!empty.contains("VEVENT"), "{empty}");
    let nobody = world.get("/api/v1/events/calendar.ics").send().await;
    assert_eq!(nobody.error(400, "VALIDATION_ERROR")["field"], "tenant");
}

#[tokio::test]
async fn an_event_is_data_for_search_engines() {
    let world = opened().await;
    let reply = world
        .get(&format!("/api/v1/events/{EVENT}/schema.json"))
        .send()
        .await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.header("content-type"), "application/ld+json");
    let about = reply.json();
    assert_eq!(about["@context"], "https://schema.org");
    assert_eq!(about["eventStatus"], "https://schema.org/EventScheduled");
    assert_eq!(about["location"]["address"]["addressLocality"], "Bangkok");
    assert_eq!(about["location"]["@type"], "Place");
    assert_eq!(about["offers"][0]["@type"], "Offer");
    assert!(about.get("image").is_none(), "it has no picture");

    // A description is plain text, and a picture has its address.
    let mut row = world.store.event(EVENT).await.unwrap().unwrap();
    row.description = Some("Eine *Oper*\n\nvon **morgen**".to_owned());
    row.details.picture = Some(onsale_store::catalog::EventPicture {
        files: onsale_store::catalog::PictureFiles {
            picture_id: uuid::Uuid::from_u128(0x71c),
            format: onsale_store::catalog::PictureFormat::Jpeg,
            widths: vec![320, 1_280],
        },
        height: 720,
        alt: None,
    });
    let by = onsale_store::audit::Unaudited::Unattended;
    world.store.update_event(&row, by).await.unwrap();
    // It is made anew once it is a second old.
    let path = format!("/api/v1/events/{EVENT}/schema.json");
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(30);
    let about = loop {
        let about = world.get(&path).send().await.json();
        if about.get("description").is_some() {
            break about;
        }
        assert!(tokio::time::Instant::now() < deadline, "{about}");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    };
    assert_eq!(about["description"], "Eine Oper\nvon morgen");
    let id = uuid::Uuid::from_u128(0x71c);
    assert_eq!(
        about["image"],
        json!([
            format!("/api/v1/pictures/{id}/1280"),
            format!("/api/v1/pictures/{id}/320"),
        ])
    );
}

#[tokio::test]
async fn data_for_search_engines_is_shared_and_safe_in_a_page() {
    let world = opened().await;
    let name = "</script><script>alert(1)</script>";
    let changed = world
        .call(Method::PATCH, &format!("/api/v1/events/{EVENT}"))
        .by_role("organizer")
        .json(&json!({ "name": name }))
        .send()
        .await;
    changed.data(200);
    let path = format!("/api/v1/events/{EVENT}/schema.json");
    let reply = world.get(&path).send().await;
    let text = String::from_utf8(reply.bytes.clone()).unwrap();
    assert!(!text.contains('<'), "{text}");
    assert_eq!(reply.json()["name"], name);
    let page = world
        .get(&format!("/api/v1/events/{EVENT}?include=shows"))
        .send()
        .await;
    assert!(!page.bytes.contains(&b'<'));
    // One page, so one tag.
    let tag = reply.header("etag").to_owned();
    assert_eq!(page.header("etag"), tag);
    let known = world.get(&path).header("if-none-match", &tag).send().await;
    assert_eq!(known.status, 304);
}

#[tokio::test]
async fn a_shared_list_of_shows_tells_of_each_change() {
    let world = opened().await;
    for query in ["", "?limit=10"] {
        let path = format!("/api/v1/events/{EVENT}/shows{query}");
        let before = world.get(&path).send().await.json();
        assert_eq!(before["data"][0]["status"], "open", "{query}");
        assert!(before["meta"]["request_id"].is_string());
        let closed = world
            .store
            .set_show_status(SHOW, ShowStatus::Closed, Unaudited::Unattended);
        assert!(closed.await.unwrap());
        let after = world.get(&path).send().await.json();
        assert_eq!(after["data"][0]["status"], "closed", "{query}");
        let opened = world
            .store
            .set_show_status(SHOW, ShowStatus::Open, Unaudited::Unattended);
        assert!(opened.await.unwrap());
    }
}

#[tokio::test]
async fn shows_go_on_by_cursors() {
    let world = World::new().await;
    let path = format!("/api/v1/events/{EVENT}/shows");
    let first = world.get(&format!("{path}?limit=1")).send().await.json();
    assert_eq!(first["data"].as_array().unwrap().len(), 1);
    assert!(first["meta"]["next_cursor"].is_null());
    for (query, field) in [
        ("cursor=x", "cursor"),
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=1&page=1", "page"),
    ] {
        let refused = world.get(&format!("{path}?{query}")).send().await;
        assert_eq!(
            refused.error(400, "VALIDATION_ERROR")["field"],
            field,
            "{query}"
        );
    }
    let numbered = world.get(&path).send().await.json();
    assert_eq!(numbered["meta"]["total"], 1);
    assert!(numbered["meta"]["next_cursor"].is_null());
    let beyond = world.get(&format!("{path}?page=7")).send().await.json();
    assert_eq!(
        (&beyond["data"], &beyond["meta"]["page"]),
        (&json!([]), &json!(7))
    );
}

/// Nobody gave these cursors out; each leads to the page behind the show that comes before it, as the cursor of that show
/// does.
#[tokio::test]
async fn a_cursor_of_no_show_leads_to_a_page_that_was_given() {
    let world = World::new().await;
    let path = format!("/api/v1/events/{EVENT}/shows");
    let whole = world.get(&path).send().await.json();
    let id = Uuid::new_v4().simple();
    for (cursor, expected) in [
        (format!("0.{id}"), &whole["data"]),
        (format!("0.{}", Uuid::max().simple()), &whole["data"]),
        (format!("7fffffffffffffff.{id}"), &json!([])),
        (format!("ffffffffffffffff.{id}"), &json!([])),
    ] {
        for limit in [1, 100] {
            let page = format!("{path}?limit={limit}&cursor={cursor}");
            let page = world.get(&page).send().await.json();
            assert_eq!(&page["data"], expected, "{cursor} {limit}");
            assert!(page["meta"]["next_cursor"].is_null());
        }
    }
}
