//! `onsale user create`

use anyhow::anyhow;
use clap::Args;
use onsale_accounts::NewPerson;
use onsale_private::Private;
use onsale_schemas::MemberRole;
use onsale_store::account::{Membership, MembershipChange, TenantRow, UserRole};
use onsale_store::audit::Actor;
use serde_json::json;

use super::{NewPassword, failed, with_office};
use crate::cli::{ConfigArgs, JsonArgs};
use crate::exit::{Failure, OrFail};
use crate::output;

#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    /// E-mail address
    #[arg(long, value_name = "ADDRESS")]
    email: String,
    /// Name
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// An admin of the installation
    #[arg(long, conflicts_with = "tenant")]
    admin: bool,
    /// Slug of the tenant that it belongs to
    #[arg(long, value_name = "SLUG")]
    tenant: Option<String>,
    /// What it does there: owner, manager, finance, box_office or scanner
    #[arg(
        long,
        value_name = "ROLE",
        value_parser = parse_member,
        default_value = "owner",
        requires = "tenant"
    )]
    member: MemberRole,
    #[command(flatten)]
    password: NewPassword,
    #[command(flatten)]
    json: JsonArgs,
    #[command(flatten)]
    config: ConfigArgs,
}

fn parse_member(name: &str) -> Result<MemberRole, String> {
    MemberRole::parse(name).ok_or_else(|| {
        let names = MemberRole::ALL.map(MemberRole::as_str).join(", ");
        format!("expected one of {names}")
    })
}

pub(super) fn run(args: &CreateArgs) -> Result<(), Failure> {
    let (password, is_new) = args.password.read()?;
    with_office(&args.config, async |office, now_ms| {
        let by = Actor::command_line();
        let store = office.store();
        // Before the account, which would be there without its tenant.
        let tenant = match &args.tenant {
            Some(slug) => Some(open_tenant(
                slug,
                store.tenant_by_slug(slug).await.or_reach()?,
            )?),
            None => None,
        };
        let role = if args.admin {
            UserRole::Admin
        } else {
            UserRole::Buyer
        };
        let person = NewPerson {
            user_id: None,
            email: Private::new(&args.email),
            password: password.clone(),
            name: args.name.as_ref().map(Private::new),
            role,
        };
        let user = office.create(person, &by, now_ms).await.map_err(failed)?;
        if let Some(tenant) = tenant {
            let membership = Membership {
                tenant_id: tenant.tenant_id,
                user_id: user.user_id,
                role: args.member,
                created_at_ms: now_ms,
            };
            let entry = by
                .did("member.set", "user", user.user_id)
                .of_tenant(tenant.tenant_id)
                .with(json!({ "role": args.member.as_str() }));
            let set = store.set_member(&membership, now_ms, entry).await;
            if set.or_reach()? != MembershipChange::Changed {
                return Err(Failure::Found(anyhow!(
                    "the account {} was created, and belongs to no tenant: the tenant was closed at this \
                     moment",
                    user.user_id
                )));
            }
        }
        let password = is_new.then(|| password.expose());
        if args.json.json {
            output::json(&json!({ "user_id": user.user_id, "password": password }));
        } else {
            output::line(format_args!("user     {}", user.user_id));
            if let Some(password) = password {
                output::line(format_args!("password {password}"));
            }
        }
        Ok(())
    })
}

/// The tenant that was found, which has to be open.
fn open_tenant(slug: &str, found: Option<TenantRow>) -> Result<TenantRow, Failure> {
    match found {
        Some(tenant) if tenant.closed_at_ms.is_none() => Ok(tenant),
        Some(_) => Err(Failure::Found(anyhow!("the tenant {slug:?} is closed"))),
        None => Err(Failure::Found(anyhow!(
            "there is no tenant {slug:?}; `onsale tenant create {slug}` opens it"
        ))),
    }
}
