//! Codes of a show: given out, typed, guessed, exported and ended. What they read like is told to who gives them out,
//! and stands sealed for that alone.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};

use super::{House, PATIENCE};
use crate::support::SmallShow;

/// Who has opened the small show.
const ORGANIZER: &str = "00000000-0000-4000-8000-00000000aaaa";
const CODE: &str = "Antares-Rising-Nine";
/// As a buyer types it.
const TYPED: &str = "antares rising nine";
const GUESS: &str = "Betelgeuse-Falling";

pub(super) async fn codes(house: &mut House<'_>, show: &SmallShow) {
    // However it is written.
    for (what, text) in [("a code", "antares"), ("a wrong code", "betelgeuse")] {
        house.secrets.push((what, text.to_owned()));
    }
    let organizer = house.server.token("organizer", ORGANIZER);
    let path = format!("/shows/{}/codes", show.show);
    let named = json!({ "code": CODE, "name": "Friends", "kind": "discount", "percent": 10 });
    let named = house.post(&organizer, &path, named).await;
    let group = format!("{path}/{}", named["group"]["group_id"]);
    let many = json!({ "count": 3, "kind": "access", "opens": true });
    let many = house.post(&organizer, &path, many).await;
    let generated: Vec<String> = many["codes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|code| house.keep("a generated code", &code["code"]))
        .collect();
    assert_eq!(generated.len(), 3);
    for text in &generated {
        // As it is compared.
        let compared = text.replace('-', "");
        house.secrets.push(("a generated code", compared));
    }
    // Refused bodies are described, and not repeated.
    let odd = json!({ "code": GUESS, "kind": "discount", "percent": 133 });
    house
        .refused(&organizer, &path, odd, "VALIDATION_ERROR")
        .await;
    let again = json!({ "code": CODE, "kind": "access", "opens": true });
    house.refused(&organizer, &path, again, "CODE_EXISTS").await;

    bought_and_guessed(house, show, &generated).await;

    let read = house.get(&organizer, &group).await;
    assert_eq!(read["codes"][0]["code"], CODE, "its text is kept");
    let url = house.server.url(&format!("{group}/export"));
    let export = house.server.http.get(url).bearer_auth(&organizer);
    let table = export.send().await.unwrap().text().await.unwrap();
    assert!(table.contains(CODE), "{table}");
    // Ended by their texts, which stand in the address then.
    let others = format!("{path}/{}", many["group"]["group_id"]);
    for one in [
        format!("{group}/{}", TYPED.replace(' ', "%20")),
        format!("{others}/{}", generated[1]),
    ] {
        let ended = house
            .done(Method::DELETE, &organizer, &one, &Value::Null)
            .await;
        assert_eq!(ended["ended"], 1, "{one}");
    }
}

/// Quotes and orders with right codes and with wrong ones.
async fn bought_and_guessed(house: &House<'_>, show: &SmallShow, generated: &[String]) {
    let quote = format!("/shows/{}/quote", show.show);
    let basket = |code: &str| json!({ "seats": ["A-8"], "code": code });
    let deadline = Instant::now() + PATIENCE;
    for code in [TYPED, generated[0].as_str()] {
        // The database may be behind the log.
        loop {
            let body = basket(code);
            let (status, said) = house.ask(Method::POST, &show.buyer, &quote, &body).await;
            if status == 200 {
                break;
            }
            assert_eq!(said["error"]["code"], "CODE_REFUSED", "{said}");
            assert!(Instant::now() < deadline, "{said}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    let order =
        |seat: &str, code: &str| json!({ "show_id": show.show, "seats": [seat], "code": code });
    let reserve = "/bookings/reserve";
    for (seat, code) in [("A-8", TYPED), ("A-9", generated[0].as_str())] {
        let held = house.post(&show.buyer, reserve, order(seat, code)).await;
        let booking = format!("/bookings/{}", held["booking_id"].as_str().unwrap());
        let read = house.get(&show.buyer, &booking).await;
        assert_eq!(read["code_used"], true, "{read}");
    }
    let refused = "CODE_REFUSED";
    let guess = order("A-10", GUESS);
    house.refused(&show.buyer, reserve, guess, refused).await;
    house
        .refused(&show.buyer, &quote, basket(GUESS), refused)
        .await;
    house.refused("", &quote, basket(GUESS), refused).await;
}
