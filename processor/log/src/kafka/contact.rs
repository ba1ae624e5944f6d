//! Whether the Kafka clients of a process hear from their brokers.
//!
//! librdkafka up to 2.15.0 does not recover from an answer about metadata that names topics but no
//! broker (confluentinc/librdkafka#5301): it drops all brokers it knows, and cancels the return to
//! `bootstrap.servers`, which the loss of the last connection has just scheduled, because that
//! answer was a success. From then on it neither sends nor reads, and reports nothing.
//!
//! So the clients of a running node are watched, and one that has been silent for too long is
//! replaced:
//!
//! - A consumer that reported an error and has delivered nothing since, not even the end of a
//!   partition, for [`SILENCE_MAX`]. It continues at the position it had reached; nothing is lost
//!   or read twice. Replacing it during an outage does no harm.
//! - A producer whose statistics list no broker for [`SILENCE_MAX`], or no connection for
//!   [`UNCONNECTED_MAX`]. What waits in it is reported as unknown, as after a fatal error. During an
//!   ordinary outage it still knows its brokers, so what waits for them goes on waiting.
//! - A reader that only works when it is called ([`KafkaReader`](super::KafkaReader)), once a call
//!   has failed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rdkafka::Statistics;

/// A client that has heard nothing from any broker for this long is reported, and replaced if it
/// may have lost all of them.
pub(super) const SILENCE_MAX: Duration = Duration::from_secs(5);
/// A producer without a connection to the brokers it knows is replaced after this time: they may
/// have moved, and librdkafka may not ask `bootstrap.servers` again.
pub(super) const UNCONNECTED_MAX: Duration = Duration::from_secs(60);
/// How often a producer reports its connections.
pub(super) const STATISTICS_EVERY: Duration = Duration::from_secs(1);

/// How the clients of a process hear from their brokers. All clones share their state.
#[derive(Clone, Debug, Default)]
pub struct BrokerContact(Arc<Mutex<Clients>>);

#[derive(Debug, Default)]
struct Clients {
    next_id: u64,
    silent: BTreeMap<u64, Silence>,
    replacements: BTreeMap<&'static str, u64>,
}

#[derive(Debug)]
struct Silence {
    client: SilentClient,
    /// That the client is replaced was logged.
    is_logged: bool,
}

/// A client that hears from no broker.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SilentClient {
    /// What it does.
    pub client: &'static str,
    /// When the silence began.
    pub since: Instant,
}

impl std::fmt::Display for SilentClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "the {} has heard from no Kafka broker for {} s: nothing is sent or answered through it",
            self.client,
            self.since.elapsed().as_secs()
        )
    }
}

/// Where contact is reported makes no difference between two settings.
impl PartialEq for BrokerContact {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for BrokerContact {}

impl BrokerContact {
    /// Clients that have been silent for too long to be relied on.
    pub fn silent(&self) -> Vec<SilentClient> {
        let clients = self.0.lock();
        let silent = clients.silent.values().map(|silence| silence.client);
        silent
            .filter(|client| client.since.elapsed() >= SILENCE_MAX)
            .collect()
    }

    /// How many clients were replaced because they heard from no broker, by what they do.
    pub fn replacements(&self) -> BTreeMap<&'static str, u64> {
        self.0.lock().replacements.clone()
    }

    /// Watches one more client.
    pub(super) fn of(&self, client: &'static str) -> ClientContact {
        let mut clients = self.0.lock();
        clients.next_id += 1;
        clients.replacements.entry(client).or_default();
        ClientContact {
            of: self.clone(),
            id: clients.next_id,
            client,
            is_silent: AtomicBool::new(false),
        }
    }
}

/// The contact of one client and of those that replace it.
#[derive(Debug)]
pub(super) struct ClientContact {
    of: BrokerContact,
    id: u64,
    client: &'static str,
    /// As in `of`, without its lock: records arrive often.
    is_silent: AtomicBool,
}

impl ClientContact {
    /// The client reported that it has lost its brokers.
    pub(super) fn lost(&self) {
        // Under the lock, since a client and the one that replaces it may report at the same time.
        let mut clients = self.of.0.lock();
        if self.is_silent.swap(true, Ordering::AcqRel) {
            return;
        }
        let silence = Silence {
            client: SilentClient {
                client: self.client,
                since: Instant::now(),
            },
            is_logged: false,
        };
        clients.silent.insert(self.id, silence);
    }

    /// A broker was heard.
    pub(super) fn heard(&self) {
        if !self.is_silent.load(Ordering::Acquire) {
            return;
        }
        let mut clients = self.of.0.lock();
        self.is_silent.store(false, Ordering::Release);
        let silent = clients.silent.remove(&self.id);
        drop(clients);
        if silent.is_some_and(|silent| silent.client.since.elapsed() >= SILENCE_MAX) {
            tracing::info!("the {} hears from Kafka's brokers again", self.client);
        }
    }

    /// How long nothing was heard.
    pub(super) fn silence(&self) -> Duration {
        let clients = self.of.0.lock();
        let silent = clients.silent.get(&self.id);
        silent.map_or(Duration::ZERO, |silent| silent.client.since.elapsed())
    }

