//! Someone changes or deletes rows and tables by hand. What is sold stays sold, readers get what is left,
//! readiness, `doctor` and `verify` say what is missing, and the repair that they name brings it back.

mod house;

use serde_json::{Value, json};

use self::house::House;

async fn deleted_zones(house: House) {
    let before = house.seen().await;
    // The chart in memory must not hide it, nor survive the repair.
    for (sql, doctor_finds) in [
        ("DELETE FROM zones".to_owned(), true),
        (
            format!(
                "DELETE FROM zones WHERE zone = 0 AND show_id = {}",
                house.id(&house.shows[0])
            ),
            true,
        ),
        // Only the machine knows that there is one more.
        (
            format!(
                "DELETE FROM zones WHERE zone = 1 AND show_id = {}",
                house.id(&house.shows[0])
            ),
            false,
        ),
    ] {
        house.by_hand(&sql).await;
        house.readers_answer().await;
        house.readiness_says("the catalog lacks zones", true).await;
        // A change of such a show goes into the log meanwhile.
        let name = json!({ "name": "Late" });
        let path = format!("/shows/{}", house.shows[0]);
        let (status, said) = house.server.patch(&house.organizer, &path, &name).await;
        assert_ne!(status, 500, "{said}");
        if doctor_finds {
            house.finds(&["doctor"], "the catalog lacks zones");
        }
        house.finds(&["verify"], "the catalog lacks zones");
        house.is_repaired("reconcile").await;
        house.is_described().await;
    }
    let mut after = house.seen().await;
    for show in &mut after {
        if let Some(name) = show.get_mut("name") {
            *name = Value::Null;
        }
    }
    assert_eq!(after, before);
}

async fn deleted_shows(house: House) {
    let before = house.seen().await;
    // The server has looked at least once by the time it notices something that it has to have seen.
    house.by_hand("DELETE FROM zones WHERE zone = 0").await;
    house.readiness_says("the catalog lacks zones", true).await;
    house.is_repaired("reconcile").await;
    for table in ["zones", "shows", "events"] {
        house.by_hand(&format!("DELETE FROM {table}")).await;
    }
    house
        .readiness_says("the catalog lacks 2 of 2 shows", true)
        .await;
    // It has read the log beyond them.
    house
        .readiness_says("fills from the log by itself", false)
        .await;
    let (status, listed) = house.server.get(&house.buyer, "/bookings").await;
    assert_eq!((status, listed["data"].as_array().unwrap().len()), (200, 4));
    house.finds(&["verify"], "the catalog lacks 2 of 2 shows");
    house.is_repaired("reconcile").await;
    assert_eq!(house.seen().await, before);
}

/// The projection begins anew or leaves out what was sold, unless somebody notices.
async fn moved_watermarks(house: House) {
    for (seat, sql) in [
        (11, "DELETE FROM projector_watermarks"),
        (
            12,
            "UPDATE projector_watermarks SET next_offset = next_offset + 1",
        ),
    ] {
        house.by_hand(sql).await;
        for more in 0..2 {
            house.reserve(0, &format!("A-{}", seat + 5 * more)).await;
        }
        house
            .readiness_says("the projector has stopped", true)
            .await;
        house.is_repaired("reconcile").await;
        house
            .readiness_says("the projector has stopped", false)
            .await;
        house.reserve(1, &format!("A-{seat}")).await;
    }
}

