//! `onsale token`

use anyhow::Context;
use clap::{Args, ValueEnum};
use uuid::Uuid;

use crate::cli::{ConfigArgs, JsonArgs, parse_duration_s, parse_uuid};
use crate::config::Config;
use crate::exit::{Failure, OrFail};
use crate::{output, secrets};

#[derive(Debug, Args)]
pub(crate) struct TokenArgs {
    /// Account the token is for (a UUID)
    #[arg(long, value_name = "UUID", value_parser = parse_uuid)]
    user: Uuid,
    /// What the account may do
    #[arg(long, value_enum)]
    role: Role,
    /// Tenant of the account (a UUID) [default: the nil UUID]
    #[arg(long, value_name = "UUID", value_parser = parse_uuid, default_value = "00000000-0000-0000-0000-000000000000", hide_default_value = true)]
    tenant: Uuid,
    /// How long the token is good for
    #[arg(long, value_name = "TIME", value_parser = parse_duration_s, default_value = "15m")]
    ttl: u64,
    /// Which of the named keys (auth.keys) signs it [default: the key without a name, else the
    /// first named secret]
    #[arg(long, value_name = "KID")]
    kid: Option<String>,
    #[command(flatten)]
    json: JsonArgs,
    #[command(flatten)]
    config: ConfigArgs,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Role {
    /// Buys tickets
    Buyer,
    /// Sells tickets for events of their own
    Organizer,
    /// Manages its tenant
    Admin,
    /// A service of its tenant, such as payments
    Service,
    /// Runs the installation, for every tenant
    Operator,
    /// A service of the installation, for every tenant
    Platform,
}

impl Role {
    fn name(self) -> &'static str {
        match self {
            Self::Buyer => "buyer",
            Self::Organizer => "organizer",
            Self::Admin => "admin",
            Self::Service => "service",
            Self::Operator => "operator",
            Self::Platform => "platform",
        }
    }
}

pub(crate) fn run(args: &TokenArgs) -> Result<(), Failure> {
    let config = Config::for_operator(&args.config)?;
    let (role, kid) = (args.role.name(), args.kid.as_deref());
    let token = secrets::mint(&config, args.user, role, args.tenant, args.ttl, kid)
        .context("cannot mint a token")
        .or_use()?;
    let accepted = config.auth.token_lifetime_max_seconds;
    if args.ttl > accepted {
        output::note(format!(
            "a server with these settings accepts tokens of at most {accepted} s: \
             auth.token_lifetime_max_seconds"
        ));
    }
    if args.json.json {
        output::json(&serde_json::json!({ "token": token, "expires_in_seconds": args.ttl }));
    } else {
        output::line(token);
    }
    Ok(())
}
