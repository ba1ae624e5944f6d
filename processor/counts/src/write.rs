//! What the projector writes, and reconciliation reads.

use std::collections::BTreeMap;
use std::time::Instant;

use onsale_schemas::{EventId, ShowId, UserId, ZoneIndex};
use redis::{ErrorKind, Pipeline, RedisError, ServerErrorKind, Value};

use super::client::{Counts, CountsError};
use super::values::{NUMBER_MAX, UserTickets, ZonePlaces};

/// Places are rewritten while their projector lives and expire soon after it, in milliseconds.
const ZONE_TTL_MS: u64 = 12_000;
/// How long tickets of a buyer are kept after they changed, in milliseconds. They count only while
/// a zone's places vouch for them.
const USER_TTL_MS: u64 = 3_600_000;
/// Keys of one script call.
const KEYS_PER_CALL_MAX: usize = 256;

/// Places of a zone to write.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ZoneWrite {
    /// The event.
    pub event: EventId,
    /// The show.
    pub show: ShowId,
    /// The zone.
    pub zone: ZoneIndex,
    /// Its places.
    pub places: ZonePlaces,
}

/// Tickets of a buyer to write.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct UserWrite {
    /// The event.
    pub event: EventId,
    /// The buyer.
    pub user: UserId,
    /// The tickets.
    pub tickets: UserTickets,
}

/// What a write did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Written {
    /// Values written.
    pub written: u64,
    /// Values left alone because there was a newer one.
    pub newer: u64,
}

struct Entry {
    key: String,
    version: u64,
    value: String,
}

impl Counts {
    /// Writes places, unless the existing ones are newer. An existing version above `version_max`
    /// cannot be true and is overwritten.
    ///
    /// # Errors
    /// When Redis does not accept them all; some may be written.
    pub async fn write_zones(
        &self,
        zones: &[ZoneWrite],
        version_max: u64,
    ) -> Result<Written, CountsError> {
        let mut entries: BTreeMap<EventId, Vec<Entry>> = BTreeMap::new();
        for zone in zones {
            let key = self.inner.keys.zone(zone.event, zone.show, zone.zone);
            entries.entry(zone.event).or_default().push(Entry {
                version: zone.places.version,
                value: zone.places.encode(&key),
                key,
            });
        }
        self.write(entries, ZONE_TTL_MS, version_max, "write_zones")
            .await
    }

    /// Writes tickets of buyers, in the same way.
    ///
    /// # Errors
    /// When Redis does not accept them all; some may be written.
    pub async fn write_users(
        &self,
        users: &[UserWrite],
        version_max: u64,
    ) -> Result<Written, CountsError> {
        let mut entries: BTreeMap<EventId, Vec<Entry>> = BTreeMap::new();
        for user in users {
            let key = self.inner.keys.user(user.event, user.user);
            entries.entry(user.event).or_default().push(Entry {
                version: user.tickets.version,
                value: user.tickets.encode(&key),
                key,
            });
        }
        self.write(entries, USER_TTL_MS, version_max, "write_users")
            .await
    }

    async fn write(
        &self,
        entries: BTreeMap<EventId, Vec<Entry>>,
        ttl_ms: u64,
        version_max: u64,
        operation: &'static str,
    ) -> Result<Written, CountsError> {
        let mut calls = Pipeline::new();
        let mut keys = 0;
        for chunk in entries.values().flat_map(|of| of.chunks(KEYS_PER_CALL_MAX)) {
            let call = calls
                .cmd("EVALSHA")
                .arg(self.inner.write.get_hash())
                .arg(chunk.len());
            for entry in chunk {
                call.arg(&entry.key);
            }
            call.arg(ttl_ms).arg(version_max.min(NUMBER_MAX));
            for entry in chunk {
                call.arg(entry.version).arg(&entry.value);
            }
            keys += u64::try_from(chunk.len()).unwrap_or(0);
        }
        if keys == 0 {
            return Ok(Written::default());
        }
        let newer: Vec<u64> = self.run(&calls, operation).await?;
        let newer = newer.into_iter().sum();
        Ok(Written {
            written: keys.saturating_sub(newer),
            newer,
        })
    }

