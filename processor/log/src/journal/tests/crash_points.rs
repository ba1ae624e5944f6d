//! Opening the journal after a power cut at any moment must find everything acknowledged, nothing
//! that was never written, and no damage.

use std::sync::Arc;

use super::support::{Batch, Content, append, bytes, expect, folder, no_content, options, read};
use crate::journal::Journal;
use onsale_disk::power_cuts::{Explorer, Moment, Op, Recorder};

/// What a state is called whose content is wrong.
const WRONG: &str = "neither what was acknowledged nor what was being written";

/// Opens a disk, which must work and find what may be there; gives what it found.
fn open(recorder: &Recorder<Content>, moment: &Moment<Content>) -> Result<Content, String> {
    let opened = Journal::open_on(Arc::new(recorder.clone()), folder(), &options());
    let (_writer, journal) = opened.map_err(|why| format!("a legal state is refused: {why}"))?;
    let found = read(&journal).unwrap();
    if found == moment.acknowledged || found == moment.attempted {
        Ok(found)
    } else {
        Err(format!(
            "{WRONG}: {:?} records, acknowledged {:?}",
            found.iter().map(Vec::len).collect::<Vec<_>>(),
            moment.acknowledged.iter().map(Vec::len).collect::<Vec<_>>(),
        ))
    }
}

/// The life of a journal: made, written to beyond a segment, closed, opened and written again.
fn life() -> Vec<Op<Content>> {
    let recorder = Recorder::default();
    let mut content = no_content();
    let mut seed = 0;
    for sizes in [
        &[&[20usize][..], &[700, 0, 90], &[30_000], &[29_000, 5]][..],
        &[&[400], &[2_000, 30], &[0, 0], &[9_000]],
        &[&[1], &[40_000], &[511, 512, 513]],
    ] {
        let (mut writer, _journal) =
            Journal::open_on(Arc::new(recorder.clone()), folder(), &options()).unwrap();
        for sizes in sizes {
            let batch: Batch = sizes
                .iter()
                .map(|&size| {
                    seed += 1;
                    (u16::try_from(seed % 3).unwrap(), bytes(seed, size))
                })
                .collect();
            let now_ms = 1_000 + seed;
            expect(&mut content, now_ms, &batch);
            recorder.attempt(content.clone());
            append(&mut writer, now_ms, &batch).unwrap();
            recorder.acknowledge(content.clone());
        }
    }
    recorder.ops()
}

#[test]
fn every_state_that_a_power_cut_may_leave_opens_whole() {
    let mut explorer = Explorer::default();
    explorer
        .explore(&life(), &no_content(), Some(7), open)
        .unwrap();
    // Fewer would mean that the recording lost something.
    assert!(explorer.opened > 300, "{} states", explorer.opened);
    assert!(explorer.again > 3);
}

/// The test can fail: a journal whose batches were acknowledged before their sync loses them.
#[test]
fn an_acknowledgement_before_the_sync_is_caught() {
    let mut ops = life();
    let early = ops
        .iter()
        .position(|op| matches!(op, Op::Acknowledge(_)))
        .unwrap();
    let acknowledge = ops.remove(early);
    let attempt = ops[..early]
        .iter()
        .rposition(|op| matches!(op, Op::Attempt(_)))
        .unwrap();
    ops.insert(attempt, acknowledge);
    let caught = Explorer::default().explore(&ops, &no_content(), None, open);
    let why = caught.unwrap_err();
    assert!(why.contains(WRONG), "{why}");
}
