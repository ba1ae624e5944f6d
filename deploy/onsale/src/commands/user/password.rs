//! `onsale user password`

use clap::Args;
use onsale_store::audit::Actor;
use serde_json::json;

use super::{NewPassword, failed, find, with_office};
use crate::cli::{ConfigArgs, JsonArgs};
use crate::exit::Failure;
use crate::output;

#[derive(Debug, Args)]
pub(crate) struct PasswordArgs {
    /// Its e-mail address or id
    #[arg(value_name = "USER")]
    user: String,
    #[command(flatten)]
    password: NewPassword,
    #[command(flatten)]
    json: JsonArgs,
    #[command(flatten)]
    config: ConfigArgs,
}

pub(super) fn run(args: &PasswordArgs) -> Result<(), Failure> {
    let (password, is_new) = args.password.read()?;
    with_office(&args.config, async |office, now_ms| {
        let user = find(office, &args.user).await?;
        let by = Actor::command_line();
        let set = office.set_password(&user, &password, &by, now_ms);
        set.await.map_err(failed)?;
        let password = is_new.then(|| password.expose());
        if args.json.json {
            output::json(&json!({ "user_id": user.user_id, "password": password }));
        } else {
            output::line(format_args!(
                "the password of {} is set and its sessions have ended",
                user.user_id
            ));
            if let Some(password) = password {
                output::line(format_args!("password {password}"));
            }
        }
        Ok(())
    })
}
