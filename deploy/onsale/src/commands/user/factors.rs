//! `onsale user factors`

use clap::Args;
use onsale_store::audit::Actor;
use onsale_store::factor::Factors;
use serde_json::json;

use super::{erased, failed, find, with_office, yes_or_no};
use crate::cli::{ConfigArgs, JsonArgs};
use crate::exit::{Failure, OrFail};
use crate::output;

#[derive(Debug, Args)]
pub(crate) struct FactorsArgs {
    /// Its e-mail address or id
    #[arg(value_name = "USER")]
    user: String,
    /// Remove them all, recovery codes included, and end its sessions: for a person who has lost them. Make
    /// sure that it is the person who asks; the account is told by mail
    #[arg(long)]
    reset: bool,
    #[command(flatten)]
    json: JsonArgs,
    #[command(flatten)]
    config: ConfigArgs,
}

pub(super) fn run(args: &FactorsArgs) -> Result<(), Failure> {
    with_office(&args.config, async |office, now_ms| {
        let id = find(office, &args.user).await?.user_id;
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
        } else {
            output::line(format_args!(
                "{id} has no second factor any more; {} sessions have ended",
                reset.sessions
            ));
        }
        Ok(())
    })
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
                    "created_at_ms": passkey.created_at_ms,
                    "last_used_at_ms": passkey.last_used_at_ms,
                })
            })
            .collect();
        output::json(&json!({
            "totp_since_ms": totp_since_ms,
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