    /// Writes `proposed` where there is no generation, and returns the one that is there
    /// afterwards. A different one from the last time, or one's own, means that Redis was emptied
    /// or set back.
    ///
    /// # Errors
    /// When Redis does not answer.
    pub async fn generation(&self, proposed: &str) -> Result<String, CountsError> {
        let key = self.inner.keys.generation();
        let mut calls = Pipeline::new();
        calls.cmd("SET").arg(&key).arg(proposed).arg("NX").ignore();
        calls.cmd("GET").arg(&key);
        match self.run::<(Value,)>(&calls, "generation").await {
            Ok((Value::BulkString(bytes),)) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
            Ok(_) => Ok(String::new()),
            // The value is not a text.
            Err(CountsError::Redis(error)) if error.kind() == ErrorKind::Extension => {
                let mut calls = Pipeline::new();
                calls.cmd("SET").arg(&key).arg(proposed).ignore();
                self.run::<()>(&calls, "generation").await?;
                Ok(proposed.to_owned())
            }
            Err(error) => Err(error),
        }
    }

    /// The stored places of each of these zones: `None` where there are none, an error text where
    /// the value was not written by this program.
    ///
    /// # Errors
    /// When Redis does not answer.
    pub async fn read_zones(
        &self,
        zones: &[(EventId, ShowId, ZoneIndex)],
    ) -> Result<Vec<Option<Result<ZonePlaces, String>>>, CountsError> {
        let keys = zones
            .iter()
            .map(|(event, show, zone)| self.inner.keys.zone(*event, *show, *zone))
            .collect();
        self.read(keys, ZonePlaces::decode).await
    }

    /// The stored tickets of each of these buyers, in the same way.
    ///
    /// # Errors
    /// When Redis does not answer.
    pub async fn read_users(
        &self,
        users: &[(EventId, UserId)],
    ) -> Result<Vec<Option<Result<UserTickets, String>>>, CountsError> {
        let keys = users
            .iter()
            .map(|(event, user)| self.inner.keys.user(*event, *user))
            .collect();
        self.read(keys, UserTickets::decode).await
    }

    async fn read<T>(
        &self,
        keys: Vec<String>,
        decode: impl Fn(&str, &str) -> Option<T>,
    ) -> Result<Vec<Option<Result<T, String>>>, CountsError> {
        let mut all = Vec::with_capacity(keys.len());
        for chunk in keys.chunks(KEYS_PER_CALL_MAX) {
            let mut calls = Pipeline::new();
            // A key of another type is one answer among the others and does not fail the rest.
            calls.ignore_errors();
            for key in chunk {
                calls.cmd("GET").arg(key);
            }
            let values: Vec<redis::RedisResult<Value>> = self.run(&calls, "read").await?;
            for (key, value) in chunk.iter().zip(values) {
                all.push(match value {
                    Ok(Value::Nil) => None,
                    Ok(Value::BulkString(bytes)) => {
                        let text = String::from_utf8_lossy(&bytes);
                        Some(decode(key, &text).ok_or_else(|| shortened(&text)))
                    }
                    Ok(other) => Some(Err(shortened(&format!("{other:?}")))),
                    Err(error) => Some(Err(error.to_string())),
                });
            }
        }
        Ok(all)
    }

    /// Runs a pipeline; reloads a script that Redis has forgotten.
    async fn run<T: redis::FromRedisValue>(
        &self,
        calls: &Pipeline,
        operation: &'static str,
    ) -> Result<T, CountsError> {
        let mut connection = self.inner.connection.clone();
        let started = Instant::now();
        let mut result = calls.query_async(&mut connection).await;
        if let Err(error) = &result
            && is_forgotten(error)
        {
            self.inner.write.load_async(&mut connection).await?;
            result = calls.query_async(&mut connection).await;
        }
        self.inner.metrics.took(operation, started.elapsed());
        result.map_err(|error: RedisError| {
            self.inner.metrics.failed(operation, "error");
            error.into()
        })
    }
}

fn is_forgotten(error: &RedisError) -> bool {
    error.kind() == ErrorKind::Server(ServerErrorKind::NoScript)
}

fn shortened(text: &str) -> String {
    text.chars().take(80).collect()
}
