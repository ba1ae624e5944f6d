//! Which entries of the audit trail a verb is about.

use clap::Args;
use onsale_store::audit::{AuditFilter, SUBJECT_KINDS, is_action};
use uuid::Uuid;

use crate::cli::{parse_instant, parse_uuid};

#[derive(Debug, Args)]
pub(super) struct FilterArgs {
    /// Only about this kind of thing: accounts (lists of them), api_key, audit, booking, event, guest, job, partition,
    /// retention_report, show, tenant, user
    #[arg(long, value_name = "KIND", value_parser = parse_kind)]
    kind: Option<String>,
    /// Only about the thing with this id
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    /// Only about what belongs to this tenant
    #[arg(long, value_name = "ID", value_parser = parse_uuid)]
    tenant: Option<Uuid>,
    /// Only what this account did
    #[arg(long, value_name = "ID", value_parser = parse_uuid)]
    actor: Option<Uuid>,
    /// Only this action, as session.open
    #[arg(long, value_name = "ACTION", value_parser = parse_action)]
    action: Option<String>,
    /// Only of this time and later, as 2026-12-31T00:00:00Z
    #[arg(long, value_name = "TIME", value_parser = parse_instant)]
    from: Option<u64>,
    /// Only of before this time
    #[arg(long, value_name = "TIME", value_parser = parse_instant)]
    to: Option<u64>,
}

/// A typing error would look like an empty trail.
fn parse_kind(text: &str) -> Result<String, String> {
    if SUBJECT_KINDS.contains(&text) {
        Ok(text.to_owned())
    } else {
        Err(format!("expected one of {}", SUBJECT_KINDS.join(", ")))
    }
}

fn parse_action(text: &str) -> Result<String, String> {
    if is_action(text) {
        Ok(text.to_owned())
    } else {
        Err("expected what was done to a kind of thing, as session.open".to_owned())
    }
}

impl FilterArgs {
    /// For the store.
    pub(super) fn filter(&self) -> AuditFilter {
        AuditFilter {
            subject_kind: self.kind.clone(),
            subject_id: self.id.clone(),
            tenant_id: self.tenant,
            actor_id: self.actor,
            action: self.action.clone(),
            from_ms: self.from,
            until_ms: self.to,
            before: None,
            limit: 0,
        }
    }
}
