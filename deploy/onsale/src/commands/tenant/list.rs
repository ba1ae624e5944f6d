//! `onsale tenant list`

use clap::Args;
use onsale_store::listed::TenantFilter;
use serde_json::json;

use crate::cli::{ConfigArgs, JsonArgs, parse_limit};
use crate::commands::store::with_store;
use crate::exit::{Failure, OrFail};
use crate::output;

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// Only tenants with this in slug or name
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,
    /// Only those behind this slug in the list
    #[arg(long, value_name = "SLUG")]
    after: Option<String>,
    /// At most this many, up to 1000
    #[arg(long, value_name = "N", default_value = "100", value_parser = parse_limit)]
    limit: u32,
    #[command(flatten)]
    json: JsonArgs,
    #[command(flatten)]
    config: ConfigArgs,
}

pub(super) fn run(args: &ListArgs) -> Result<(), Failure> {
    let filter = TenantFilter {
        member: None,
        search: args.search.clone(),
        after: args.after.clone(),
        // One more says whether there are more.
        limit: args.limit.saturating_add(1),
    };
    with_store(&args.config, async |store| {
        let mut listed = store.listed_tenants(&filter).await.or_reach()?;
        let has_more = output::cut(&mut listed, args.limit);
        let next = listed.last().filter(|_| has_more);
        let next = next.map(|listed| listed.tenant.slug.clone());
        if args.json.json {
            let tenants: Vec<_> = listed
                .iter()
                .map(|listed| {
                    json!({
                        "tenant_id": listed.tenant.tenant_id,
                        "slug": listed.tenant.slug,
                        "name": listed.tenant.name,
                        "created_at": output::time(listed.tenant.created_at_ms),
                    })
                })
                .collect();
            output::json(&json!({ "tenants": tenants, "next": next }));
        } else if listed.is_empty() {
            output::line("there are no such tenants");
        } else {
            let rows: Vec<Vec<String>> = listed
                .into_iter()
                .map(|listed| {
                    vec![
                        listed.tenant.tenant_id.to_string(),
                        listed.tenant.slug,
                        listed.tenant.name,
                        output::time(listed.tenant.created_at_ms),
                    ]
                })
                .collect();
            output::table(&["TENANT", "SLUG", "NAME", "OPENED"], &rows);
        }
        output::more("--after", next);
        Ok(())
    })
}
