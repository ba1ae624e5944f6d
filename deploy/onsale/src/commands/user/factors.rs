//! `onsale user factors`

use clap::Args;
use onsale_accounts::Office;
use onsale_store::account::UserRole;
use onsale_store::audit::Actor;
use onsale_store::factor::Factors;
use serde_json::json;

use super::list::address;
use super::{erased, failed, find, with_office, yes_or_no};
use crate::cli::{ConfigArgs, JsonArgs};
use crate::exit::{Failure, OrFail};
use crate::output;

/// People that are listed at once.
const LISTED_MAX: u32 = 1_000;

#[derive(Debug, Args)]
pub(crate) struct FactorsArgs {
    /// Its e-mail address or id. Without it: the admins and the members of tenants who have no second factor
    #[arg(value_name = "USER")]
    user: Option<String>,
    /// Remove them all, recovery codes included, and end its sessions: for a person who has lost them. Make
    /// sure that it is the person who asks; the account is told by mail
    #[arg(long, requires = "user")]
    reset: bool,
    #[command(flatten)]
    json: JsonArgs,
    #[command(flatten)]
    config: ConfigArgs,
}

pub(super) fn run(args: &FactorsArgs) -> Result<(), Failure> {
    with_office(&args.config, async |office, now_ms| {
        let Some(user) = &args.user else {
            return list_those_without(args, office).await;
        };
        let id = find(office, user).await?.user_id;
        if !args.reset {
            let factors = office.store().factors_of(id).await.or_reach()?;
            list(args, &factors);
            return Ok(());
        }
        let reset = office
            .reset_factors(id, &Actor::command_line(), now_ms)
            .await
            .map_err(failed)?;
        let reset = reset.ok_or_else(|| erased(id))?;
        if args.json.json {
            output::json(&json!({
                "user_id": id,
                "totp": reset.totp,
                "passkeys": reset.passkeys,
                "recovery_codes": reset.recovery_codes,
                "sessions_ended": reset.sessions,
            }));
        } else if reset.has_removed() {
            output::line(format_args!(
                "{id} has no second factor any more, and {} ended",
                output::count(reset.sessions, "session")
            ));
        } else {
            output::line(format_args!(
                "{id} has no second factor: nothing was removed, and its sessions go on (`onsale user sessions \
                 {id} --end` ends them)"
            ));
        }
        Ok(())
    })
}

/// Lists the staff without a second factor: the password of one of them is enough to set one up in its place.
async fn list_those_without(args: &FactorsArgs, office: &Office) -> Result<(), Failure> {
    let store = office.store();
    let staff = store.staff_without_factor(false, LISTED_MAX).await;
    let mut listed = Vec::new();
    for user in staff.or_reach()? {
        let profile = office.shown_profile(&user);
        let email = address(profile.email, profile.is_unreadable);
        let role = match user.role {
            UserRole::Admin => "admin",
            UserRole::Buyer => "member",
        };
        listed.push((user.user_id, role, email));
    }
    if args.json.json {
        let listed: Vec<_> = listed
            .iter()
            .map(|(id, role, email)| json!({ "user_id": id, "role": role, "email": email }))
            .collect();
        output::json(&listed);
    } else if listed.is_empty() {
        output::line("all admins and members have a second factor");
    } else {
        let rows: Vec<Vec<String>> = listed
            .into_iter()
            .map(|(id, role, email)| vec![id.to_string(), role.to_owned(), email])
            .collect();
        output::table(&["USER", "ROLE", "E-MAIL"], &rows);
    }
    Ok(())
}

fn list(args: &FactorsArgs, factors: &Factors) {
    let totp_since_ms = factors.totp.as_ref().and_then(|totp| totp.confirmed_at_ms);
    if args.json.json {
        let passkeys: Vec<_> = factors
            .passkeys
            .iter()
            .map(|passkey| {
                json!({
                    "passkey_id": passkey.passkey_id,
                    "created_at": output::time(passkey.created_at_ms),
                    "last_used_at": passkey.last_used_at_ms.map(output::time),
                })
            })
            .collect();
        output::json(&json!({
            "totp_since": totp_since_ms.map(output::time),
            "passkeys": passkeys,
            "recovery_codes_left": factors.recovery_codes,
        }));
        return;
    }
    output::line(format_args!(
        "authenticator app: {}",
        yes_or_no(totp_since_ms.is_some())
    ));
    output::line(format_args!("passkeys: {}", factors.passkeys.len()));
    output::line(format_args!(
        "recovery codes left: {}",
        factors.recovery_codes
    ));
}
