//! Accounts for `onsale dev`, one of each role, with passwords that are printed.

use anyhow::{Context, anyhow};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use onsale_accounts::{NewPerson, Office};
use onsale_private::{KeyRing, Private};
use onsale_processor::clock;
use onsale_schemas::MemberRole;
use onsale_store::account::{Membership, TenantRow, UserRole};
use onsale_store::audit::Actor;
use onsale_store::{Store, StoreError};
use uuid::Uuid;

use crate::config::Config;
use crate::{demo, secrets};

/// The tenant's name in addresses.
const SLUG: &str = "demo";
/// Bytes that a password is made of: 96 bits.
const PASSWORD_BYTES: usize = 12;
const CONNECTIONS: u32 = 2;

/// An account to sign in with.
#[derive(Clone)]
pub(crate) struct DemoAccount {
    pub(crate) email: &'static str,
    pub(crate) password: Private,
}

/// Id, address and role of each; the organizer belongs to the demo's tenant.
const ACCOUNTS: [(Uuid, &str, UserRole); 3] = [
    (demo::BUYER, "buyer@example.test", UserRole::Buyer),
    (demo::ORGANIZER, "organizer@example.test", UserRole::Buyer),
    (demo::ADMIN, "admin@example.test", UserRole::Admin),
];

/// Creates the accounts that are missing. Each password follows from the key that this data folder began with, so
/// it is the same at every start, and another in every other folder.
pub(crate) async fn ensure(config: &Config) -> anyhow::Result<Vec<DemoAccount>> {
    let ring = config.accounts.ring()?.context("accounts.key is not set")?;
    let own = ring_of_folder(config)?;
    let passwords = own.as_ref().unwrap_or(&ring);
    let accounts: Vec<DemoAccount> = ACCOUNTS
        .into_iter()
        .map(|(_, email, _)| DemoAccount {
            email,
            password: password(passwords, email),
        })
        .collect();
    let url = config.database_url().map_err(|error| anyhow!("{error}"))?;
    let store = Store::connect(&url, CONNECTIONS).await?.for_installation();
    let created = create_missing(config, &store, ring, &accounts).await;
    store.close().await;
    created?;
    Ok(accounts)
}

/// The key that the folder began with, where it has one: accounts keep the passwords that they were created
/// with when another key is configured.
fn ring_of_folder(config: &Config) -> anyhow::Result<Option<KeyRing>> {
    let mut own = config.clone();
    own.accounts.key = None;
    own.accounts.key_file = None;
    own.accounts.old_key_files.clear();
    Ok(secrets::accounts(&own).ring()?)
}

fn password(ring: &KeyRing, email: &str) -> Private {
    let derived = ring.derived(&format!("password of the account {email} of dev"));
    Private::new(URL_SAFE_NO_PAD.encode(&derived[..PASSWORD_BYTES]))
}

async fn create_missing(
    config: &Config,
    store: &Store,
    ring: KeyRing,
    accounts: &[DemoAccount],
) -> anyhow::Result<()> {
    let now_ms = clock::now_ms();
    let cost = config.accounts.bcrypt_cost;
    let office = Office::open(store.clone(), ring, cost, now_ms).await?;
    let by = Actor::command_line();
    for ((user_id, email, role), account) in ACCOUNTS.into_iter().zip(accounts) {
        let email = Private::new(email);
        if office.find(&email).await?.is_some() {
            continue;
        }
        let person = NewPerson {
            user_id: Some(user_id),
            email,
            password: account.password.clone(),
            name: None,
            role,
        };
        office.create(person, &by, now_ms).await?;
    }
    let tenant = TenantRow {
        tenant_id: demo::TENANT,
        slug: SLUG.to_owned(),
        name: "Demo".to_owned(),
        created_at_ms: now_ms,
        closed_at_ms: None,
    };
    let owner = Membership {
        tenant_id: demo::TENANT,
        user_id: demo::ORGANIZER,
        role: MemberRole::Owner,
        created_at_ms: now_ms,
    };
    let entry = by
        .did("tenant.create", "tenant", tenant.tenant_id)
        .of_tenant(tenant.tenant_id);
    match store.add_tenant(&tenant, Some(&owner), entry).await {
        Ok(()) | Err(StoreError::Exists(_)) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
