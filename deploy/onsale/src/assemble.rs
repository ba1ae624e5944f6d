//! Puts a process together from its configuration, and takes it apart again in order.

mod distributed;
mod embedded;
mod part;
mod payments;
mod simulated;
mod stop_signals;
mod worker;

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;

use anyhow::{Context, anyhow};
use onsale_ingress::{HttpConfig, Ingress};
use onsale_payments::run::Executor;
use onsale_store::Store;
use prometheus::Registry;
use tokio::net::{TcpListener, TcpSocket};
use tokio_util::sync::CancellationToken;

use self::part::Part;
use self::stop_signals::StopSignals;
use crate::config::Config;
use crate::exit::{Failure, OrFail};
use crate::{descriptors, private, secrets, telemetry};

pub(crate) use embedded::offline;

type Later<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Where a process really listens.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Addresses {
    pub(crate) public: SocketAddr,
    pub(crate) operations: SocketAddr,
}

/// Where a process is asked.
struct Listeners {
    public: TcpListener,
    operations: TcpListener,
}

type Serve = Box<dyn FnOnce(Listeners, CancellationToken) -> Later<io::Result<()>> + Send>;

/// A process that is put together and does not listen yet.
struct Parts {
    store: Store,
    registry: Registry,
    /// Takes payments on, where the process has a log to hand commands in to.
    payments: Option<Executor>,
    /// Serves until the token is cancelled and requests in flight are finished.
    serve: Serve,
    /// Completes with the reason when going on would be wrong.
    failure: Pin<Box<dyn Future<Output = String>>>,
    /// Runs before requests are turned away.
    before_stop: Later<()>,
    /// Runs after the last request.
    stop: Later<()>,
}

/// Runs a server until SIGINT or SIGTERM, or until its core fails. `announce` runs once it is ready, with
/// the database as the server uses it.
pub(crate) fn serve_until_stopped<F>(
    config: Config,
    announce: impl FnOnce(Addresses, Store) -> F,
) -> Result<(), Failure>
where
    F: Future<Output = anyhow::Result<()>>,
{
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .or_found()?;
    runtime.block_on(async {
        let _telemetry = telemetry::start(&config.telemetry, &config.node.id).or_use()?;
        serve(config, announce).await
    })
}

async fn serve<F>(
    mut config: Config,
    announce: impl FnOnce(Addresses, Store) -> F,
) -> Result<(), Failure>
where
    F: Future<Output = anyhow::Result<()>>,
{
    private::warn_of_readable_secrets(&config);
    for older in config.older_settings() {
        tracing::warn!("{older}");
    }
    warn_of_useless_callbacks(&config);
    // First of all: a port that is taken should not cost a recovery.
    let public = listen("http.listen", config.http.listen)?;
    let address = public.local_addr().or_found()?;
    let operations = listen("http.operations_listen", config.http.operations_address())?;
    // Other nodes get the address on which it really listens.
    config.http.listen = address;
    config.http.operations_listen = Some(operations.local_addr().or_found()?);
    fit_descriptors(&mut config);
    if config.is_open_to_all() {
        tracing::warn!(
            %address,
            "everyone who can reach this machine can talk to this server, and tokens pass \
             unencrypted: set http.tls_certificate_file, or put a proxy with TLS in front"
        );
    }
    if !config.kafka.is_used() && !config.accounts.has_key() {
        private::data_folder(&config.data.dir).or_use()?;
        config.accounts.key = Some(secrets::accounts_secret(&config.data.dir).or_use()?);
    }
    let parts = if config.kafka.is_used() {
        distributed::parts(&config).await?
    } else {
        embedded::parts(&config).await?
    };

    let stop = CancellationToken::new();
    let mut working = if config.does_jobs() {
        let worker = worker::worker(
            &config,
            &parts.store,
            parts.payments.as_ref(),
            &parts.registry,
        )?;
        let (store, stop) = (parts.store.clone(), stop.clone());
        Part::spawn("the worker of jobs", async move {
            // Jobs of another installation are none to be done here.
            if stop.run_until_cancelled(store.until_open()).await.is_some() {
                worker.run(stop).await;
            }
            Ok(())
        })
    } else {
        Part::none("the worker of jobs")
    };
    // Before anyone can see that it serves.
    let mut stop_signals = StopSignals::listen();
    let operations_at = config.http.operations_address();
    let listeners = Listeners { public, operations };
    let serve = (parts.serve)(listeners, stop.clone());
    let mut serving = Part::spawn("the HTTP server", async move { Ok(serve.await?) });
    let addresses = Addresses {
        public: address,
        operations: operations_at,
    };
    let announced = announce(addresses, parts.store.clone());
    let announced_then_waiting = async {
        announced.await?;
        std::future::pending::<anyhow::Result<()>>().await
    };
    let result = tokio::select! {
        () = stop_signals.next() => Ok(()),
        why = parts.failure => Err(Failure::Found(anyhow!("{why}; start again to recover"))),
        why = serving.ended_early() => Err(Failure::Found(why)),
        why = working.ended_early() => Err(Failure::Found(why)),
        Err(error) = announced_then_waiting => Err(Failure::Found(error)),
    };
    tokio::spawn(async move {
        stop_signals.next().await;
        tracing::warn!("asked to stop again: stopping at once; the log is safe");
        std::process::exit(1);
    });
    tracing::info!("stopping: requests in flight are finished first");
    parts.before_stop.await;
    stop.cancel();
    // Whatever became of one of them, the rest is stopped in order.
    let served = serving.ended().await.or_found();
    let worked = working.ended().await.or_found();
    parts.stop.await;
    // What a caller no longer waits for is written all the same.
    let closed = tokio::time::timeout(STORE_CLOSE_PATIENCE, parts.store.close()).await;
    if closed.is_err() {
        tracing::warn!("the database did not end its last statements in time");
    }
    tracing::info!("stopped");
    result.and(served).and(worked)
}

