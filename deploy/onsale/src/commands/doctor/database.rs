//! The database, and whether it is of this log.

use std::path::Path;

use onsale_accounts::{SecondFactorRule, Vault};
use onsale_processor::fit::Misfit;
use onsale_store::Store;

use super::check::Check;
use super::connections;
use crate::config::Config;
use crate::{database_fit, second_layer, secrets};

/// Operators and functions that a message names.
const SHADOWS_NAMED_MAX: usize = 8;
/// People without a second factor that are counted.
const COUNTED_MAX: u32 = 1_000;

pub(super) async fn database(config: &Config, checks: &mut Vec<Check>) {
    let url = match config.database_url() {
        Ok(url) => url,
        Err(failure) => {
            checks.push(Check::failed(
                "database",
                failure.to_string(),
                "correct that setting",
            ));
            return;
        }
    };
    if let Some(path) = url.strip_prefix("sqlite://")
        && !Path::new(path).exists()
    {
        match database_fit::look(config, None).await {
            Ok(Some(misfit)) => checks.push(misfits("there is no SQLite file", &misfit)),
            _ => checks.push(Check::ok(
                "database",
                "no SQLite file yet; the first start creates it",
            )),
        }
        return;
    }
    let store = match Store::connect(&url, 2).await {
        Ok(store) => store.for_installation(),
        Err(error) => {
            checks.push(Check::failed(
                "database",
                error.to_string(),
                "start it or correct database.url; a running server sells without it",
            ));
            return;
        }
    };
    connections::look_at_database(&store, checks).await;
    if let Err(error) = store.check_schema().await {
        // An empty one under a log that has sold was lost: tables alone would not bring it back.
        let is_there = store.has_schema().await.unwrap_or(true);
        checks.push(match database_fit::look(config, Some(&store)).await {
            Ok(Some(misfit)) if !is_there => misfits("there are no tables", &misfit),
            // Nobody is to bring that one up to date.
            Ok(Some(misfit)) if misfit.is_foreign() => {
                misfits("reached, but not of this log as it is", &misfit)
            }
            _ => Check::failed("database", error.to_string(), "run `onsale migrate`"),
        });
        return;
    }
    checks.extend(later_version(&store).await);
    if let Some(problem) = second_layer::problem(&store).await {
        checks.push(Check::warning("tenants", problem, second_layer::ADVICE));
    }
    checks.extend(trail(config, &store).await);
    checks.extend(shadows(&store).await);
    checks.push(match database_fit::look(config, Some(&store)).await {
        Ok(None) => Check::ok("database", "reached, schema up to date"),
        Ok(Some(misfit)) if misfit.is_damage() => misfits(
            "reached, but something was deleted or changed by hand",
            &misfit,
        ),
        Ok(Some(misfit)) => misfits("reached, but not of this log as it is", &misfit),
        Err(error) => Check::warning(
            "database",
            format!("reached; whether it is of this log is not known: {error}"),
            "look again; if that says the same, `onsale verify` compares it with the log",
        ),
    });
    checks.extend(keys(config, &store).await);
    checks.extend(second_factors(config, &store).await);
}

/// Whether a later version has migrated it, as while an upgrade rolls or after going back.
async fn later_version(store: &Store) -> Option<Check> {
    // A database that does not answer is named above.
    let later = store.later_migrations().await.unwrap_or_default();
    (!later.is_empty()).then(|| {
        Check::warning(
            "database",
            format!(
                "it belongs to a later version of Onsale ({later}); this one works with it, and does not know \
                 whether what that version created is there"
            ),
            "bring this program to that version, unless you went back on purpose (deploy/README.md, Upgrading)",
        )
    })
}

/// Who has to have a second factor and has none: the password of one of them is enough to set one up in its place.
async fn second_factors(config: &Config, store: &Store) -> Option<Check> {
    let name = "second factors";
    let admins_alone = match config.accounts.require_second_factor {
        SecondFactorRule::None => return None,
        SecondFactorRule::Operators => true,
        SecondFactorRule::Staff => false,
    };
    let without = store.staff_without_factor(admins_alone, COUNTED_MAX).await;
    match without.map(|staff| u32::try_from(staff.len()).unwrap_or(COUNTED_MAX)) {
        Ok(0) => None,
        Ok(count) => {
            let more = if count < COUNTED_MAX { "" } else { " or more" };
            Some(Check::warning(
                name,
                format!("{count}{more} of those who have to have one have none"),
                "until they do, the password alone is enough to set one up in the person's place: `onsale user \
                 factors` lists them; let them set one up, or disable those who do not",
            ))
        }
        Err(error) => Some(Check::warning(
            name,
            format!("who has one is not known: {error}"),
            "look again once the database is there",
        )),
    }
}

