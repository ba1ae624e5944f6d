//! `onsale read-image`: hidden, for it is a part of the server. What reads the files of strangers may be led to
//! take memory and time without end, or to crash, so that is done by this process, which is good for one image:
//! it gets the image and no more, sets itself limits, and answers with a picture that it drew anew
//! (`onsale_uploads::Reading`). The server ends it when it takes too long.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use onsale_uploads::{Reader, Reading, UploadsConfig};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::cli::parse_whole;
use crate::exit::{Failure, OrFail};

/// The program that runs, although another version lies in its place meanwhile.
const RUNNING: &str = "/proc/self/exe";
/// The allocator would reserve a gibibyte of addresses at its start, which no limit would bind.
const RESERVE_NOTHING: (&str, &str) = ("MIMALLOC_ARENA_RESERVE", "0");
/// Standard input, output and error: nothing else is opened.
const FILES: u64 = 3;

#[derive(Debug, Args)]
pub(crate) struct ReadImageArgs {
    /// Memory that it may take beyond what the program itself does, in MiB
    #[arg(long, value_name = "NUMBER", value_parser = parse_whole::<u32>)]
    memory_mib: u32,
    /// Time of a processor that it may take, in seconds
    #[arg(long, value_name = "NUMBER", value_parser = parse_whole::<u32>)]
    seconds: u32,
    /// Draw a photograph in several widths, in place of a logo
    #[arg(long)]
    widths: bool,
}

/// How a server has images read.
pub(crate) fn reading(uploads: &UploadsConfig) -> Reading {
    let (name, value) = RESERVE_NOTHING;
    Reading::By(Reader {
        program: program(),
        args: vec![
            "read-image".to_owned(),
            format!("--memory-mib={}", uploads.read_memory_mib),
            format!("--seconds={}", uploads.read_seconds),
        ],
        env: vec![(name.to_owned(), value.to_owned())],
        patience: Duration::from_secs(uploads.read_seconds),
    })
}

fn program() -> PathBuf {
    if Path::new(RUNNING).exists() {
        return PathBuf::from(RUNNING);
    }
    std::env::current_exe().unwrap_or_else(|_| PathBuf::from("onsale"))
}

pub(crate) fn run(args: &ReadImageArgs) -> Result<(), Failure> {
    limit_itself(args).context("limits").or_found()?;
    let (input, output) = (std::io::stdin().lock(), std::io::stdout().lock());
    let answered = if args.widths {
        onsale_uploads::answer_in_widths(input, output)
    } else {
        onsale_uploads::answer(input, output)
    };
    answered.or_found()
}

fn limit_itself(args: &ReadImageArgs) -> anyhow::Result<()> {
    #[cfg(target_os = "linux")]
    {
        // Where the machine has no memory left, this process is the one to end. It is so without, too.
        drop(std::fs::write("/proc/self/oom_score_adj", "1000"));
        let memory = u64::from(args.memory_mib) << 20;
        limit(Resource::As, own_bytes().saturating_add(memory))?;
    }
    // What strangers sent is not left behind on the disk.
    limit(Resource::Core, 0)?;
    limit(Resource::Cpu, u64::from(args.seconds))?;
    // The last one, for nothing can be opened any more.
    limit(Resource::Nofile, FILES)?;
    Ok(())
}

fn limit(resource: Resource, most: u64) -> rustix::io::Result<()> {
    let allowed = getrlimit(resource).maximum.unwrap_or(u64::MAX);
    let most = Some(most.min(allowed));
    setrlimit(
        resource,
        Rlimit {
            current: most,
            maximum: most,
        },
    )
}

/// What the program itself takes of addresses; 0 where the system does not say.
#[cfg(target_os = "linux")]
fn own_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let size = status.lines().find_map(|line| line.strip_prefix("VmSize:"));
    let kib = size.and_then(|size| size.trim().strip_suffix(" kB")?.parse().ok());
    kib.map_or(0, |kib: u64| kib << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn the_size_of_a_process_is_read() {
        assert!(own_bytes() > 1 << 20);
    }

    #[test]
    fn the_limits_are_those_of_the_configuration() {
        let uploads = UploadsConfig {
            read_memory_mib: 200,
            read_seconds: 7,
            ..UploadsConfig::default()
        };
        let Reading::By(reader) = reading(&uploads) else {
            panic!("a server reads no image itself");
        };
        assert_eq!(
            reader.args,
            ["read-image", "--memory-mib=200", "--seconds=7"]
        );
        assert_eq!(reader.patience, Duration::from_secs(7));
        // What the server adds for a photograph.
        assert_eq!(onsale_uploads::WIDTHS_ARGUMENT, "--widths");
        // No secret of the server is in it.
        assert_eq!(reader.env.len(), 1);
    }
}
