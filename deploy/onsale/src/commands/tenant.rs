//! `onsale tenant`

mod list;

use anyhow::anyhow;
use clap::{Args, Subcommand};
use onsale_schemas::MemberRole;
use onsale_store::StoreError;
use onsale_store::account::{Membership, TenantRow};
use onsale_store::audit::Actor;
use serde_json::json;
use uuid::Uuid;

use super::user::{find, require_owner, with_office, yes_or_no};
use crate::cli::{ConfigArgs, JsonArgs, parse_uuid};
use crate::exit::Failure;
use crate::output;

/// Longest slug, in bytes: a label of a host name.
const SLUG_MAX_BYTES: usize = 63;
/// Longest name, in characters.
const NAME_MAX_CHARS: usize = 100;

#[derive(Debug, Subcommand)]
pub(crate) enum TenantCommand {
    /// List the tenants that are open, by slug
    List(list::ListArgs),
    /// Open a tenant
    Create(CreateArgs),
}

#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    /// Its name in addresses: small letters, digits and hyphens
    #[arg(value_name = "SLUG", value_parser = parse_slug)]
    slug: String,
    /// Its name for people [default: the slug]
    #[arg(long, value_name = "NAME", value_parser = parse_name)]
    name: Option<String>,
    /// E-mail address or id of the account that owns it
    #[arg(long, value_name = "USER")]
    owner: Option<String>,
    /// Also where the owner has not verified its e-mail address: someone else may have registered it
    #[arg(long, requires = "owner")]
    unverified: bool,
    /// Its id, for a tenant that tokens name already (a UUID) [default: a new one]
    #[arg(long, value_name = "UUID", value_parser = parse_uuid)]
    id: Option<Uuid>,
    #[command(flatten)]
    json: JsonArgs,
    #[command(flatten)]
    config: ConfigArgs,
}

fn parse_slug(text: &str) -> Result<String, String> {
    let is_fine = (1..=SLUG_MAX_BYTES).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-');
    if is_fine {
        Ok(text.to_owned())
    } else {
        Err(format!(
            "expected 1 to {SLUG_MAX_BYTES} small letters, digits and hyphens, as opera-house"
        ))
    }
}

fn parse_name(text: &str) -> Result<String, String> {
    let name = text.trim();
    let length = name.chars().count();
    if (1..=NAME_MAX_CHARS).contains(&length) && !name.chars().any(char::is_control) {
        Ok(name.to_owned())
    } else {
        Err(format!(
            "expected 1 to {NAME_MAX_CHARS} characters on one line"
        ))
    }
}

pub(crate) fn run(command: &TenantCommand) -> Result<(), Failure> {
    match command {
        TenantCommand::List(args) => list::run(args),
        TenantCommand::Create(args) => create(args),
    }
}

fn create(args: &CreateArgs) -> Result<(), Failure> {
    with_office(&args.config, async |office, now_ms| {
        let owner = match &args.owner {
            Some(owner) => Some(find(office, owner).await?),
            None => None,
        };
        let mut is_owned = None;
        if let Some(owner) = &owner {
            is_owned = Some(require_owner(owner, args.unverified)?);
            if owner.disabled_at_ms.is_some() {
                return Err(Failure::Found(anyhow!(
                    "the account {} is disabled; `onsale user enable` lets it sign in",
                    owner.user_id
                )));
            }
        }
        let owner = owner.map(|owner| owner.user_id);
        let tenant = TenantRow {
            tenant_id: args.id.unwrap_or_else(Uuid::new_v4),
            slug: args.slug.clone(),
            name: args.name.clone().unwrap_or_else(|| args.slug.clone()),
            created_at_ms: now_ms,
            closed_at_ms: None,
        };
        let first = owner.map(|user_id| Membership {
            tenant_id: tenant.tenant_id,
            user_id,
            role: MemberRole::Owner,
            created_at_ms: now_ms,
        });
        let entry = Actor::command_line()
            .did("tenant.create", "tenant", tenant.tenant_id)
            .of_tenant(tenant.tenant_id)
            .with(json!({ "slug": tenant.slug, "owner": owner }));
        match office
            .store()
            .add_tenant(&tenant, first.as_ref(), entry)
            .await
        {
            Ok(()) => {}
            Err(StoreError::Exists(_)) => {
                let slug = &args.slug;
                return Err(Failure::Found(anyhow!(
                    "there is a tenant with the slug {slug:?} or this id already"
                )));
            }
            Err(error) => return Err(Failure::Reach(error.into())),
        }
        if args.json.json {
            output::json(&json!({
                "tenant_id": tenant.tenant_id, "slug": tenant.slug, "owner": owner,
                "owner_address_owned": is_owned,
            }));
        } else {
            output::line(format_args!("tenant {} {}", tenant.tenant_id, tenant.slug));
            if let (Some(owner), Some(is_owned)) = (owner, is_owned) {
                let owned = yes_or_no(is_owned);
                output::line(format_args!("owner {owner}, address owned: {owned}"));
            }
        }
        Ok(())
    })
}
