//! What happened in a world, so that one in which nothing happens is noticed.

use onsale_schemas::{Outcome, OutcomeRecord};

macro_rules! stats {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// Counts of what happened.
        #[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
        pub struct Stats {
            $($(#[$doc])* pub $name: u64,)*
        }

        impl Stats {
            /// Adds those of another world.
            pub fn add(&mut self, other: &Self) {
                $(self.$name += other.$name;)*
            }

            /// Names and values in order.
            pub fn all(&self) -> Vec<(&'static str, u64)> {
                vec![$((stringify!($name), self.$name),)*]
            }
        }
    };
}

stats! {
    /// Records in all logs.
    records,
    /// Records applied by all members, replays included.
    applied,
    /// Commands of clients.
    asked,
    /// Answers to clients, each compared with the model.
    answered,
    /// Clients without a key that never learned the outcome of their command.
    unknown,
    /// Times that a client retried.
    retries,
    /// Records that got into the log twice by one sending.
    duplicates,
    /// Records that reached the log after one that had been sent later.
    overtaken,
    /// Appends that happened without being confirmed.
    lost_acks,
    /// Appends that never happened.
    lost_appends,
    /// Clients that learned that their record is not in the log.
    refused_by_producer,
    /// Processes of members that were killed.
    crashes,
    /// Of these, between two actions of one step.
    crashes_between_actions,
    /// Members that began from a snapshot.
    restores,
    /// Of these, from the copy in the database.
    restores_from_database,
    /// Snapshots that could not be used.
    snapshots_refused,
    /// Snapshots written.
    snapshots,
    /// Claims that took effect.
    claims,
    /// Moments at which two members believed to own one partition.
    double_owners,
    /// Publishers that failed and were replaced.
    publishers_failed,
    /// Outcomes that arrived after the publisher that had sent them was gone.
    late_outcomes,
    /// Outcomes in the topic that were there before.
    repeats_in_topic,
    /// Polls at which a member wanted no entries because its buffer was full.
    full_buffers,
    /// Outcomes published by members that owned nothing.
    published_by_followers,
    /// Pauses of processes.
    pauses,
    /// Processors cut off from the log.
    cuts,
    /// Ingresses cut off from the log.
    ingress_cuts,
    /// Times that the log's clock leapt forward.
    log_clock_forward,
    /// Times that it was set back.
    log_clock_back,
    /// Times that a node's clock leapt forward.
    node_clock_forward,
    /// Times that it was set back.
    node_clock_back,
    /// Disks that lost their snapshots.
    snapshots_lost,
    /// Snapshots damaged at rest.
    snapshots_damaged,
    /// Snapshots, or batches of an embedded log, that a full disk refused.
    disk_full,
    /// Snapshots that a slow disk delayed.
    slow_snapshots,
    /// Times that the database was down.
    database_outages,
    /// Times that the topic accepted nothing.
    topic_stalls,
    /// Partitions that an operator handed over.
    hand_overs,
    /// Projectors and ingresses that were killed.
    readers_killed,
    /// Transactions of projectors.
    projections,
    /// Holds that ran out.
    expired,
    /// Answers from the memory of idempotency keys.
    replayed_answers,
    /// Offers that were set.
    offers,
    /// Commands that created codes.
    codes,
    /// Additions of rows, zones and places to shows.
    additions,
    /// Orders that are not plain.
    orders,
    /// Of these, orders that were paid late and got their places back.
    orders_revived,
    /// Partial returns.
    places_returned,
    /// Records with a command whose rules no barrier had raised yet; they decide nothing.
    too_early,
    /// Requests that were too early and were decided when their clients asked again.
    decided_later,
    /// Records that were sent before the barrier of their rules and reached the log behind it.
    sent_before_barrier,
    /// Deaths of embedded processes by a power cut; the others were killed.
    power_cuts,
    /// Journals whose last batch was torn, and cut when they were opened.
    torn_tails,
    /// Batches that may or may not be in the journal, because a write or a sync failed.
    batches_in_doubt,
    /// Times that the disk of an embedded log did not let its journal be opened.
    failed_openings,
    /// Journals that could not be closed properly.
    unclean_closings,
    /// Segments of journals that were deleted because no snapshot needs them.
    segments_deleted,
    /// Deletions of segments that the disk refused.
    failed_trims,
    /// Nodes that were upgraded while the cluster ran.
    nodes_upgraded,
    /// Members of the old program that stopped at rules which others knew.
    too_old_for_the_log,
    /// Worlds that ended with an upgrade that this program does not know.
    upgrades,
}

impl Stats {
    /// Counts what a record decided.
    pub(crate) fn note(&mut self, record: &OutcomeRecord) {
        self.expired += record.expired.len() as u64;
        if record.replay_of.is_some() {
            self.replayed_answers += 1;
            return;
        }
        match &record.outcome {
            Outcome::OfferSet { .. } => self.offers += 1,
            Outcome::CodesCreated { .. } => self.codes += 1,
            Outcome::SeatsAdded { .. } => self.additions += 1,
            Outcome::ReservedV2(_) => self.orders += 1,
            Outcome::ConfirmedV2(order) => self.orders_revived += u64::from(order.revived),
            Outcome::PlacesReturned(_) => self.places_returned += 1,
            _ => {}
        }
    }
}
