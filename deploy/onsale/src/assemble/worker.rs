//! What works on jobs.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow};
use onsale_jobs::{
    Kind, Kinds, Metrics, Worker, housekeeping, pictures, reset_requests, retention, uploads,
};
use onsale_messages::{Post, account_mails, notices};
use onsale_payments::metrics::StandingMetrics;
use onsale_payments::run::{self, Executor};
use onsale_store::Store;
use onsale_uploads::Uploads;
use prometheus::Registry;

use crate::config::Config;
use crate::exit::{Failure, OrFail};

/// The worker of this process, with every kind of job and every schedule that there is.
pub(super) fn worker(
    config: &Config,
    store: &Store,
    payments: Option<&Executor>,
    registry: &Registry,
) -> Result<Worker, Failure> {
    let mut kinds = vec![
        housekeeping::kind(store),
        retention::kind(store, &config.retention),
        reset_requests::kind(store),
    ];
    let uploads = Uploads::new(&config.uploads()).or_use()?;
    if let Some(place) = &uploads {
        kinds.push(uploads::kind(store, place.clone()));
        kinds.push(pictures::kind(store, place.clone()));
    }
    kinds.extend(mails(config, store, uploads)?);
    if let Some(payments) = payments {
        kinds.extend(run::kinds(payments));
        let standing = StandingMetrics::register(registry).or_found()?;
        tokio::spawn(run::watch(payments.clone(), standing));
    }
    let kinds = Kinds::new(kinds).context("kinds of jobs").or_found()?;
    let mut schedules = vec![housekeeping::schedule()];
    schedules.extend(retention::schedule(&config.retention));
    schedules.extend(payments.map(|_| run::schedule()));
    Ok(Worker {
        store: store.clone(),
        name: config.node.id.clone(),
        kinds,
        schedules,
        metrics: Metrics::register(registry).or_found()?,
    })
}

/// What mails people; nothing where there is no key to open addresses with, or nowhere to send them: the
/// jobs wait then.
fn mails(config: &Config, store: &Store, uploads: Option<Uploads>) -> Result<Vec<Kind>, Failure> {
    let Some(ring) = config.accounts.ring().or_use()? else {
        return Ok(Vec::new());
    };
    let post = match config.mail.configured_url().or_use()? {
        Some(url) => {
            let timeout = Duration::from_secs(config.mail.timeout_seconds);
            Post::smtp(&url, timeout).or_use()?
        }
        None if config.mail.outbox => Post::Outbox(config.outbox_dir()),
        None => {
            tracing::info!("mail.url is not set: mails to people wait as jobs");
            return Ok(Vec::new());
        }
    };
    let (ring, post) = (Arc::new(ring), Arc::new(post));
    let mail = config.mail();
    if mail.has_useless_links() {
        tracing::warn!(
            address = mail.links_url(),
            "links in mails lead to the machine of whoever reads them: set http.public_url to where browsers \
             reach this installation"
        );
    }
    let kinds = [
        account_mails::kind(store, ring.clone(), post.clone(), &mail, uploads),
        notices::kind(store, ring, post, &mail),
    ];
    let kinds: Option<Vec<Kind>> = kinds.into_iter().collect();
    kinds.ok_or_else(|| Failure::Use(anyhow!("mail.from is no address")))
}
