//! `onsale audit export`

use std::ffi::OsString;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use onsale_ingress::{AuditFormat, AuditPages, AuditPagesError};

use super::filter::FilterArgs;
use crate::cli::ConfigArgs;
use crate::commands::store::with_store;
use crate::exit::{Failure, OrFail};
use crate::output;

#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// csv, with a line of names first, or jsonl: an entry a line, as GET /audit has them
    #[arg(long, value_name = "FORMAT", default_value = "csv", value_parser = parse_format)]
    format: AuditFormat,
    /// Write to this file, which is there once all is in it [default: standard output]
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    filter: FilterArgs,
    #[command(flatten)]
    config: ConfigArgs,
}

fn parse_format(text: &str) -> Result<AuditFormat, String> {
    AuditFormat::parse(text).ok_or_else(|| "expected csv or jsonl".to_owned())
}

pub(super) fn run(args: &ExportArgs) -> Result<(), Failure> {
    with_store(&args.config, async |store| {
        let mut pages = AuditPages::new(store, args.filter.filter(), args.format);
        let Some(file) = &args.output else {
            while let Some(page) = pages.next_page().await.map_err(failed)? {
                output::bytes(&page);
            }
            return Ok(());
        };
        write(file, &mut pages).await?;
        output::line(format_args!(
            "{} entries written to {}",
            pages.entries(),
            file.display()
        ));
        Ok(())
    })
}

/// Writes beside the file first, so that half of an export never has its name.
async fn write(file: &Path, pages: &mut AuditPages) -> Result<(), Failure> {
    let mut name = OsString::from(file.as_os_str());
    name.push(".part");
    let part = PathBuf::from(name);
    let cannot = || format!("cannot write {}", part.display());
    let mut into = File::create(&part).with_context(cannot).or_use()?;
    while let Some(page) = pages.next_page().await.map_err(failed)? {
        into.write_all(&page).with_context(cannot).or_use()?;
    }
    into.sync_all().with_context(cannot).or_use()?;
    std::fs::rename(&part, file)
        .with_context(|| format!("cannot write {}", file.display()))
        .or_use()
}

fn failed(error: AuditPagesError) -> Failure {
    match error {
        AuditPagesError::Store(_) => Failure::Reach(error.into()),
        AuditPagesError::Json(_) => Failure::Found(error.into()),
    }
}
