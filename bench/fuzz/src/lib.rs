//! Fuzzing on a stable toolchain. [`run`] feeds a target with mutations of a small corpus, all from
//! one seed: a few seconds' worth in every test run, or as many as `ONSALE_FUZZ_INPUTS` says.
//!
//! `cargo fuzz` needs a nightly compiler for its coverage feedback. Here the corpus holds at least
//! one valid input of each kind instead, and the mutations know the building blocks of the formats:
//! lengths, counts, and pieces of each other.

mod mutate;
mod random;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;

pub use mutate::Mutator;
pub use random::Random;

/// How many inputs, instead of what the target asks for.
const INPUTS_VARIABLE: &str = "ONSALE_FUZZ_INPUTS";
/// The seed, for other inputs or to repeat a run.
const SEED_VARIABLE: &str = "ONSALE_FUZZ_SEED";

/// How long a run is.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    /// Default number of inputs: seconds at most.
    pub inputs: u64,
    /// Longest input, in bytes.
    pub size_max_bytes: usize,
}

/// Feeds `target` with every input of the corpus, then mutations of them. The target panics where
/// something is wrong; the input is then printed as hexadecimal text, with the seed that leads to
/// it.
///
/// # Panics
/// With the target, and when the corpus is empty or a variable holds no number.
pub fn run(name: &str, run: Run, corpus: &[Vec<u8>], mut target: impl FnMut(&[u8])) {
    assert!(!corpus.is_empty(), "{name}: an empty corpus proves nothing");
    let seed = number(SEED_VARIABLE).unwrap_or(1);
    let inputs = number(INPUTS_VARIABLE).unwrap_or(run.inputs);
    let mut mutator = Mutator::new(seed, run.size_max_bytes);
    for (number, input) in corpus.iter().enumerate() {
        one(name, seed, number as u64, input, &mut target);
    }
    let mut input = Vec::new();
    for number in 0..inputs {
        mutator.input(corpus, &mut input);
        one(name, seed, number, &input, &mut target);
    }
}

/// The files of a folder, in the order of their names.
///
/// # Errors
/// When it cannot be read.
pub fn corpus(folder: &Path) -> std::io::Result<Vec<Vec<u8>>> {
    let mut paths: Vec<_> = std::fs::read_dir(folder)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    paths.sort();
    paths.iter().map(std::fs::read).collect()
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    match text.parse() {
        Ok(number) => Some(number),
        Err(error) => panic_with(&format!("{variable}={text}: {error}")),
    }
}

#[expect(clippy::panic, reason = "this is how a test reports")]
fn panic_with(why: &str) -> ! {
    panic!("{why}")
}

#[expect(clippy::print_stderr, reason = "what a failing test has to say")]
fn one(name: &str, seed: u64, number: u64, input: &[u8], target: &mut impl FnMut(&[u8])) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| target(input))) {
        let hex: String = input.iter().map(|byte| format!("{byte:02x}")).collect();
        eprintln!(
            "{name}: seed {seed}, input {number}, {} bytes: {hex}",
            input.len()
        );
        resume_unwind(panic);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUN: Run = Run {
        inputs: 5_000,
        size_max_bytes: 64,
    };

    #[test]
    fn the_same_seed_gives_the_same_inputs_and_another_others() {
        let corpus = [b"onsale".to_vec(), vec![0; 20]];
        let inputs = |seed| {
            let mut mutator = Mutator::new(seed, 64);
            let mut all = Vec::new();
            let mut input = Vec::new();
            for _ in 0..200 {
                mutator.input(&corpus, &mut input);
                all.push(input.clone());
            }
            all
        };
        assert_eq!(inputs(1), inputs(1));
        assert_ne!(inputs(1), inputs(2));
        assert!(inputs(3).iter().all(|input| input.len() <= 64));
    }

    #[test]
    fn a_weak_spot_is_found() {
        let found = catch_unwind(|| {
            run("weak", RUN, &[b"length 3".to_vec()], |input| {
                assert!(!input.contains(&0xff), "found");
            });
        });
        assert!(found.is_err());
    }
}
