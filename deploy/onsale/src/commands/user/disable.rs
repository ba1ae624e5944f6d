//! `onsale user disable` and `onsale user enable`

use onsale_store::audit::Actor;
use serde_json::json;

use super::{UserArgs, changed, find, with_office};
use crate::exit::Failure;
use crate::output;

pub(super) fn run(args: &UserArgs, disabled: bool) -> Result<(), Failure> {
    with_office(&args.config, async |office, now_ms| {
        let id = find(office, &args.user).await?.user_id;
        let action = if disabled {
            "account.disable"
        } else {
            "account.enable"
        };
        let entry = Actor::command_line().did(action, "user", id);
        let set = office
            .store()
            .set_user_disabled(id, disabled, now_ms, entry)
            .await;
        changed(id, set)?;
        if args.json.json {
            output::json(&json!({ "user_id": id, "disabled": disabled }));
        } else if disabled {
            output::line(format_args!(
                "{id} is disabled and its sessions have ended; access tokens last until they expire"
            ));
        } else {
            output::line(format_args!("{id} may sign in"));
        }
        Ok(())
    })
}
