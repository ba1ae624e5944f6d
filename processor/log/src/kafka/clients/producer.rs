//! Producers with the thread that calls them back, and such whose clients are replaced.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use arc_swap::{ArcSwap, Guard};
use parking_lot::Mutex;
use rdkafka::ClientConfig;
use rdkafka::config::FromClientConfigAndContext as _;
use rdkafka::producer::{BaseProducer, Producer as _, ProducerContext, PurgeConfig};

use crate::kafka::KafkaError;
use crate::kafka::contact::STATISTICS_EVERY;

/// How long a new producer asks for the leaders of its topic, before it is needed.
const WARM_UP: Duration = Duration::from_secs(1);
/// How long the polling thread of a producer waits at a time.
const PRODUCER_POLL: Duration = Duration::from_millis(500);
const KEEPER_THREAD: &str = "kafka-keeper";
/// How often a producer is looked at: what a client sends that has given something up may be in the
/// log twice.
const KEEPER_EVERY: Duration = Duration::from_millis(50);
const KEEPER_REPORTS_EVERY: Duration = Duration::from_secs(10);

/// A producer with the thread that calls it back. Dropping it gives up what is still waiting, each
/// with an error to its callback, without waiting for that.
pub(in crate::kafka) struct PolledProducer<C: ProducerContext + 'static> {
    producer: Arc<BaseProducer<C>>,
    stop: Arc<AtomicBool>,
}

impl<C: ProducerContext + 'static> PolledProducer<C> {
    /// Starts the client and its thread. It looks up beforehand where its messages go.
    pub(in crate::kafka) fn start(
        config: &ClientConfig,
        context: C,
        thread: &'static str,
        topic: &str,
    ) -> Result<Self, KafkaError> {
        let mut config = config.clone();
        // Its thread takes them at once; where nothing polls for long they would pile up.
        config.set(
            "statistics.interval.ms",
            STATISTICS_EVERY.as_millis().to_string(),
        );
        let producer = BaseProducer::from_config_and_context(&config, context)
            .map_err(|error| KafkaError::Settings(error.to_string()))?;
        let producer = Arc::new(producer);
        let stop = Arc::new(AtomicBool::new(false));
        let (polled, stopped) = (Arc::clone(&producer), Arc::clone(&stop));
        let topic = topic.to_owned();
        std::thread::Builder::new()
            .name(thread.to_owned())
            .spawn(move || {
                // Brokers that are down now are found when there is something to send.
                drop(polled.client().fetch_metadata(Some(&topic), WARM_UP));
                while !stopped.load(Ordering::Relaxed) {
                    polled.poll(PRODUCER_POLL);
                }
                // Purges and tells the callbacks when the last owner goes.
                drop(polled);
            })
            .map_err(|cause| KafkaError::Thread {
                name: thread,
                cause,
            })?;
        Ok(Self { producer, stop })
    }

    /// The client.
    pub(in crate::kafka) fn client(&self) -> &BaseProducer<C> {
        &self.producer
    }

    /// The client, for what it calls back.
    pub(in crate::kafka) fn downgrade(&self) -> Weak<BaseProducer<C>> {
        Arc::downgrade(&self.producer)
    }

    /// Gives up what waits: each message is reported as not acknowledged.
    pub(in crate::kafka) fn give_up(&self) {
        give_up(&self.producer);
    }

    /// Waits until every message has been reported, at most `wait`. True when all have.
    pub(in crate::kafka) fn flush(&self, wait: Duration) -> bool {
        self.producer.flush(wait).is_ok()
    }

    /// Messages waiting for the broker, or for their callback.
    pub(in crate::kafka) fn waiting(&self) -> usize {
        usize::try_from(self.producer.in_flight_count()).unwrap_or(0)
    }
}

/// As [`PolledProducer::give_up`], for what a client calls back.
pub(in crate::kafka) fn give_up<C: ProducerContext>(producer: &BaseProducer<C>) {
    producer.purge(PurgeConfig::default().queue().inflight());
}

