//! `onsale user list`

use anyhow::anyhow;
use clap::Args;
use onsale_accounts::{AccountQuery, ListedAccount};
use onsale_private::Private;
use onsale_store::account::UserRow;
use onsale_store::audit::Actor;
use onsale_store::listed::{LISTED_USERS_MAX, ListedPlace};
use serde_json::{Value, json};
use uuid::Uuid;

use super::role::Named;
use super::{failed, with_office, yes_or_no};
use crate::cli::{ConfigArgs, JsonArgs, parse_limit, parse_uuid};
use crate::exit::{Failure, OrFail};
use crate::output;

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Only accounts with this role in the installation
    #[arg(long, value_name = "ROLE")]
    role: Option<Named>,
    /// Only those behind this account in the list, which are older
    #[arg(long, value_name = "UUID", value_parser = parse_uuid)]
    after: Option<Uuid>,
    /// At most this many, up to 1000
    #[arg(long, value_name = "N", default_value = "20", value_parser = parse_limit)]
    limit: u32,
    #[command(flatten)]
    json: JsonArgs,
    #[command(flatten)]
    config: ConfigArgs,
}

pub(super) fn run(args: &ListArgs) -> Result<(), Failure> {
    with_office(&args.config, async |office, _now_ms| {
        let by = Actor::command_line();
        let mut after = match args.after {
            Some(id) => Some(place(office.store().user(id).await.or_reach()?)?),
            None => None,
        };
        let mut accounts = Vec::new();
        let mut left = args.limit;
        // Each page has an entry of its own, which has room for the ids of one.
        while left > 0 {
            let query = AccountQuery {
                role: args.role.map(Named::role),
                email: None,
                after,
                limit: left.min(LISTED_USERS_MAX),
            };
            let page = office.accounts(&query, &by).await.map_err(failed)?;
            accounts.extend(page.accounts);
            left = left.saturating_sub(query.limit);
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        let next = after.map(|place| place.user_id);
        if args.json.json {
            let users: Vec<Value> = accounts.into_iter().map(as_json).collect();
            output::json(&json!({ "users": users, "next": next }));
        } else if accounts.is_empty() {
            output::line("there are no such accounts");
        } else {
            let rows: Vec<Vec<String>> = accounts.into_iter().map(row).collect();
            output::table(
                &[
                    "USER",
                    "ROLE",
                    "E-MAIL",
                    "VERIFIED",
                    "OWNED",
                    "DISABLED",
                    "FACTOR",
                    "CREATED",
                    "LAST SIGN-IN",
                    "TENANTS",
                ],
                &rows,
            );
        }
        output::more("--after", next);
        Ok(())
    })
}

/// Where an account stands in the list.
fn place(user: Option<UserRow>) -> Result<ListedPlace, Failure> {
    let user = user.ok_or_else(|| Failure::Found(anyhow!("there is no account with this id")))?;
    Ok(ListedPlace {
        created_at_ms: user.created_at_ms,
        user_id: user.user_id,
    })
}

/// An account for scripts, as `GET /users/{id}` answers with it.
pub(super) fn as_json(account: ListedAccount) -> Value {
    let ListedAccount {
        listed,
        email,
        is_unreadable,
    } = account;
    let user = listed.user;
    let tenants: Vec<Value> = listed
        .tenants
        .iter()
        .map(|tenant| {
            json!({
                "tenant_id": tenant.tenant_id,
                "slug": tenant.slug,
                "name": tenant.name,
                "role": tenant.role.as_str(),
            })
        })
        .collect();
    json!({
        "user_id": user.user_id,
        "role": user.role.as_str(),
        "email": email.map(Private::into_exposed),
        "email_verified": user.email_verified_at_ms.is_some(),
        "address_owned": user.owns_address(),
        "disabled_at": user.disabled_at_ms.map(output::time),
        "erased_at": user.erased_at_ms.map(output::time),
        "second_factor": listed.has_second_factor,
        "created_at": output::time(user.created_at_ms),
        "last_sign_in_at": listed.last_sign_in_at_ms.map(output::time),
        "memberships": tenants,
        "unreadable": is_unreadable,
    })
}

/// An address for people, or why there is none.
pub(super) fn address(email: Option<Private>, is_unreadable: bool) -> String {
    if is_unreadable {
        return "(does not open)".to_owned();
    }
    email.map(Private::into_exposed).unwrap_or_default()
}

fn row(account: ListedAccount) -> Vec<String> {
    let ListedAccount {
        listed,
        email,
        is_unreadable,
    } = account;
    let user = listed.user;
    let tenants: Vec<String> = listed
        .tenants
        .iter()
        .map(|tenant| format!("{} ({})", tenant.slug, tenant.role))
        .collect();
    vec![
        user.user_id.to_string(),
        user.role.as_str().to_owned(),
        address(email, is_unreadable),
        yes_or_no(user.email_verified_at_ms.is_some()).to_owned(),
        yes_or_no(user.owns_address()).to_owned(),
        yes_or_no(user.disabled_at_ms.is_some()).to_owned(),
        yes_or_no(listed.has_second_factor).to_owned(),
        output::time(user.created_at_ms),
        output::or_dash(listed.last_sign_in_at_ms.map(output::time)),
        tenants.join(", "),
    ]
}
