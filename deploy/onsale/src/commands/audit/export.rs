//! `onsale audit export`

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write};
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
    let mut into = create_new(&part).with_context(cannot).or_use()?;
    while let Some(page) = pages.next_page().await.map_err(failed)? {
        into.write_all(&page).with_context(cannot).or_use()?;
    }
    into.sync_all().with_context(cannot).or_use()?;
    std::fs::rename(&part, file)
        .with_context(|| format!("cannot write {}", file.display()))
        .or_use()
}

/// A file that only its owner reads, in the place of one that an export left behind which was ended. What lies there
/// under the name is not followed: in a folder that others write to it may be a link to another file.
fn create_new(path: &Path) -> std::io::Result<File> {
    if let Err(error) = std::fs::remove_file(path)
        && error.kind() != ErrorKind::NotFound
    {
        return Err(error);
    }
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, onsale_disk::FILE_MODE);
    options.open(path)
}

fn failed(error: AuditPagesError) -> Failure {
    match error {
        AuditPagesError::Store(_) => Failure::Reach(error.into()),
        AuditPagesError::Json(_) => Failure::Found(error.into()),
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn an_export_follows_no_link_and_is_its_owners_alone() {
        let folder = tempfile::tempdir().unwrap();
        let (of_another, part) = (folder.path().join("other"), folder.path().join("a.part"));
        std::fs::write(&of_another, "kept").unwrap();
        symlink(&of_another, &part).unwrap();
        // Twice: the second finds what the first left behind.
        for text in ["first", "second"] {
            let mut file = create_new(&part).unwrap();
            file.write_all(text.as_bytes()).unwrap();
            let found = std::fs::symlink_metadata(&part).unwrap();
            assert!(found.is_file());
            assert_eq!(found.permissions().mode() & 0o777, onsale_disk::FILE_MODE);
            assert_eq!(std::fs::read_to_string(&part).unwrap(), text);
        }
        assert_eq!(std::fs::read_to_string(&of_another).unwrap(), "kept");
    }
}
