//! The model judges the engine, so it must not share its code.

#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]

use std::path::{Path, PathBuf};

/// All files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found
}

#[test]
fn the_model_and_its_checker_share_no_code_with_what_they_judge() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut looked_at = 0;
    for folder in ["model", "linear", "workload"] {
        for path in files(&source.join(folder)) {
            let text = std::fs::read_to_string(&path).unwrap();
            looked_at += 1;
            for judged in [
                "onsale_engine",
                "onsale_log",
                "onsale_processor",
                "onsale_snapshot",
            ] {
                assert!(!text.contains(judged), "{} uses {judged}", path.display());
            }
        }
    }
    assert!(looked_at > 20, "looked at {looked_at} files only");
}
