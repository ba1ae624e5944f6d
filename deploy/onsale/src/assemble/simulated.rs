//! The simulated gateway of a process. What it holds lies in a file of the data folder, so that payments under way go
//! on after a restart.

use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use onsale_ingress::SimulatedPayment;
use onsale_payments::gateway::Gateway as _;
use onsale_payments::gateway::simulated::{
    Act, Faults, Record, Saved, Simulated, SimulatedConfig, Status,
};
use onsale_payments::run;
use onsale_store::Store;
use onsale_store::payment::NewNotice;
use tokio::time::MissedTickBehavior;

use crate::config::Config;
use crate::exit::{Failure, OrFail};

/// How long a call of the simulated gateway takes.
const LATENCY: Duration = Duration::from_millis(50);
/// How often it is heard what the simulated gateway says.
const HEARD_EVERY: Duration = Duration::from_millis(500);
/// How often what it holds is written down, where that has changed. What a crash takes with it is unknown to the
/// gateway afterwards; no money is.
const SAVED_EVERY: Duration = Duration::from_secs(2);
/// Name of the file.
const FILE: &str = "simulated-gateway.json";
/// Longest file that is read, in bytes: more than any that is written.
const FILE_MAX_BYTES: u64 = 67_108_864;

/// Starts it, with what an earlier process has left. In a cluster each process has one of its own, which forgets with
/// it.
pub(super) fn start(config: &Config, store: &Store) -> Result<Simulated, Failure> {
    let settings = SimulatedConfig {
        faults: Faults {
            // Ids of an earlier process would come again.
            seed: rand::random(),
            ..Faults::default()
        },
        latency: LATENCY,
        challenge_url: Some(format!(
            "{}/dev/gateway/",
            config.public_url().trim_end_matches('/')
        )),
    };
    let clock = run::system_clock();
    let file = (!config.kafka.is_used()).then(|| config.data.dir.join(FILE));
    let saved = match &file {
        Some(file) => read(file).or_use()?,
        None => None,
    };
    let simulated = match (saved, &file) {
        (Some(saved), Some(file)) => Simulated::restored(settings, clock, saved)
            .map_err(|error| damaged(file, &error))
            .or_use()?,
        _ => Simulated::new(settings, clock),
    };
    let kept = file.map(|file| Kept {
        revision: simulated.revision(),
        simulated: simulated.clone(),
        file,
    });
    tokio::spawn(hear(simulated.clone(), store.for_installation(), kept));
    Ok(simulated)
}

/// A payment as its page shows it.
pub(super) fn shown(record: &Record) -> SimulatedPayment {
    SimulatedPayment {
        object: record.object().to_owned(),
        amount: record.amount,
        currency: record.currency,
        method: record.method.clone(),
        status: record.status.as_str(),
        can_be_paid: record.failure.is_none()
            && matches!(
                record.status,
                Status::RequiresPaymentMethod | Status::RequiresAction
            ),
    }
}

/// What its buyer does who can still pay it.
pub(super) fn act(simulated: &Simulated, object: &str, is_approved: bool) {
    let act = if is_approved { Act::Pay } else { Act::Fail };
    let can_be_paid = simulated.with_machine(|machine, _| {
        machine
            .payment(object)
            .is_some_and(|record| shown(record).can_be_paid)
    });
    if can_be_paid {
        simulated.act(object, act);
    }
}

/// Puts what the simulated gateway says into the inbox, as notices over HTTP come there, until the process ends. What
/// is lost is found by looking, as with every gateway.
async fn hear(simulated: Simulated, store: Store, mut kept: Option<Kept>) {
    let mut turns = tokio::time::interval(HEARD_EVERY);
    turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut saved_at = Instant::now();
    loop {
        turns.tick().await;
        for notice in simulated.take_notices() {
            let new = NewNotice {
                event_id: notice.event_id,
                kind: notice.kind,
                object: notice.object,
                payment: notice.payment,
                refund: notice.refund,
                dispute: notice.dispute,
                created_at_ms: notice.created_at_ms,
            };
            if let Err(error) = store.put_notice(simulated.name(), &new).await {
                tracing::debug!(%error, "a notice of the simulated gateway is lost");
            }
        }
        if let Some(kept) = &mut kept
            && saved_at.elapsed() >= SAVED_EVERY
        {
            tokio::task::block_in_place(|| kept.save());
            saved_at = Instant::now();
        }
    }
}

/// A gateway whose state is written down, at the latest when the process ends in order.
struct Kept {
    simulated: Simulated,
    file: PathBuf,
    /// What was written down last.
    revision: u64,
}

