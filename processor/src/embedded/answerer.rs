//! Gives answers to who waits for them, all of a batch from within the runtime: a task woken from
//! another thread goes through the queue that all workers share, one lock and often a system call
//! each; one that is woken by a worker goes into its own.

use onsale_log::Reply;
use onsale_schemas::OutcomeRecord;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

/// The answers of a batch.
type Answers = Vec<(oneshot::Sender<Reply>, OutcomeRecord)>;

/// The core thread's end.
#[derive(Debug)]
pub(super) struct Answerer {
    ready: Answers,
    batches: mpsc::UnboundedSender<Answers>,
}

impl Answerer {
    /// Starts the task, which ends once this is dropped and everything is answered.
    pub(super) fn start() -> (Self, JoinHandle<()>) {
        let (batches, mut receiver) = mpsc::unbounded_channel::<Answers>();
        let task = tokio::spawn(async move {
            while let Some(answers) = receiver.recv().await {
                for (reply, record) in answers {
                    // A client that went away does not wait; its outcome stands all the same.
                    drop(reply.send(Ok(record)));
                }
            }
        });
        let answerer = Self {
            ready: Vec::new(),
            batches,
        };
        (answerer, task)
    }

    /// An answer of the batch at hand.
    pub(super) fn add(&mut self, reply: oneshot::Sender<Reply>, record: OutcomeRecord) {
        self.ready.push((reply, record));
    }

    /// The batch is applied.
    pub(super) fn give(&mut self) {
        if !self.ready.is_empty() {
            let expected = self.ready.len();
            let answers = std::mem::replace(&mut self.ready, Vec::with_capacity(expected));
            // Only a runtime that is gone refuses, and with it who waits.
            drop(self.batches.send(answers));
        }
    }
}
