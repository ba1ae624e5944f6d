//! Whose chain an entry stands in.

use std::collections::HashMap;

use serde_json::json;
use uuid::Uuid;

use super::{Decided, Place};
use crate::database::{Transaction, Value};
use crate::error::StoreError;

/// To whom shows and events belong. What the catalog lacks belongs to nobody: its entries are the
/// installation's.
pub(super) struct Tenants(HashMap<Uuid, Uuid>);

impl Tenants {
    pub(super) async fn of(
        transaction: &mut Transaction,
        due: &[&Decided],
    ) -> Result<Self, StoreError> {
        let mut shows = Vec::new();
        let mut events = Vec::new();
        for decided in due {
            match decided.place {
                Place::Show(show) => shows.push(show.0),
                Place::Event(event) => events.push(event.0),
                Place::Installation => {}
            }
        }
        let mut found = HashMap::new();
        let of_shows = match transaction {
            Transaction::Postgres(_) => {
                "SELECT s.show_id AS id, e.tenant_id FROM shows AS s \
                 JOIN events AS e ON e.event_id = s.event_id WHERE s.show_id IN \
                 (SELECT CAST(value AS uuid) FROM json_array_elements_text(CAST($1 AS json)))"
            }
            Transaction::Sqlite(_) => {
                "SELECT s.show_id AS id, e.tenant_id FROM shows AS s \
                 JOIN events AS e ON e.event_id = s.event_id WHERE s.show_id IN \
                 (SELECT unhex(value) FROM json_each($1))"
            }
        };
        let of_events = match transaction {
            Transaction::Postgres(_) => {
                "SELECT event_id AS id, tenant_id FROM events WHERE event_id IN \
                 (SELECT CAST(value AS uuid) FROM json_array_elements_text(CAST($1 AS json)))"
            }
            Transaction::Sqlite(_) => {
                "SELECT event_id AS id, tenant_id FROM events WHERE event_id IN \
                 (SELECT unhex(value) FROM json_each($1))"
            }
        };
        for (mut ids, sql) in [(shows, of_shows), (events, of_events)] {
            ids.sort_unstable();
            ids.dedup();
            if ids.is_empty() {
                continue;
            }
            // Both databases read hexadecimal digits without hyphens.
            let ids: Vec<String> = ids.iter().map(|id| id.simple().to_string()).collect();
            let ids = json!(ids).to_string();
            for row in transaction.fetch(sql, &[Value::from(&ids)]).await? {
                found.insert(row.uuid("id")?, row.uuid("tenant_id")?);
            }
        }
        Ok(Self(found))
    }

    pub(super) fn of_place(&self, place: Place) -> Option<Uuid> {
        match place {
            Place::Show(show) => self.0.get(&show.0).copied(),
            Place::Event(event) => self.0.get(&event.0).copied(),
            Place::Installation => None,
        }
    }
}