impl Kept {
    fn save(&mut self) {
        let revision = self.simulated.revision();
        if revision == self.revision {
            return;
        }
        match write(&self.file, &self.simulated.saved()) {
            Ok(()) => self.revision = revision,
            Err(error) => tracing::warn!("the simulated gateway is not written down: {error:#}"),
        }
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.save();
    }
}

/// What was written down; `None` where nothing was.
fn read(file: &Path) -> anyhow::Result<Option<Saved>> {
    let opened = match std::fs::File::open(file) {
        Ok(opened) => opened,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            return Err(error).with_context(|| format!("cannot read {}", file.display()));
        }
    };
    let mut text = String::new();
    opened
        .take(FILE_MAX_BYTES + 1)
        .read_to_string(&mut text)
        .with_context(|| format!("cannot read {}", file.display()))?;
    if u64::try_from(text.len()).unwrap_or(u64::MAX) > FILE_MAX_BYTES {
        let why = format!("it has more than {FILE_MAX_BYTES} bytes");
        return Err(damaged(file, &why));
    }
    let saved = serde_json::from_str(&text).map_err(|error| damaged(file, &error))?;
    Ok(Some(saved))
}

fn damaged(file: &Path, why: &dyn std::fmt::Display) -> anyhow::Error {
    anyhow!(
        "{}: {why}. It is what the simulated gateway holds; move it away, and the gateway begins with nothing",
        file.display()
    )
}

/// Replaces the file: there is the old one or the new one, never a part.
fn write(file: &Path, saved: &Saved) -> anyhow::Result<()> {
    let text = serde_json::to_vec(saved)?;
    let part = file.with_extension("json.part");
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, onsale_disk::FILE_MODE);
    let mut opened = options
        .open(&part)
        .with_context(|| format!("cannot write {}", part.display()))?;
    opened
        .write_all(&text)
        .and_then(|()| opened.sync_all())
        .with_context(|| format!("cannot write {}", part.display()))?;
    std::fs::rename(&part, file).with_context(|| format!("cannot replace {}", file.display()))
}

#[cfg(test)]
mod tests {
    use onsale_payments::gateway::CreateOrder;
    use onsale_payments::gateway::simulated::methods;
    use uuid::Uuid;

    use super::*;

    fn gateway() -> Simulated {
        Simulated::new(SimulatedConfig::default(), run::system_clock())
    }

    #[test]
    fn what_was_written_down_is_read_and_what_is_damaged_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(FILE);
        assert!(read(&file).unwrap().is_none());
        write(&file, &gateway().saved()).unwrap();
        write(&file, &gateway().saved()).unwrap();
        assert!(read(&file).unwrap().is_some());
        let files = std::fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(files, 1, "no part is left");
        std::fs::write(&file, "{\"form\":1").unwrap();
        let error = format!("{:#}", read(&file).unwrap_err());
        assert!(
            error.contains(FILE) && error.contains("move it away"),
            "{error}"
        );
    }

    #[tokio::test]
    async fn a_challenge_is_passed_once() {
        let simulated = gateway();
        let order = CreateOrder {
            key: "1:create",
            payment: Uuid::from_u128(1),
            booking: Uuid::from_u128(2),
            tenant: Uuid::from_u128(3),
            amount: 1_000,
            currency: "THB".parse().unwrap(),
            method: methods::CARD_CHALLENGE,
            title: "A show",
            email: None,
            return_url: "http://127.0.0.1/back",
            expires_at_ms: u64::MAX >> 1,
        };
        let object = simulated.create(&order).await.unwrap().object;
        let payment = || simulated.with_machine(|machine, _| machine.payment(&object).map(shown));
        assert!(payment().unwrap().can_be_paid);
        act(&simulated, &object, true);
        let paid = payment().unwrap();
        assert_eq!((paid.status, paid.can_be_paid), ("requires_capture", false));
        act(&simulated, &object, false);
        assert_eq!(payment().unwrap(), paid);
        act(&simulated, "pi_none", true);
    }

    #[test]
    fn it_is_written_down_when_it_has_changed_and_at_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(FILE);
        let simulated = gateway();
        let mut kept = Kept {
            revision: simulated.revision(),
            simulated: simulated.clone(),
            file: file.clone(),
        };
        kept.save();
        assert!(!file.exists(), "nothing has changed");
        kept.revision = kept.revision.wrapping_add(1);
        drop(kept);
        assert!(file.exists());
    }
}
