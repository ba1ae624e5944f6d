//! `onsale audit verify`

use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use clap::Args;
use onsale_store::audit::{Anchor, AuditReport, INSTALLATION};
use serde_json::json;
use uuid::Uuid;

use crate::cli::{ConfigArgs, JsonArgs, parse_uuid};
use crate::commands::store::with_store;
use crate::exit::{Failure, OrFail};
use crate::output;

/// Findings that are printed; `--json` has more of them.
const FINDINGS_SHOWN_MAX: usize = 50;

#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// Only the entries of this tenant; ffffffff-ffff-ffff-ffff-ffffffffffff for those of no tenant
    #[arg(long, value_name = "ID", value_parser = parse_uuid)]
    tenant: Option<Uuid>,
    /// Compare with the ends of the chains that an earlier run wrote to this file
    #[arg(long, value_name = "FILE")]
    anchors: Option<PathBuf>,
    /// Write the ends of the chains to this file, to be kept where the database's administrators cannot
    /// change it
    #[arg(long, value_name = "FILE")]
    write_anchors: Option<PathBuf>,
    #[command(flatten)]
    json: JsonArgs,
    #[command(flatten)]
    config: ConfigArgs,
}

pub(crate) fn run(args: &VerifyArgs) -> Result<(), Failure> {
    let anchors = match &args.anchors {
        Some(file) => read(file)?,
        None => Vec::new(),
    };
    with_store(&args.config, async |store| {
        let report = store.verify_audit(args.tenant, &anchors).await.or_reach()?;
        let is_empty = report.chains == 0 && report.is_sound() && report.late_entries == 0;
        if let Some(tenant) = args
            .tenant
            .filter(|tenant| is_empty && *tenant != INSTALLATION)
            && store.tenant(tenant).await.or_reach()?.is_none()
        {
            return Err(Failure::Use(anyhow!(
                "--tenant {tenant}: there is no such tenant, and no entry of it"
            )));
        }
        if args.json.json {
            output::json(&json!({ "ok": report.is_sound(), "report": report }));
        } else {
            print(&report);
        }
        if !report.is_sound() {
            let found = report.findings.len();
            let more = usize::try_from(report.more_findings).unwrap_or(usize::MAX);
            let found = output::count(found.saturating_add(more), "finding");
            return Err(Failure::Found(anyhow!(
                "the audit trail is not as it was written: {found}; nothing repairs it, compare it with \
                 a backup (see \"Who did what\" in deploy/README.md)"
            )));
        }
        if let Some(file) = &args.write_anchors {
            // What is written down has to outlive a power cut.
            store.make_durable().await.or_reach()?;
            output::write_json(file, &report.anchors)?;
            if !args.json.json {
                output::line(format_args!(
                    "the ends of {} were written to {}",
                    output::count(report.anchors.len(), "chain"),
                    file.display()
                ));
            }
        }
        Ok(())
    })
}

fn read(file: &Path) -> Result<Vec<Anchor>, Failure> {
    let text = std::fs::read(file)
        .with_context(|| format!("cannot read {}", file.display()))
        .or_use()?;
    serde_json::from_slice(&text)
        .with_context(|| {
            let name = file.display();
            format!("{name} does not hold what `onsale audit verify --write-anchors` writes")
        })
        .or_use()
}

fn print(report: &AuditReport) {
    for finding in report.findings.iter().take(FINDINGS_SHOWN_MAX) {
        let tenant = match finding.tenant_id {
            Some(tenant) => format!("tenant {tenant}"),
            None => "the installation".to_owned(),
        };
        let (lane, problem) = (&finding.lane, &finding.problem);
        output::line(format_args!("{tenant}, chain {lane}: {problem}"));
    }
    let shown = report.findings.len().min(FINDINGS_SHOWN_MAX);
    let shown = u64::try_from(shown).unwrap_or(u64::MAX);
    let found = u64::try_from(report.findings.len()).unwrap_or(u64::MAX);
    let more = found
        .saturating_sub(shown)
        .saturating_add(report.more_findings);
    if more > 0 {
        output::line(format_args!("and {more} more"));
    }
    output::line(format_args!(
        "{} chains, {} links, {} entries checked",
        report.chains, report.links, report.entries
    ));
    if let Some(before_ms) = report.dropped_before_ms {
        output::line(format_args!(
            "retention has deleted {} entries, all from before {}; nothing from before that is verified",
            report.dropped_entries,
            output::time(before_ms)
        ));
    }
    if report.is_dropped_early {
        output::line(format_args!(
            "warning: that is later than {} days ago, for which entries are kept: they were kept for a \
             shorter time once, or the owner of the tables has moved it",
            report.kept_days
        ));
    }
    if report.waiting_entries > 0 {
        output::line(format_args!(
            "{} entries without a chain wait for the hourly job housekeeping, which links them",
            report.waiting_entries
        ));
    }
    if report.late_entries > 0 {
        let listed: Vec<String> = report
            .late_audit_ids
            .iter()
            .map(ToString::to_string)
            .collect();
        let listed_count = u64::try_from(listed.len()).unwrap_or(u64::MAX);
        let more = if report.late_entries > listed_count {
            ", …"
        } else {
            ""
        };
        output::line(format_args!(
            "warning: {} entries were linked later, or will be: of an older node or by hand, which nothing \
             here tells apart; look at them with `onsale audit show` unless nodes of an earlier version \
             wrote beside newer ones: {}{more}",
            report.late_entries,
            listed.join(", ")
        ));
    }
    if report.is_sound() && report.late_entries == 0 {
        output::line("the audit trail is as it was written");
    }
}
