//! Segments with arbitrary changes: a reader gets a prefix of what was written, or an error that
//! names the file; never other records, never a panic.

use onsale_fuzz::Run;

use super::support::{Content, killed_after, open, open_read_only, read, segment_path};

/// Each input is a journal that is opened twice.
const RUN: Run = Run {
    inputs: 400,
    size_max_bytes: 64 << 10,
};

/// True when each partition of `found` is a prefix of that in `all`.
fn is_beginning(found: &Content, all: &Content) -> bool {
    found
        .iter()
        .zip(all)
        .all(|(found, all)| all.starts_with(found))
}

#[test]
fn journal_reader() {
    let killed = killed_after(&[&[10, 200], &[700, 0, 3], &[1], &[40, 40]]);
    let path = segment_path(killed.begins[0].0);
    let whole = killed.disk.bytes_of(&path).unwrap();
    let used = usize::try_from(killed.end).unwrap();
    // Only what was written is worth changing; zeros follow it.
    let corpus = [whole[..used].to_vec()];
    onsale_fuzz::run("journal", RUN, &corpus, |bytes| {
        let disk = killed.disk.after_kill();
        let mut segment = bytes.to_vec();
        segment.resize(whole.len(), 0);
        disk.put_bytes(&path, segment);
        if let Ok(journal) = open_read_only(&disk)
            && let Ok(found) = read(&journal)
        {
            assert!(is_beginning(&found, killed.all()), "other records");
        }
        if let Ok((_writer, journal)) = open(&disk) {
            let found = read(&journal).unwrap();
            assert!(is_beginning(&found, killed.all()), "other records");
        }
    });
}
