//! `onsale user`

mod create;
mod disable;
mod factors;
mod list;
mod password;
mod role;
mod sessions;
mod show;

use std::path::PathBuf;

use anyhow::{Context, anyhow};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clap::{Args, Subcommand};
use onsale_accounts::{AccountError, Office};
use onsale_private::Private;
use onsale_processor::clock;
use onsale_store::StoreError;
use onsale_store::account::UserRow;
use uuid::Uuid;

use super::store::with_store;
use crate::cli::{ConfigArgs, JsonArgs};
use crate::config::Config;
use crate::exit::{Failure, OrFail};
use crate::secrets;

/// Random bytes of a password that is made here: 96 bits.
const PASSWORD_BYTES: usize = 12;

#[derive(Debug, Subcommand)]
pub(crate) enum UserCommand {
    /// Create an account and print its password, unless one is given
    Create(create::CreateArgs),
    /// List accounts with their e-mail addresses, newest first; that they were read is in the audit trail
    List(list::ListArgs),
    /// Show an account; that it was read is in the audit trail
    Show(UserArgs),
    /// Keep an account from signing in, and end its sessions
    Disable(UserArgs),
    /// Let a disabled account sign in again
    Enable(UserArgs),
    /// Make an account an admin of the installation, or a buyer again
    Role(role::RoleArgs),
    /// Set a password, print it unless one is given, and end every session
    Password(password::PasswordArgs),
    /// List the sessions of an account, or end them all
    Sessions(sessions::SessionsArgs),
    /// List the second factors of an account, or remove them all; without one: the staff that has none
    Factors(factors::FactorsArgs),
}

/// One account.
#[derive(Debug, Args)]
pub(crate) struct UserArgs {
    /// Its e-mail address or id
    #[arg(value_name = "USER")]
    user: String,
    #[command(flatten)]
    json: JsonArgs,
    #[command(flatten)]
    config: ConfigArgs,
}

/// Where a new password comes from.
#[derive(Debug, Args)]
pub(crate) struct NewPassword {
    /// File that holds the password, without the white space around it [default: a random one, which
    /// is printed]
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

impl NewPassword {
    /// The password, and whether it is to be printed.
    fn read(&self) -> Result<(Private, bool), Failure> {
        match &self.password_file {
            Some(file) => {
                let text = std::fs::read_to_string(file)
                    .with_context(|| format!("--password-file {}", file.display()))
                    .or_use()?;
                Ok((Private::new(text.trim()), false))
            }
            None => {
                let random: [u8; PASSWORD_BYTES] = rand::random();
                Ok((Private::new(URL_SAFE_NO_PAD.encode(random)), true))
            }
        }
    }
}

pub(crate) fn run(command: &UserCommand) -> Result<(), Failure> {
    match command {
        UserCommand::Create(args) => create::run(args),
        UserCommand::List(args) => list::run(args),
        UserCommand::Show(args) => show::run(args),
        UserCommand::Disable(args) => disable::run(args, true),
        UserCommand::Enable(args) => disable::run(args, false),
        UserCommand::Role(args) => role::run(args),
        UserCommand::Password(args) => password::run(args),
        UserCommand::Sessions(args) => sessions::run(args),
        UserCommand::Factors(args) => factors::run(args),
    }
}

/// Works on the accounts of a database.
pub(crate) fn with_office(
    args: &ConfigArgs,
    work: impl AsyncFnOnce(&Office, u64) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let config = Config::for_operator(args)?;
    let ring = secrets::accounts(&config).ring().or_use()?.ok_or_else(|| {
        Failure::Use(anyhow!(
            "accounts.key is not set, and there is none in the data folder: set it (or \
             accounts.key_file), or name the server's data folder by --data"
        ))
    })?;
    with_store(args, async |store| {
        let now_ms = clock::now_ms();
        let cost = config.accounts.bcrypt_cost;
        let office = Office::open(store, ring, cost, now_ms).await;
        work(&office.map_err(failed)?, now_ms).await
    })
}

/// The account that is meant.
pub(super) async fn find(office: &Office, user: &str) -> Result<UserRow, Failure> {
    let found = office.find(&Private::new(user)).await.map_err(failed)?;
    found.ok_or_else(|| Failure::Found(anyhow!("there is no account with this address or id")))
}

/// Refuses to give rights to an account of which nobody has shown that it is that of its address's owner, unless
/// that is meant: someone else may have registered the address. Whether it was shown.
pub(super) fn require_owner(user: &UserRow, unverified: bool) -> Result<bool, Failure> {
    let id = user.user_id;
    if user.erased_at_ms.is_some() {
        return Err(erased(id));
    }
    if user.owns_address() || unverified {
        return Ok(user.owns_address());
    }
    Err(Failure::Found(if user.email_verified_at_ms.is_some() {
        anyhow!(
            "the e-mail address of {id} is verified, but not by the person of the account, so someone else may \
             have registered it: let the person have another link sent and follow it while signed in, or set \
             the password anew by mail, or repeat this with --unverified"
        )
    } else {
        anyhow!(
            "the e-mail address of {id} is not verified, so someone else may have registered it: let the \
             person follow the link in the mail first, while signed in, or repeat this with --unverified"
        )
    }))
}

/// What a verb says of an account that was erased, or was while it ran.
fn erased(user: Uuid) -> Failure {
    Failure::Found(anyhow!("the account {user} is erased: nothing was changed"))
}

/// What came of changing an account.
fn changed(user: Uuid, result: Result<Option<UserRow>, StoreError>) -> Result<(), Failure> {
    match result {
        Ok(Some(_)) => Ok(()),
        Ok(None) => Err(erased(user)),
        Err(error @ StoreError::LastAdmin) => Err(Failure::Found(error.into())),
        Err(error) => Err(Failure::Reach(error.into())),
    }
}

/// Yes or no, for people.
pub(super) fn yes_or_no(is_so: bool) -> &'static str {
    if is_so { "yes" } else { "no" }
}

/// What went wrong, by how the verb ends.
pub(crate) fn failed(error: AccountError) -> Failure {
    match error {
        AccountError::Store(error) => Failure::Reach(error.into()),
        AccountError::Invalid { .. }
        | AccountError::InvalidValue { .. }
        | AccountError::Past { .. }
        | AccountError::Weak { .. } => Failure::Use(error.into()),
        other => Failure::Found(other.into()),
    }
}
