//! A part of a process that runs until the process stops.

use anyhow::{Context, anyhow};
use tokio::task::JoinHandle;

/// A task that must not end before it is asked to.
pub(super) struct Part {
    name: &'static str,
    /// `None` once its end was seen, or where there is none.
    task: Option<JoinHandle<anyhow::Result<()>>>,
}

impl Part {
    /// Starts it; errors call it `name`.
    pub(super) fn spawn(
        name: &'static str,
        work: impl Future<Output = anyhow::Result<()>> + Send + 'static,
    ) -> Self {
        let task = Some(tokio::spawn(work));
        Self { name, task }
    }

    /// A part that this process does not have.
    pub(super) fn none(name: &'static str) -> Self {
        Self { name, task: None }
    }

    /// Waits for its end. What went wrong is returned once; it may be called again.
    pub(super) async fn ended(&mut self) -> anyhow::Result<()> {
        let Some(task) = &mut self.task else {
            return Ok(());
        };
        let joined = task.await;
        self.task = None;
        joined
            .map_err(anyhow::Error::from)
            .flatten()
            .context(self.name)
    }

    /// Why the process has to stop: the part has ended although nothing asked it to. Never completes
    /// for a part that the process does not have.
    pub(super) async fn ended_early(&mut self) -> anyhow::Error {
        if self.task.is_none() {
            return std::future::pending().await;
        }
        match self.ended().await {
            Ok(()) => anyhow!("{} has stopped without being asked; start again", self.name),
            Err(error) => error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_part_that_panics_is_named_and_can_be_waited_for_again() {
        let mut part = Part::spawn("the HTTP server", async { panic!("the secret is 42") });
        let why = format!("{:#}", part.ended_early().await);
        assert!(why.starts_with("the HTTP server: "), "{why}");
        part.ended().await.unwrap();
    }

    #[tokio::test]
    async fn a_part_that_ends_unasked_or_was_never_there_is_known() {
        let mut part = Part::spawn("the worker of jobs", async { Ok(()) });
        let why = part.ended_early().await.to_string();
        assert!(why.contains("the worker of jobs has stopped"), "{why}");
        let mut none = Part::none("the worker of jobs");
        none.ended().await.unwrap();
        tokio::select! {
            biased;
            why = none.ended_early() => panic!("it was never there: {why}"),
            () = std::future::ready(()) => {}
        }
    }
}
