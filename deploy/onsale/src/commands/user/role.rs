//! `onsale user role`

use clap::{Args, ValueEnum};
use onsale_store::account::UserRole;
use onsale_store::audit::Actor;
use serde_json::json;

use super::{changed, find, require_owner, with_office, yes_or_no};
use crate::cli::{ConfigArgs, JsonArgs};
use crate::exit::Failure;
use crate::output;

#[derive(Debug, Args)]
pub(crate) struct RoleArgs {
    /// Its e-mail address or id
    #[arg(value_name = "USER")]
    user: String,
    /// What it is to the installation
    #[arg(value_name = "ROLE")]
    role: Named,
    /// Also where the account's person has not verified its e-mail address: someone else may have registered it
    #[arg(long)]
    unverified: bool,
    #[command(flatten)]
    json: JsonArgs,
    #[command(flatten)]
    config: ConfigArgs,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Named {
    /// Buys, and does for tenants what it is a member for
    Buyer,
    /// Looks after the installation and all its tenants
    Admin,
}

impl Named {
    /// What it names.
    pub(super) fn role(self) -> UserRole {
        match self {
            Self::Buyer => UserRole::Buyer,
            Self::Admin => UserRole::Admin,
        }
    }
}

pub(super) fn run(args: &RoleArgs) -> Result<(), Failure> {
    let role = args.role.role();
    with_office(&args.config, async |office, now_ms| {
        let before = find(office, &args.user).await?;
        let id = before.user_id;
        // To take rights away is always possible.
        let unverified = args.unverified || role == UserRole::Buyer;
        let is_owned = require_owner(&before, unverified)?;
        let entry = Actor::command_line()
            .did("account.role", "user", id)
            .with(json!({ "before": before.role.as_str(), "after": role.as_str() }));
        let set = office.store().set_user_role(id, role, now_ms, entry).await;
        changed(id, set)?;
        if args.json.json {
            output::json(&json!({
                "user_id": id, "role": role.as_str(), "address_owned": is_owned,
            }));
        } else {
            output::line(format_args!(
                "{id} is {}; its sessions have ended, so it signs in again",
                role.as_str()
            ));
            output::line(format_args!("address owned: {}", yes_or_no(is_owned)));
        }
        Ok(())
    })
}
