//! Threads of a running process: named, and joined without blocking a runtime.

use std::thread::JoinHandle;

/// Starts a thread that debuggers and the system know as `onsale-<name>`.
///
/// # Errors
/// When the system gives none.
pub(crate) fn spawn(
    name: &'static str,
    work: impl FnOnce() + Send + 'static,
) -> Result<JoinHandle<()>, std::io::Error> {
    std::thread::Builder::new()
        .name(format!("onsale-{name}"))
        .spawn(work)
}

/// Waits until all of them have ended; says which one panicked.
pub(crate) async fn join<const N: usize>(threads: [JoinHandle<()>; N]) {
    let joined = tokio::task::spawn_blocking(move || {
        for thread in threads {
            let name = thread.thread().name().unwrap_or("unnamed").to_owned();
            if thread.join().is_err() {
                tracing::error!(thread = name, "panicked");
            }
        }
    });
    if joined.await.is_err() {
        tracing::error!("the threads could not be joined");
    }
}
