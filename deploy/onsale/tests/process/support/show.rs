//! A small show.

use serde_json::json;

use super::Server;

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
        let (status, body) = server.post(&self.buyer, "/bookings/reserve", &body).await;
        assert_eq!(status, 201, "{body}");
        body["data"]["booking_id"].as_str().unwrap().to_owned()
    }
}
