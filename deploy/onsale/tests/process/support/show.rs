//! A small show.

use std::time::Duration;

use serde_json::json;

use super::Server;

/// How often an answer that is pending is asked for.
const PENDING_POLLS_MAX: u32 = 100;
const PENDING_PAUSE: Duration = Duration::from_millis(200);

/// A show with one row of thirty seats, A-1 to A-30, and a buyer.
pub(crate) struct SmallShow {
    pub(crate) show: String,
    /// The buyer's token.
    pub(crate) buyer: String,
}

impl SmallShow {
    /// Opens it. Holds last for an hour.
    pub(crate) async fn open(server: &Server) -> Self {
        let organizer = server.token("organizer", "00000000-0000-4000-8000-00000000aaaa");
        let zones = json!([{
            "name": "Stalls", "price": { "amount": 100, "currency": "THB" }, "admission": "seated",
            "rows": [{ "name": "A", "seats": 30 }],
        }]);
        Self {
            show: server.open_show(&organizer, 0, 3_600, zones).await,
            buyer: server.token("buyer", "00000000-0000-4000-8000-00000000bbbb"),
        }
    }

    /// Reserves these seats; returns the booking's id.
    pub(crate) async fn reserve(&self, server: &Server, seats: &[&str]) -> String {
        let body = json!({ "show_id": self.show, "seats": seats });
        let (mut status, mut body) = server.post(&self.buyer, "/bookings/reserve", &body).await;
        // On a busy machine the outcome may come after the deadline of the answer, which then says where to ask.
        for _ in 0..PENDING_POLLS_MAX {
            if status != 202 {
                break;
            }
            tokio::time::sleep(PENDING_PAUSE).await;
            let location = body["data"]["location"].as_str().unwrap().to_owned();
            let path = location.strip_prefix("/api/v1").unwrap();
            (status, body) = server.get(&self.buyer, path).await;
        }
        assert_eq!(status, 201, "{body}");
        body["data"]["booking_id"].as_str().unwrap().to_owned()
    }
}
