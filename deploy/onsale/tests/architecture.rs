//! The arrows between our crates, as ARCHITECTURE.md draws them. A new arrow is a decision: it is
//! made there first and here second.

#![expect(clippy::unwrap_used, reason = "a panic is how a test reports")]

use std::collections::{BTreeMap, BTreeSet};

/// Which of our crates each crate may use (outside its tests).
const ALLOWED: &[(&str, &[&str])] = &[
    ("onsale-schemas", &[]),
    ("onsale-settings", &[]),
    ("onsale-disk", &[]),
    ("onsale-engine", &["onsale-schemas"]),
    (
        "onsale-log",
        &["onsale-schemas", "onsale-settings", "onsale-disk"],
    ),
    ("onsale-counts", &["onsale-schemas", "onsale-settings"]),
    ("onsale-store", &["onsale-schemas", "onsale-settings"]),
    ("onsale-jobs", &["onsale-schemas", "onsale-store"]),
    (
        "onsale-snapshot",
        &["onsale-schemas", "onsale-store", "onsale-disk"],
    ),
    (
        "onsale-simulation",
        &[
            "onsale-schemas",
            "onsale-disk",
            "onsale-engine",
            "onsale-log",
            "onsale-snapshot",
            "onsale-processor",
        ],
    ),
    (
        "onsale-processor",
        &[
            "onsale-schemas",
            "onsale-settings",
            "onsale-engine",
            "onsale-log",
            "onsale-snapshot",
            "onsale-store",
            "onsale-counts",
        ],
    ),
    ("onsale-auth", &["onsale-schemas", "onsale-settings"]),
    (
        "onsale-cluster",
        &[
            "onsale-schemas",
            "onsale-settings",
            "onsale-auth",
            "onsale-log",
            "onsale-processor",
            "onsale-store",
            "onsale-counts",
        ],
    ),
    (
        "onsale-ingress",
        &[
            "onsale-schemas",
            "onsale-settings",
            "onsale-auth",
            "onsale-log",
            "onsale-store",
            "onsale-counts",
        ],
    ),
    (
        "onsale",
        &[
            "onsale-schemas",
            "onsale-settings",
            "onsale-auth",
            "onsale-cluster",
            "onsale-counts",
            "onsale-disk",
            "onsale-engine",
            "onsale-jobs",
            "onsale-log",
            "onsale-snapshot",
            "onsale-store",
            "onsale-simulation",
            "onsale-processor",
            "onsale-ingress",
            "onsale-load",
        ],
    ),
    ("onsale-load", &[]),
    ("onsale-fuzz", &[]),
    (
        "onsale-bench",
        &[
            "onsale-schemas",
            "onsale-engine",
            "onsale-log",
            "onsale-load",
        ],
    ),
];

/// Packages that the pure crates may never pull in, whatever pulls them in.
const IMPURE: &[&str] = &["tokio", "sqlx", "hyper", "rand", "crossbeam-channel"];

fn metadata() -> cargo_metadata::Metadata {
    cargo_metadata::MetadataCommand::new()
        .manifest_path(concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.toml"))
        // One platform: the others' crates need not be on this machine.
        .other_options(vec![
            "--offline".to_owned(),
            "--locked".to_owned(),
            "--filter-platform".to_owned(),
            format!("{}-unknown-linux-gnu", std::env::consts::ARCH),
        ])
        .exec()
        .unwrap()
}

#[test]
fn no_arrow_that_is_not_drawn() {
    let allowed: BTreeMap<&str, BTreeSet<&str>> = ALLOWED
        .iter()
        .map(|(name, uses)| (*name, uses.iter().copied().collect()))
        .collect();
    let metadata = metadata();
    let mut seen = BTreeSet::new();
    for package in metadata.workspace_packages() {
        let name = package.name.as_str();
        seen.insert(name.to_owned());
        let uses = allowed.get(name).unwrap_or_else(|| {
            panic!("{name} is not in ARCHITECTURE.md's map: add it there and here")
        });
        for dependency in &package.dependencies {
            let ours = dependency.name == "onsale" || dependency.name.starts_with("onsale-");
            let in_tests = dependency.kind == cargo_metadata::DependencyKind::Development;
            assert!(
                !ours || in_tests || uses.contains(dependency.name.as_str()),
                "{name} must not use {}",
                dependency.name
            );
        }
    }
    let expected: BTreeSet<String> = allowed.keys().map(|name| (*name).to_owned()).collect();
    assert_eq!(seen, expected, "the map names a crate that is gone");
}

#[test]
fn the_engine_stays_pure() {
    let metadata = metadata();
    let resolve = metadata.resolve.as_ref().unwrap();
    let name_of: BTreeMap<_, _> = metadata
        .packages
        .iter()
        .map(|package| (&package.id, package.name.as_str()))
        .collect();
    for pure in ["onsale-schemas", "onsale-engine"] {
        let root = metadata
            .packages
            .iter()
            .find(|package| package.name.as_str() == pure)
            .unwrap();
        let mut open = vec![&root.id];
        let mut reached = BTreeSet::new();
        while let Some(id) = open.pop() {
            let node = resolve.nodes.iter().find(|node| &node.id == id).unwrap();
            for dependency in &node.deps {
                let normal = dependency
                    .dep_kinds
                    .iter()
                    .any(|kind| kind.kind == cargo_metadata::DependencyKind::Normal);
                if normal && reached.insert(&dependency.pkg) {
                    open.push(&dependency.pkg);
                }
            }
        }
        for id in reached {
            let name = name_of[id];
            assert!(!IMPURE.contains(&name), "{pure} pulls in {name}");
        }
    }
}