async fn dropped_audit(house: House) {
    // PostgreSQL's has parts, which the last of the two created; SQLite's was only changed by it.
    let (named, numbers) = match house._database {
        Some(_) => ("table audit (migration 0015)", &["15"][..]),
        None => ("table audit (migration 0010)", &["10", "15"][..]),
    };
    house.by_hand("DROP TABLE audit").await;
    house.readers_answer().await;
    house.readiness_says(named, true).await;
    house.finds(&["doctor"], named);
    house.finds(&["verify"], named);
    let event = json!({ "name": "New", "starts_at": "2099-01-01T20:00:00Z" });
    let (status, said) = house.server.post(&house.organizer, "/events", &event).await;
    assert!(status >= 500, "nothing changes without an entry: {said}");
    for number in numbers {
        let (code, statements, err) = house.server.verb(&["migrate", "--print", number]);
        assert_eq!(code, Some(0), "{err}");
        house.by_hand(&statements).await;
    }
    if house._database.is_some() {
        // The table is there again; what isolates it is of a later one.
        house.finds(&["doctor"], "policy audit.adds (migration 0016)");
        let (code, statements, err) = house.server.verb(&["migrate", "--print", "16"]);
        assert_eq!(code, Some(0), "{err}");
        house.by_hand(&statements).await;
    }
    house.readiness_says("by hand", false).await;
    let (status, said) = house.server.post(&house.organizer, "/events", &event).await;
    assert_eq!(status, 201, "{said}");
    for verb in ["doctor", "verify"] {
        let (code, out, err) = house.server.verb(&[verb]);
        assert_eq!(code, Some(0), "{verb}: {out}{err}");
    }
}

/// Verify looks at everything, whatever it has found before.
async fn several_damages(house: House) {
    house.by_hand("DROP INDEX shows_by_event").await;
    let show = house.id(&house.shows[0]);
    house
        .by_hand(&format!(
            "DELETE FROM zones WHERE zone = 0 AND show_id = {show}"
        ))
        .await;
    let key = house.key(1);
    house
        .by_hand(&format!(
            "UPDATE bookings SET payment_reference = 'another' WHERE {key}"
        ))
        .await;
    let report = house.folder.path().join("verified.json");
    let report = report.to_str().unwrap();
    let (code, out, err) = house.server.verb(&["verify", "--report", report]);
    assert_eq!(code, Some(1), "{out}{err}");
    for what in [
        "index shows_by_event (migration 0001)",
        "the catalog lacks zones",
        "the database says otherwise of 1 booking",
    ] {
        assert!(err.contains(what), "{what}: {out}{err}");
    }
    let written = std::fs::read_to_string(report).unwrap();
    assert!(written.contains("booking_differs"), "{written}");
    let (code, out, err) = house.server.verb(&["verify", "--json"]);
    assert_eq!(code, Some(1), "{out}{err}");
    let said: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(said["ok"], json!(false), "{said}");
    assert_eq!(said["damage"].as_array().unwrap().len(), 2, "{said}");
    // Each comes back by what is said of it.
    house
        .by_hand("CREATE INDEX shows_by_event ON shows (event_id, starts_at_ms, show_id)")
        .await;
    let (code, out, err) = house.server.verb(&["reconcile", "--apply", report]);
    assert_eq!(code, Some(0), "{out}{err}");
    house.is_repaired("reconcile").await;
}

/// A deleted show is missed until its event is cancelled: there is nothing to sell of it then.
async fn deleted_and_cancelled(house: House) {
    house.by_hand("DELETE FROM zones WHERE zone = 0").await;
    house.readiness_says("the catalog lacks zones", true).await;
    house.is_repaired("reconcile").await;
    house.by_hand("DELETE FROM zones").await;
    house.by_hand("DELETE FROM shows").await;
    house
        .readiness_says("the catalog lacks 2 of 2 shows", true)
        .await;
    let event = house.id(&house.event);
    house
        .by_hand(&format!(
            "UPDATE events SET status = 'cancelled' WHERE event_id = {event}"
        ))
        .await;
    house.readiness_says("the catalog lacks", false).await;
}

