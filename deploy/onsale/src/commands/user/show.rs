//! `onsale user show`

use onsale_store::audit::Actor;

use super::list::{address, as_json};
use super::{UserArgs, failed, find, with_office, yes_or_no};
use crate::exit::Failure;
use crate::output;

pub(super) fn run(args: &UserArgs) -> Result<(), Failure> {
    with_office(&args.config, async |office, _now_ms| {
        let id = find(office, &args.user).await?.user_id;
        let by = Actor::command_line();
        let account = office.account(id, &by).await.map_err(failed)?;
        if args.json.json {
            output::json(&as_json(account));
            return Ok(());
        }
        let user = account.listed.user;
        output::line(format_args!("user: {id}"));
        output::line(format_args!("role: {}", user.role.as_str()));
        let email = address(account.email, account.is_unreadable);
        let email = Some(email).filter(|email| !email.is_empty());
        output::line(format_args!("e-mail: {}", output::or_dash(email)));
        let is_verified = user.email_verified_at_ms.is_some();
        output::line(format_args!("verified: {}", yes_or_no(is_verified)));
        let is_owned = yes_or_no(user.owns_address());
        output::line(format_args!("address owned: {is_owned}"));
        let factor = yes_or_no(account.listed.has_second_factor);
        output::line(format_args!("second factor: {factor}"));
        output::line(format_args!(
            "created: {}",
            output::time(user.created_at_ms)
        ));
        let last = account.listed.last_sign_in_at_ms.map(output::time);
        output::line(format_args!("last sign-in: {}", output::or_dash(last)));
        let disabled = user.disabled_at_ms.map(output::time);
        output::line(format_args!("disabled: {}", output::or_dash(disabled)));
        let erased = user.erased_at_ms.map(output::time);
        output::line(format_args!("erased: {}", output::or_dash(erased)));
        for tenant in &account.listed.tenants {
            output::line(format_args!(
                "tenant: {} {} ({})",
                tenant.tenant_id, tenant.slug, tenant.role
            ));
        }
        Ok(())
    })
}