impl<C: ProducerContext + 'static> Drop for PolledProducer<C> {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

impl<C: ProducerContext + 'static> std::fmt::Debug for PolledProducer<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PolledProducer").finish_non_exhaustive()
    }
}

/// A context that knows whether its producer has to be replaced.
pub(in crate::kafka) trait Replaceable: ProducerContext + 'static {
    /// Why it has to be.
    fn failure(&self) -> Option<&'static str>;

    /// Reports that it is replaced.
    fn note_replacement(&self, why: &str);
}

/// A producer whose client is replaced when it can send nothing more. What waits in a replaced one
/// is reported to its callbacks as not acknowledged, on the old client's thread. It looks after
/// itself: one through which nothing is sent recovers too.
pub(in crate::kafka) struct LastingProducer<C: Replaceable>(Arc<Lasting<C>>);

struct Lasting<C: Replaceable> {
    client: ArcSwap<PolledProducer<C>>,
    replacing: Mutex<()>,
    start: Box<dyn Fn() -> Result<PolledProducer<C>, KafkaError> + Send + Sync>,
}

impl<C: Replaceable> LastingProducer<C> {
    /// With the first of the clients that `start` starts, and a thread that replaces them.
    pub(in crate::kafka) fn new(
        start: impl Fn() -> Result<PolledProducer<C>, KafkaError> + Send + Sync + 'static,
    ) -> Result<Self, KafkaError> {
        let lasting = Arc::new(Lasting {
            client: ArcSwap::from_pointee(start()?),
            replacing: Mutex::new(()),
            start: Box::new(start),
        });
        let kept = Arc::downgrade(&lasting);
        std::thread::Builder::new()
            .name(KEEPER_THREAD.to_owned())
            .spawn(move || keep(&kept))
            .map_err(|cause| KafkaError::Thread {
                name: KEEPER_THREAD,
                cause,
            })?;
        Ok(Self(lasting))
    }

    /// The client, or a new one where it has to be replaced.
    pub(in crate::kafka) fn usable(&self) -> Result<Arc<PolledProducer<C>>, KafkaError> {
        self.0.usable()
    }

    /// The client as it is.
    pub(in crate::kafka) fn current(&self) -> Guard<Arc<PolledProducer<C>>> {
        self.0.client.load()
    }
}

impl<C: Replaceable> Lasting<C> {
    fn usable(&self) -> Result<Arc<PolledProducer<C>>, KafkaError> {
        let failure = |client: &PolledProducer<C>| client.client().context().failure();
        let client = self.client.load_full();
        if failure(&client).is_none() {
            return Ok(client);
        }
        let _one = self.replacing.lock();
        let client = self.client.load_full();
        let Some(why) = failure(&client) else {
            return Ok(client);
        };
        // First of all, and not once its last owner lets it go: what is given up must not be sent
        // while a new client starts.
        client.give_up();
        let fresh = Arc::new((self.start)()?);
        client.client().context().note_replacement(why);
        self.client.store(Arc::clone(&fresh));
        Ok(fresh)
    }
}

/// Replaces the client whenever it has to be, until the producer is dropped.
fn keep<C: Replaceable>(kept: &Weak<Lasting<C>>) {
    let mut reported: Option<Instant> = None;
    while let Some(lasting) = kept.upgrade() {
        if let Err(error) = lasting.usable()
            && reported.is_none_or(|at| at.elapsed() >= KEEPER_REPORTS_EVERY)
        {
            reported = Some(Instant::now());
            tracing::error!(%error, "a Kafka producer cannot be replaced; trying again");
        }
        drop(lasting);
        std::thread::sleep(KEEPER_EVERY);
    }
}

impl<C: Replaceable> std::fmt::Debug for LastingProducer<C> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LastingProducer").finish_non_exhaustive()
    }
}