async fn changed_bookings(house: House) {
    let other = house.id("00000000-0000-4000-8000-0000000000ff");
    let seats = if house._database.is_some() {
        "'{28,29}'"
    } else {
        "'[28,29]'"
    };
    let status = "status = 'cancelled', ended_at_ms = 7";
    let all: [(usize, &str, String); 12] = [
        (
            1,
            "payment_reference",
            "payment_reference = 'forged'".to_owned(),
        ),
        (1, "user_id", format!("user_id = {other}")),
        (0, "user_id", format!("user_id = {other}")),
        (0, "quantity", format!("quantity = 2, seats = {seats}")),
        (0, "unit_price", "unit_price = 1".to_owned()),
        (0, "status", status.to_owned()),
        (0, "request_id", format!("request_id = {other}")),
        // What has ended.
        (
            2,
            "payment_reference",
            "payment_reference = 'forged'".to_owned(),
        ),
        (2, "confirmed_at_ms", "confirmed_at_ms = 5".to_owned()),
        (3, "user_id", format!("user_id = {other}")),
        (3, "ended_at_ms", "ended_at_ms = 5".to_owned()),
        (3, "booking_id", format!("booking_id = {other}")),
    ];
    for (booking, column, change) in all {
        let key = house.key(booking);
        house
            .by_hand(&format!("UPDATE bookings SET {change} WHERE {key}"))
            .await;
        let (code, out, err) = house.server.verb(&["verify"]);
        assert_eq!(code, Some(1), "{change}: {out}{err}");
        assert!(
            out.contains(column) && out.contains(&house.bookings[booking]),
            "{change}: {out}{err}"
        );
        for private in ["forged", "0000000000ff", "paid-"] {
            let is_shown = column != "request_id" && out.contains(private);
            assert!(!is_shown, "{change}: {out}");
        }
        house.is_repaired("verify").await;
    }
    // The machine has a hash of the reference, so the shorter comparison finds that as well.
    let key = house.key(1);
    house
        .by_hand(&format!(
            "UPDATE bookings SET payment_reference = 'forged' WHERE {key}"
        ))
        .await;
    house.is_repaired("reconcile").await;
    // One that the log knows nothing of is removed.
    let key = house.key(3);
    house
        .by_hand(&format!("DELETE FROM bookings WHERE {key}"))
        .await;
    house.is_repaired("verify").await;
    house
        .by_hand(&format!(
            "UPDATE bookings SET booking_offset = booking_offset + 1000000, \
             updated_offset = updated_offset + 1000000 WHERE {key}"
        ))
        .await;
    house.is_repaired("verify").await;
}

async fn other_tables(house: House) {
    let show = house.id(&house.shows[0]);
    let event = house.id(&house.event);
    let whole = [
        (
            "seat_holders_differ",
            "DELETE FROM booking_seats".to_owned(),
        ),
        (
            "seat_holders_differ",
            "UPDATE booking_seats SET seat = seat + 10".to_owned(),
        ),
        (
            "blocks_differ",
            format!("INSERT INTO blocked_seats (show_id, seat) VALUES ({show}, 20)"),
        ),
        ("usage_differs", "DELETE FROM organizer_usage".to_owned()),
        (
            "usage_differs",
            "UPDATE organizer_usage SET seats = 1".to_owned(),
        ),
        (
            "event_differs",
            format!("UPDATE events SET max_tickets_per_user = 1 WHERE event_id = {event}"),
        ),
        (
            "event_differs",
            format!("UPDATE events SET status = 'cancelled' WHERE event_id = {event}"),
        ),
        (
            "show_differs",
            format!("UPDATE shows SET partition = 15 - partition WHERE show_id = {show}"),
        ),
        (
            "show_differs",
            format!("UPDATE zones SET currency = 'EUR' WHERE show_id = {show}"),
        ),
        (
            "zones_differ",
            format!("UPDATE zones SET layout = '{{}}' WHERE zone = 0 AND show_id = {show}"),
        ),
    ];
    for (kind, sql) in whole {
        house.by_hand(&sql).await;
        house.readers_answer().await;
        let report = house.folder.path().join("found.json");
        house.finds(&["reconcile", "--report", report.to_str().unwrap()], kind);
        house.is_repaired("reconcile").await;
        house.is_described().await;
    }
    // Sold as before.
    house.reserve(0, "A-20").await;
}

macro_rules! on_both {
    ($($test:ident),+ $(,)?) => {
        $(mod $test {
            #[tokio::test]
            async fn sqlite() {
                super::$test(super::House::open(false).await).await;
            }

            #[tokio::test]
            async fn postgres() {
                super::$test(super::House::open(true).await).await;
            }
        })+
    };
}

on_both!(
    deleted_zones,
    deleted_shows,
    moved_watermarks,
    dropped_audit,
    several_damages,
    deleted_and_cancelled,
    changed_bookings,
    other_tables
);
