//! What is durable and what may be, at one moment.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::torn::{Tear, tears};
use super::{FileId, Op};

/// Unsynced operations of which every subset is tried; of more, every one alone, every one left
/// out, every beginning and every end.
const SUBSETS_MAX: usize = 4;

/// A disk: names and bytes.
pub(super) type Files = BTreeMap<PathBuf, Vec<u8>>;

/// A moment at which the power may be cut.
#[derive(Clone, Debug)]
pub struct Moment<C> {
    durable: BTreeMap<FileId, Vec<u8>>,
    pending: BTreeMap<FileId, Vec<Op<C>>>,
    /// Names as of the last sync of the folder, and the changes since, each whole or not at all.
    names: BTreeMap<PathBuf, FileId>,
    name_ops: Vec<Op<C>>,
    /// Names as they are for the process.
    live_names: BTreeMap<PathBuf, FileId>,
    /// What must be found.
    pub acknowledged: C,
    /// What may be found in its place.
    pub attempted: C,
}

impl<C: Clone> Moment<C> {
    /// The moment after `ops`, which began with `content`.
    pub(super) fn after(ops: &[Op<C>], content: &C) -> Self {
        let mut moment = Self {
            durable: BTreeMap::new(),
            pending: BTreeMap::new(),
            names: BTreeMap::new(),
            name_ops: Vec::new(),
            live_names: BTreeMap::new(),
            acknowledged: content.clone(),
            attempted: content.clone(),
        };
        for op in ops {
            moment.take(op);
        }
        moment
    }

    fn take(&mut self, op: &Op<C>) {
        match op {
            Op::Write(id, ..) | Op::Size(id, _) => {
                self.pending.entry(*id).or_default().push(op.clone());
            }
            Op::Sync(id) => {
                let content = self.durable.entry(*id).or_default();
                for op in self.pending.remove(id).into_iter().flatten() {
                    apply(content, &op);
                }
            }
            Op::Create(..) | Op::Rename(..) | Op::Remove(_) => {
                let before = self.live_names.clone();
                rename(&mut self.live_names, op, &before);
                self.name_ops.push(op.clone());
            }
            Op::SyncFolder => {
                self.names.clone_from(&self.live_names);
                self.name_ops.clear();
            }
            Op::Attempt(content) => self.attempted.clone_from(content),
            Op::Acknowledge(content) => {
                self.acknowledged.clone_from(content);
                self.attempted.clone_from(content);
            }
        }
    }

    /// Every disk that is tried for this moment.
    pub(super) fn disks(&self) -> Vec<Files> {
        let contents = self.all_contents();
        let mut disks = Vec::new();
        for names in self.all_names() {
            for content in &contents {
                let files = names.iter().map(|(path, id)| {
                    let bytes = content.get(id).cloned().unwrap_or_default();
                    (path.clone(), bytes)
                });
                disks.push(files.collect());
            }
        }
        disks
    }

    /// The names with every selection of what was done to them since they were synced.
    fn all_names(&self) -> Vec<BTreeMap<PathBuf, FileId>> {
        let mut all = Vec::new();
        for kept in selections(self.name_ops.len()) {
            let mut names = self.names.clone();
            let mut live = self.names.clone();
            for (number, op) in self.name_ops.iter().enumerate() {
                let before = live.clone();
                rename(&mut live, op, &before);
                if kept.contains(&number) {
                    rename(&mut names, op, &before);
                }
            }
            all.push(names);
        }
        all
    }

    /// The files with every selection of what was not synced, and with all of it, one write torn.
    fn all_contents(&self) -> Vec<BTreeMap<FileId, Vec<u8>>> {
        let pending: Vec<&Op<C>> = self.pending.values().flatten().collect();
        let mut all = Vec::new();
        for kept in selections(pending.len()) {
            let chosen: Vec<&Op<C>> = kept.iter().map(|&number| pending[number]).collect();
            all.push(self.contents(&chosen, None));
        }
        for (torn, op) in pending.iter().enumerate() {
            if let Op::Write(_, position, bytes) = op {
                for tear in tears(*position, bytes.len()) {
                    all.push(self.contents(&pending, Some((torn, tear))));
                }
            }
        }
        all
    }

    /// The files with the chosen operations, of which one may be torn.
    fn contents(
        &self,
        chosen: &[&Op<C>],
        torn: Option<(usize, Tear)>,
    ) -> BTreeMap<FileId, Vec<u8>> {
        let mut files = self.durable.clone();
        for (number, op) in chosen.iter().enumerate() {
            let (Op::Write(id, ..) | Op::Size(id, _)) = op else {
                continue;
            };
            let content = files.entry(*id).or_default();
            match (torn, op) {
                (Some((of, tear)), Op::Write(_, position, bytes)) if of == number => {
                    for part in tear.parts(*position, bytes.len()) {
                        write(content, position + part.start, &bytes[part]);
                    }
                }
                _ => apply(content, op),
            }
        }
        files
    }
}

fn apply<C>(content: &mut Vec<u8>, op: &Op<C>) {
    match op {
        Op::Write(_, position, bytes) => write(content, *position, bytes),
        Op::Size(_, size) => content.resize(*size, 0),
        _ => {}
    }
}

fn write(content: &mut Vec<u8>, position: usize, bytes: &[u8]) {
    let end = position + bytes.len();
    if content.len() < end {
        content.resize(end, 0);
    }
    content[position..end].copy_from_slice(bytes);
}

/// A change of names; `before` says which file a name meant when it was made.
fn rename<C>(
    names: &mut BTreeMap<PathBuf, FileId>,
    op: &Op<C>,
    before: &BTreeMap<PathBuf, FileId>,
) {
    match op {
        Op::Create(path, id) => {
            names.insert(path.clone(), *id);
        }
        Op::Rename(from, to) => {
            names.remove(from);
            if let Some(id) = before.get(from) {
                names.insert(to.clone(), *id);
            }
        }
        Op::Remove(path) => {
            names.remove(path);
        }
        _ => {}
    }
}

/// Which of `n` operations came through.
fn selections(n: usize) -> Vec<Vec<usize>> {
    if n <= SUBSETS_MAX {
        return (0..1usize << n)
            .map(|bits| (0..n).filter(|i| bits >> i & 1 == 1).collect())
            .collect();
    }
    let mut all: Vec<Vec<usize>> = Vec::new();
    for i in 0..=n {
        all.push((0..i).collect());
        all.push((i..n).collect());
        all.push((0..n).filter(|other| *other != i).collect());
        all.push((0..n).filter(|other| *other == i).collect());
    }
    all.sort();
    all.dedup();
    all
}
