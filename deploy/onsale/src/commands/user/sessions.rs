//! `onsale user sessions`

use clap::Args;
use onsale_store::account::SessionEnd;
use onsale_store::audit::Actor;
use serde_json::json;

use super::{find, with_office};
use crate::cli::{ConfigArgs, JsonArgs};
use crate::exit::{Failure, OrFail};
use crate::output;

#[derive(Debug, Args)]
pub(crate) struct SessionsArgs {
    /// Its e-mail address or id
    #[arg(value_name = "USER")]
    user: String,
    /// End them all
    #[arg(long)]
    end: bool,
    #[command(flatten)]
    json: JsonArgs,
    #[command(flatten)]
    config: ConfigArgs,
}

pub(super) fn run(args: &SessionsArgs) -> Result<(), Failure> {
    with_office(&args.config, async |office, now_ms| {
        let id = find(office, &args.user).await?.user_id;
        let store = office.store();
        if args.end {
            let entry = Actor::command_line().did("session.end", "user", id);
            let why = SessionEnd::Operator;
            let ended = store.end_sessions(id, None, why, now_ms, entry);
            let ended = ended.await.or_reach()?;
            if args.json.json {
                output::json(&json!({ "user_id": id, "sessions_ended": ended }));
            } else {
                output::line(format_args!("{ended} sessions of {id} have ended"));
            }
            return Ok(());
        }
        let sessions = store.sessions_of(id, now_ms).await.or_reach()?;
        if args.json.json {
            let listed: Vec<_> = sessions
                .iter()
                .map(|session| {
                    json!({
                        "session_id": session.session_id,
                        "tenant_id": session.tenant_id,
                        "created_at": output::time(session.created_at_ms),
                        "last_used_at": output::time(session.rotated_at_ms),
                        "expires_at": output::time(session.expires_at_ms),
                    })
                })
                .collect();
            output::json(&listed);
        } else if sessions.is_empty() {
            output::line("there are no live sessions");
        } else {
            let rows: Vec<Vec<String>> = sessions
                .iter()
                .map(|session| {
                    vec![
                        session.session_id.to_string(),
                        output::time(session.created_at_ms),
                        output::time(session.rotated_at_ms),
                        output::time(session.expires_at_ms),
                    ]
                })
                .collect();
            output::table(&["SESSION", "OPENED", "LAST USED", "ENDS"], &rows);
        }
        Ok(())
    })
}