    /// Counts that a client is replaced, and logs it once per silence.
    pub(super) fn note_replacement(&self, why: &str) {
        let mut clients = self.of.0.lock();
        *clients.replacements.entry(self.client).or_default() += 1;
        let silence = clients.silent.get_mut(&self.id);
        let is_logged =
            silence.is_some_and(|silence| std::mem::replace(&mut silence.is_logged, true));
        drop(clients);
        if is_logged {
            tracing::debug!(why, "the {} is replaced once more", self.client);
        } else {
            tracing::error!(why, "the {} is replaced by a new client", self.client);
        }
    }
}

impl Drop for ClientContact {
    fn drop(&mut self) {
        self.of.0.lock().silent.remove(&self.id);
    }
}

/// What the statistics of a producer say about its brokers.
#[derive(Debug)]
pub(super) struct ProducerWatch {
    contact: Arc<ClientContact>,
    /// Reports in a row without any broker.
    unknown: AtomicU32,
    /// Reports in a row without a connection.
    unconnected: AtomicU32,
}

impl ProducerWatch {
    pub(super) fn new(contact: Arc<ClientContact>) -> Self {
        Self {
            contact,
            unknown: AtomicU32::new(0),
            unconnected: AtomicU32::new(0),
        }
    }

    /// Takes what the client reports every [`STATISTICS_EVERY`].
    pub(super) fn statistics(&self, statistics: &Statistics) {
        // Not the coordinators of groups, which are dropped by nobody.
        let brokers = || {
            let all = statistics.brokers.values();
            all.filter(|broker| broker.source != "logical")
        };
        let is_known = brokers().next().is_some();
        let is_connected = brokers().any(|broker| broker.state == "UP");
        count(&self.unknown, !is_known);
        count(&self.unconnected, !is_connected);
        if is_connected {
            self.contact.heard();
        } else {
            self.contact.lost();
        }
    }

    /// Why the client has to be replaced.
    pub(super) fn failure(&self) -> Option<&'static str> {
        let is_over = |reports: &AtomicU32, max: Duration| {
            STATISTICS_EVERY * reports.load(Ordering::Relaxed) >= max
        };
        if is_over(&self.unknown, SILENCE_MAX) {
            Some("it knows no broker any more")
        } else if is_over(&self.unconnected, UNCONNECTED_MAX) {
            Some("it reaches no broker")
        } else {
            None
        }
    }

    /// The contact that outlives the client.
    pub(super) fn contact(&self) -> &ClientContact {
        &self.contact
    }
}

/// One more in a row, or the end of the row.
fn count(in_a_row: &AtomicU32, is_one_more: bool) {
    if is_one_more {
        // One thread reports.
        in_a_row.fetch_add(1, Ordering::Relaxed);
    } else {
        in_a_row.store(0, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use rdkafka::statistics::Broker;

    use super::*;

    fn statistics(states: &[&str]) -> Statistics {
        let broker = |(id, state): (usize, &&str)| {
            let broker = Broker {
                source: "learned".to_owned(),
                state: (*state).to_owned(),
                ..Broker::default()
            };
            (id.to_string(), broker)
        };
        let mut brokers: HashMap<_, _> = states.iter().enumerate().map(broker).collect();
        let coordinator = Broker {
            source: "logical".to_owned(),
            state: "UP".to_owned(),
            ..Broker::default()
        };
        brokers.insert("coordinator".to_owned(), coordinator);
        Statistics {
            brokers,
            ..Statistics::default()
        }
    }

    /// Reports until the watch gives the client up, at most `max`.
    fn reports_until_failure(watch: &ProducerWatch, states: &[&str], max: u64) -> Option<u64> {
        (1..=max).find(|_| {
            watch.statistics(&statistics(states));
            watch.failure().is_some()
        })
    }

    #[test]
    fn a_producer_without_brokers_is_given_up_sooner_than_one_that_cannot_connect() {
        let contact = BrokerContact::default();
        let watch = || ProducerWatch::new(Arc::new(contact.of("producer")));
        let most = 10 * UNCONNECTED_MAX.as_secs();
        let after = |states| reports_until_failure(&watch(), states, most);
        assert_eq!(after(&[]), Some(SILENCE_MAX.as_secs()));
        assert_eq!(after(&["DOWN", "INIT"]), Some(UNCONNECTED_MAX.as_secs()));
        assert_eq!(after(&["DOWN", "UP"]), None);
        // Only reports in a row count.
        let watch = watch();
        for _ in 0..UNCONNECTED_MAX.as_secs() {
            watch.statistics(&statistics(&[]));
            watch.statistics(&statistics(&["UP"]));
            assert_eq!(watch.failure(), None);
        }
    }

    #[test]
    fn silence_ends_with_what_is_heard_and_with_the_client() {
        let contact = BrokerContact::default();
        let is_silent = |contact: &BrokerContact| !contact.0.lock().silent.is_empty();
        let client = contact.of("consumer");
        client.lost();
        let since = |contact: &BrokerContact| {
            let clients = contact.0.lock();
            clients.silent.values().next().unwrap().client.since
        };
        let began = since(&contact);
        client.lost();
        assert_eq!(since(&contact), began);
        client.heard();
        assert!(!is_silent(&contact));
        assert_eq!(client.silence(), Duration::ZERO);
        client.lost();
        drop(client);
        assert!(!is_silent(&contact));
        assert_eq!(contact.replacements(), BTreeMap::from([("consumer", 0)]));
    }
}
