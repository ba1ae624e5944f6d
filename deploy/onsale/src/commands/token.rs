//! `onsale token`

use anyhow::{Context, anyhow};
use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use onsale_auth::{Grant, Role};
use onsale_processor::clock;
use onsale_schemas::{TenantId, UserId};
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
    #[arg(long, value_name = "ROLE", value_parser = roles())]
    role: Role,
    /// Tenant of the account (a UUID) [default: the nil UUID]
    #[arg(long, value_name = "UUID", value_parser = parse_uuid, default_value = "00000000-0000-0000-0000-000000000000", hide_default_value = true)]
    tenant: Uuid,
    /// How long the token is valid
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

/// The roles as a flag takes them.
fn roles() -> impl TypedValueParser<Value = Role> {
    let values = Role::ALL.map(|role| PossibleValue::new(role.as_str()).help(purpose(role)));
    PossibleValuesParser::new(values).try_map(|name| name.parse::<Role>())
}

fn purpose(role: Role) -> &'static str {
    match role {
        Role::Buyer => "Buys tickets",
        Role::Organizer => "Sells tickets for events of their own",
        Role::Admin => "Manages its tenant",
        Role::Service => "A service of its tenant, such as payments",
        Role::Operator => "Runs the installation, for every tenant",
        Role::Platform => "A service of the installation, for every tenant",
    }
}

pub(crate) fn run(args: &TokenArgs) -> Result<(), Failure> {
    let config = Config::for_operator(&args.config)?;
    let accepted = config.auth.token_lifetime_max_seconds;
    if args.ttl > accepted {
        return Err(Failure::Use(anyhow!(
            "--ttl is {} s: a server with these settings accepts tokens of at most {accepted} s \
             (auth.token_lifetime_max_seconds); if the server has another limit, set the same here \
             (ONSALE_AUTH__TOKEN_LIFETIME_MAX_SECONDS)",
            args.ttl
        )));
    }
    let grant = Grant {
        user: UserId(args.user),
        role: args.role,
        tenant: TenantId(args.tenant),
        life_seconds: args.ttl,
    };
    let token = secrets::minter(&config, args.kid.as_deref())
        .and_then(|minter| Ok(minter.mint(&grant, clock::now_ms())?))
        .context("cannot mint a token")
        .or_use()?;
    if args.json.json {
        output::json(&serde_json::json!({ "token": token, "expires_in_seconds": args.ttl }));
    } else {
        output::line(token);
    }
    Ok(())
}