/// Whether something was created that PostgreSQL takes in the place of its own.
async fn shadows(store: &Store) -> Option<Check> {
    // A database that does not answer is named above.
    let found = store.shadowing_objects().await.unwrap_or_default();
    let first = found.iter().take(SHADOWS_NAMED_MAX).map(String::as_str);
    let mut named = first.collect::<Vec<_>>().join(", ");
    if found.len() > SHADOWS_NAMED_MAX {
        named.push_str(&format!(" and {} more", found.len() - SHADOWS_NAMED_MAX));
    }
    (!found.is_empty()).then(|| {
        Check::warning(
            "database",
            format!(
                "in a schema in which names are looked for there is what has the name of something of PostgreSQL's \
                 own, and may be taken in its place, also by triggers of the audit trail: {named}"
            ),
            "find out who created it, and drop it or move it into a schema of its own; let nobody else create \
             anything in the schema of the tables (REVOKE CREATE ON SCHEMA … FROM PUBLIC)",
        )
    })
}

/// Whether the audit trail is append-only for the server too, and kept for as long as it is configured.
async fn trail(config: &Config, store: &Store) -> Vec<Check> {
    const ROLES: &str = "deploy/README.md, Roles of PostgreSQL";
    let mut checks = Vec::new();
    // A database that does not answer is named above.
    if let Ok(Some(role)) = store.role_beyond_triggers().await {
        checks.push(Check::warning(
            "audit",
            format!(
                "the role {role} owns the audit trail, or may create functions in its schema, so who takes over \
                 the server can change or delete entries"
            ),
            format!(
                "let another role own the tables and run `onsale migrate --grant {role}` as that one ({ROLES})"
            ),
        ));
    }
    let days = config.retention.audit_days();
    if let Ok(kept) = store.audit_kept_days().await
        && kept != days
    {
        checks.push(Check::warning(
            "audit",
            format!(
                "the database keeps entries for {kept} days at least, and retention.audit_years is {} \
                 ({days} days)",
                config.retention.audit_years
            ),
            format!(
                "the next start writes it down; where the server's role does not own the tables, run \
                 `onsale migrate` with this configuration as the role that does ({ROLES})"
            ),
        ));
    }
    checks
}

/// Whether what is personal opens with the keys that are configured.
async fn keys(config: &Config, store: &Store) -> Option<Check> {
    let ring = match secrets::accounts(config).ring() {
        Ok(ring) => ring,
        Err(error) => {
            let advice = "correct accounts.key and the files of keys";
            return Some(Check::failed("accounts", error.to_string(), advice));
        }
    };
    let misfit = match ring {
        Some(ring) => Vault::misfit(store, &ring).await,
        // A start would create another.
        None => store.lookup_key().await.map(|key| {
            key.map(|_| {
                "the database has accounts, and there is no key of personal data here: bring back the \
                 file accounts-secret of the data folder, or set accounts.key"
                    .to_owned()
            })
        }),
    };
    match misfit {
        Ok(None) => None,
        Ok(Some(why)) => Some(Check::failed("accounts", "nobody can sign in", why)),
        Err(error) => Some(Check::warning(
            "accounts",
            format!("whether their key fits is not known: {error}"),
            "look again once the database is there",
        )),
    }
}

pub(super) fn misfits(found: &str, misfit: &Misfit) -> Check {
    let (name, found) = match misfit {
        Misfit::LogLost { .. } => ("log", "it was lost"),
        Misfit::SnapshotAhead { .. } => ("log", "it is shorter than it was"),
        Misfit::OtherSnapshots { .. } => ("snapshots", "they are of another log"),
        Misfit::CodesLack { .. } => ("database", "reached, but older than the log"),
        _ => ("database", found),
    };
    Check::failed(name, found, misfit.to_string())
}