fn warn_of_useless_callbacks(config: &Config) {
    let accounts = config.accounts();
    if accounts.has_useless_callbacks() {
        tracing::warn!(
            address = accounts.callbacks_url(),
            "providers send people who sign in to their own machines: set http.public_url to where browsers \
             reach this installation"
        );
    }
}

/// How long a stop waits for what the database still does: as long as PostgreSQL lets one statement
/// take. What takes longer (a transaction of several, SQLite waiting for a lock, a server that is silent)
/// ends with the process, and the database rolls it back.
const STORE_CLOSE_PATIENCE: Duration = Duration::from_secs(10);
/// Connections that the system keeps for the server until it accepts them. With the 128 of a plain
/// bind, a crowd that arrives within a second would wait for its packets to be sent again.
const BACKLOG: u32 = 4_096;

fn listen(key: &str, address: SocketAddr) -> Result<TcpListener, Failure> {
    let bind = || {
        let socket = if address.is_ipv4() {
            TcpSocket::new_v4()?
        } else {
            TcpSocket::new_v6()?
        };
        // A server that was killed starts again at once.
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        socket.listen(BACKLOG)
    };
    bind()
        .with_context(|| format!("{key}: cannot listen on {address}"))
        .or_use()
}

/// So many connections are no reason to warn of.
const CONNECTIONS_ENOUGH: usize = 4_096;

/// Raises the limit of open files, and lets no more clients in than it has room for beside all else.
fn fit_descriptors(config: &mut Config) {
    let limit = descriptors::raise();
    let wanted = config.http.connections_max;
    let fitting = descriptors::connections(limit, wanted);
    if fitting < wanted {
        // Few systems allow as many as the default is meant for, and `onsale doctor` says how many fit.
        if wanted == HttpConfig::default().connections_max && fitting >= CONNECTIONS_ENOUGH {
            tracing::debug!(
                limit,
                connections_max = fitting,
                "the system allows no more"
            );
        } else {
            tracing::warn!(
                limit,
                connections_max = fitting,
                "the limit of open files is too low for http.connections_max = {wanted}: fewer \
                 connections are accepted; raise it (ulimit -n, LimitNOFILE)"
            );
        }
        config.http.connections_max = fitting;
    }
}

/// Serves both listeners of an ingress.
fn serve_ingress(ingress: Ingress) -> Serve {
    Box::new(move |listeners, stop| {
        Box::pin(async move {
            let public = ingress.serve(listeners.public, stop.clone().cancelled_owned());
            let operations = ingress.serve_operations(listeners.operations, stop.cancelled_owned());
            tokio::try_join!(public, operations).map(|_| ())
        })
    })
}

/// Hands in again what a crash interrupted; the log has to serve by now.
async fn resume_openings(ingress: &Ingress) {
    match ingress.resume_openings().await {
        0 => {}
        shows => tracing::info!(
            shows,
            "openings that a crash interrupted were handed in again"
        ),
    }
}
