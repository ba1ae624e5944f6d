//! Halls at the command line, and shows of them on the real seat machine.

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};

use crate::support::Server;

/// Runs `onsale hall …` in a folder; (exit code, stdout, stderr).
fn hall(folder: &Path, args: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_onsale"))
        .current_dir(folder)
        .arg("hall")
        .args(args)
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}

#[test]
fn halls_are_made_checked_and_compiled_without_a_server() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let run = |args: &[&str]| {
        let (code, said, error) = hall(at, args);
        assert_eq!(code, Some(0), "{args:?}: {said}{error}");
        said
    };
    run(&[
        "generate",
        "theatre",
        "--name",
        "House",
        "--out",
        "house.json",
    ]);
    let said = run(&["check", "house.json"]);
    assert!(said.starts_with("House: 1500 places, "), "{said}");
    let checked: Value = serde_json::from_str(&run(&["check", "house.json", "--json"])).unwrap();
    assert_eq!(checked["seats"], 1_500);
    let compiled = run(&["compile", "house.json", "--chart", "chart.json"]);
    let compiled: Value = serde_json::from_str(&compiled).unwrap();
    assert_eq!(compiled["hall"], checked["address"]);
    assert_eq!(compiled["zones"][0]["name"], "Premium stalls");
    let chart: Value =
        serde_json::from_slice(&std::fs::read(at.join("chart.json")).unwrap()).unwrap();
    assert_eq!(chart["format"], "onsale-chart/1");

    let table = "section,row,seat,category\nStalls,A,1,Best\nStalls,A,2,Best\n";
    std::fs::write(at.join("table.csv"), table).unwrap();
    let imported = run(&["import", "table.csv", "--name", "Small"]);
    std::fs::write(at.join("small.json"), imported).unwrap();
    assert!(run(&["check", "small.json"]).starts_with("Small: 2 places, "));
    let rows = run(&[
        "generate",
        "rectangle",
        "--set",
        "rows=2",
        "--set",
        "seats_per_row=5",
    ]);
    assert_eq!(rows.matches("\"name\": \"A\"").count(), 1, "{rows}");

    // What is wrong is said with its place, and by the exit code.
    let twice = std::fs::read_to_string(at.join("small.json")).unwrap();
    let twice = twice.replace("\"label\": \"2\"", "\"label\": \"1\"");
    std::fs::write(at.join("twice.json"), twice).unwrap();
    std::fs::copy(at.join("table.csv"), at.join("table.txt")).unwrap();
    let plan = r#"{"name": "Plan", "categories": [], "zones": []}"#;
    std::fs::write(at.join("plan.json"), plan).unwrap();
    for (asked, code, said) in [
        ("check twice.json", 1, "two seats 1"),
        ("check table.csv", 1, "line 1, column 1"),
        ("check nothing.json", 2, "cannot read nothing.json"),
        ("check table.csv", 1, "onsale hall import --format csv"),
        ("compile table.csv", 1, "onsale hall import --format csv"),
        ("check plan.json", 1, "onsale hall import --format pretix"),
        ("import small.json", 1, "onsale hall check"),
        ("import table.txt", 1, "--format csv"),
        ("import small.json --format csv", 1, "line 1"),
        ("generate ship", 2, "theatre"),
        ("generate club --set seats=1", 2, "club"),
        ("generate arena --set seats=1", 1, "seats 1"),
    ] {
        let args: Vec<&str> = asked.split(' ').collect();
        let (found, out, error) = hall(at, &args);
        assert_eq!(found, Some(code), "{asked}: {out}{error}");
        let whole = format!("{out}{error}");
        assert!(whole.contains(said), "{asked}: {whole}");
    }
}

/// A show of a hall of that shape: its id, and its zones by name.
async fn open(server: &Server, organizer: &str, shape: &Value, prices: &Value) -> (String, Value) {
    let venue = json!({"name": "House", "time_zone": "Asia/Bangkok"});
    let (status, venue) = server.post(organizer, "/venues", &venue).await;
    assert_eq!(status, 201, "{venue}");
    let path = format!(
        "/venues/{}/maps/generate",
        venue["data"]["venue_id"].as_str().unwrap()
    );
    let (status, map) = server.post(organizer, &path, shape).await;
    assert_eq!(status, 201, "{map}");
    let event =
        json!({"name": "Play", "starts_at": "2099-01-01T20:00:00Z", "max_tickets_per_user": 0});
    let (status, event) = server.post(organizer, "/events", &event).await;
    assert_eq!(status, 201, "{event}");
    let show = json!({
        "starts_at": "2099-01-01T20:00:00Z", "map_id": map["data"]["map_id"], "prices": prices,
    });
    let path = format!(
        "/events/{}/shows",
        event["data"]["event_id"].as_str().unwrap()
    );
    let (status, show) = server.post(organizer, &path, &show).await;
    assert_eq!(status, 201, "{show}");
    let id = show["data"]["show_id"].as_str().unwrap().to_owned();
    (id, show["data"]["zones"].clone())
}

/// The best available places stand in the best row, side by side, with no aisle between them, and none of them is for
/// a wheelchair.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn best_available_goes_by_the_map() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Server::start(folder.path()).await;
    let organizer = server.mint("organizer", 0xaaaa);
    let baht = |amount: i64| json!({"amount": amount, "currency": "THB"});
    let theatre = json!({"shape": "theatre"});
    let prices = json!({"premium": baht(3), "stalls": baht(2), "balcony": baht(1)});
    let (show, zones) = open(&server, &organizer, &theatre, &prices).await;
    let reserve = async |server: &Server, buyer: u128, zone: &Value, quantity: u32| {
        let token = server.mint("buyer", buyer);
        let asked = json!({"show_id": show, "zone_id": zone["zone_id"], "quantity": quantity});
        server.post(&token, "/bookings/reserve", &asked).await
    };
    let (status, pair) = reserve(&server, 1, &zones[0], 2).await;
    assert_eq!(status, 201, "{pair}");
    // Row A has 21 seats in three blocks of 7: the middle of the middle block.
    assert_eq!(pair["data"]["seats"], json!(["A-10", "A-11"]));
    let (status, block) = reserve(&server, 2, &zones[0], 7).await;
    assert_eq!(status, 201, "{block}");
    let labels: Vec<String> = (1..=7).map(|seat| format!("A-{seat}")).collect();
    assert_eq!(block["data"]["seats"], json!(labels));
    // What the log knows of the rows is in it, not in memory.
    server.kill_and_restart().await;
    let (status, other) = reserve(&server, 3, &zones[0], 7).await;
    assert_eq!(status, 201, "{other}");
    let labels: Vec<String> = (15..=21).map(|seat| format!("A-{seat}")).collect();
    assert_eq!(other["data"]["seats"], json!(labels));

    let club = json!({"shape": "club"});
    let prices = json!({"floor": baht(3), "side": baht(2), "table": baht(1)});
    let (show, zones) = open(&server, &organizer, &club, &prices).await;
    let named = |name: &str| {
        let mut zones = zones.as_array().unwrap().iter();
        zones.find(|zone| zone["name"] == name).unwrap()["zone_id"].clone()
    };
    for (zone, expected) in [("Floor", 201), ("Beside the floor", 409)] {
        let token = server.mint("buyer", 4);
        let asked = json!({"show_id": show, "zone_id": named(zone), "quantity": 1});
        let (status, said) = server.post(&token, "/bookings/reserve", &asked).await;
        assert_eq!(status, expected, "{zone}: {said}");
    }
}
