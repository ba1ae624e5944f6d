//! The arrows between our crates, as ARCHITECTURE.md draws them. A new arrow is a decision: it is
//! made there first and here second. And what every crate keeps to that no lint looks for.

#![expect(clippy::unwrap_used, reason = "a panic is how a test reports")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::Command;

use serde::Deserialize;

/// Which of our crates each crate may use (outside its tests).
const ALLOWED: &[(&str, &[&str])] = &[
    ("onsale-schemas", &[]),
    ("onsale-settings", &[]),
    ("onsale-tls", &["onsale-settings"]),
    ("onsale-private", &["onsale-settings"]),
    ("onsale-disk", &[]),
    ("onsale-prices", &["onsale-schemas"]),
    ("onsale-engine", &["onsale-schemas", "onsale-prices"]),
    (
        "onsale-log",
        &["onsale-schemas", "onsale-settings", "onsale-disk"],
    ),
    (
        "onsale-counts",
        &["onsale-schemas", "onsale-settings", "onsale-tls"],
    ),
    (
        "onsale-store",
        &[
            "onsale-schemas",
            "onsale-settings",
            "onsale-private",
            "onsale-tls",
        ],
    ),
    (
        "onsale-uploads",
        &["onsale-settings", "onsale-tls", "onsale-disk"],
    ),
    (
        "onsale-jobs",
        &["onsale-schemas", "onsale-store", "onsale-uploads"],
    ),
    (
        "onsale-messages",
        &[
            "onsale-schemas",
            "onsale-settings",
            "onsale-private",
            "onsale-store",
            "onsale-jobs",
            "onsale-uploads",
        ],
    ),
    (
        "onsale-payments",
        &[
            "onsale-schemas",
            "onsale-settings",
            "onsale-private",
            "onsale-tls",
            "onsale-log",
            "onsale-store",
            "onsale-jobs",
        ],
    ),
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
    ("onsale-search", &["onsale-schemas"]),
    ("onsale-auth", &["onsale-schemas", "onsale-settings"]),
    (
        "onsale-accounts",
        &[
            "onsale-schemas",
            "onsale-settings",
            "onsale-private",
            "onsale-auth",
            "onsale-store",
        ],
    ),
    (
        "onsale-cluster",
        &[
            "onsale-schemas",
            "onsale-settings",
            "onsale-tls",
            "onsale-auth",
            "onsale-log",
            "onsale-processor",
            "onsale-store",
            "onsale-counts",
        ],
    ),
    ("onsale-halls", &["onsale-schemas"]),
    (
        "onsale-ingress",
        &[
            "onsale-schemas",
            "onsale-settings",
            "onsale-tls",
            "onsale-private",
            "onsale-auth",
            "onsale-accounts",
            "onsale-halls",
            "onsale-log",
            "onsale-prices",
            "onsale-store",
            "onsale-search",
            "onsale-counts",
            "onsale-uploads",
        ],
    ),
    (
        "onsale",
        &[
            "onsale-schemas",
            "onsale-settings",
            "onsale-tls",
            "onsale-private",
            "onsale-auth",
            "onsale-accounts",
            "onsale-cluster",
            "onsale-counts",
            "onsale-disk",
            "onsale-engine",
            "onsale-halls",
            "onsale-jobs",
            "onsale-log",
            "onsale-messages",
            "onsale-payments",
            "onsale-snapshot",
            "onsale-store",
            "onsale-simulation",
            "onsale-processor",
            "onsale-ingress",
            "onsale-load",
            "onsale-uploads",
        ],
    ),
    ("onsale-load", &["onsale-tls"]),
    ("onsale-fuzz", &[]),
    (
        "onsale-bench",
        &[
            "onsale-schemas",
            "onsale-engine",
            "onsale-log",
            "onsale-load",
            "onsale-store",
        ],
    ),
];

/// Packages that the pure crates may never pull in, whatever pulls them in.
const IMPURE: &[&str] = &["tokio", "sqlx", "hyper", "rand", "crossbeam-channel"];

/// What `cargo metadata` says, as far as it is asked for here. (A crate that reads all of it would turn on
/// a feature of serde_json for tests alone, and have the docs, built without them, check it and all that uses it
/// once more.)
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    workspace_members: BTreeSet<String>,
    resolve: Resolve,
}

impl Metadata {
    /// Our crates.
    fn of_the_workspace(&self) -> impl Iterator<Item = &Package> {
        self.packages
            .iter()
            .filter(|package| self.workspace_members.contains(&package.id))
    }
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
    manifest_path: PathBuf,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    /// Nothing, `dev` or `build`.
    kind: Option<String>,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

/// A package and what it was given for its dependencies.
#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<Given>,
}

#[derive(Deserialize)]
struct Given {
    pkg: String,
    dep_kinds: Vec<Kind>,
}

#[derive(Deserialize)]
struct Kind {
    /// As [`Dependency::kind`].
    kind: Option<String>,
}

fn metadata() -> Metadata {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--manifest-path"])
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.toml"))
        // One platform: the others' crates need not be on this machine.
        .args(["--offline", "--locked", "--filter-platform"])
        .arg(format!("{}-unknown-linux-gnu", std::env::consts::ARCH))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn no_arrow_that_is_not_drawn() {
    let allowed: BTreeMap<&str, BTreeSet<&str>> = ALLOWED
        .iter()
        .map(|(name, uses)| (*name, uses.iter().copied().collect()))
        .collect();
    let metadata = metadata();
    let mut seen = BTreeSet::new();
    for package in metadata.of_the_workspace() {
        let name = package.name.as_str();
        seen.insert(name.to_owned());
        let uses = allowed.get(name).unwrap_or_else(|| {
            panic!("{name} is not in ARCHITECTURE.md's map: add it there and here")
        });
        for dependency in &package.dependencies {
            let ours = dependency.name == "onsale" || dependency.name.starts_with("onsale-");
            let in_tests = dependency.kind.as_deref() == Some("dev");
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
fn the_engine_and_the_halls_stay_pure() {
    let metadata = metadata();
    let name_of: BTreeMap<&str, &str> = metadata
        .packages
        .iter()
        .map(|package| (package.id.as_str(), package.name.as_str()))
        .collect();
    let node_of: BTreeMap<&str, &Node> = metadata
        .resolve
        .nodes
        .iter()
        .map(|node| (node.id.as_str(), node))
        .collect();
    for pure in [
        "onsale-schemas",
        "onsale-prices",
        "onsale-engine",
        "onsale-halls",
    ] {
        let root = metadata
            .packages
            .iter()
            .find(|package| package.name == pure)
            .unwrap();
        let mut open = vec![root.id.as_str()];
        let mut reached = BTreeSet::new();
        while let Some(id) = open.pop() {
            for dependency in &node_of[id].deps {
                let normal = dependency.dep_kinds.iter().any(|of| of.kind.is_none());
                if normal && reached.insert(dependency.pkg.as_str()) {
                    open.push(dependency.pkg.as_str());
                }
            }
        }
        for id in reached {
            let name = name_of[id];
            assert!(!IMPURE.contains(&name), "{pure} pulls in {name}");
        }
    }
}

/// An error with its causes is printed as a chain (`{:#}`), and alone in many a log line. So it either
/// says its cause in its own text or has it as its source: one that does both is printed twice, as in
/// "configuration file a.toml: not found: not found".
#[test]
fn no_error_says_its_cause_twice() {
    let metadata = metadata();
    let mut twice = Vec::new();
    for package in metadata.of_the_workspace() {
        let folder = package.manifest_path.parent().unwrap().join("src");
        for file in rust_files(&folder) {
            let text = std::fs::read_to_string(&file).unwrap();
            // What comes before the first one is no error's.
            for error in text.split("#[error(").skip(1) {
                if says_its_source(error) {
                    let line = error.lines().next().unwrap_or_default();
                    twice.push(format!("{}: {line}", file.display()));
                }
            }
        }
    }
    assert!(twice.is_empty(), "{twice:#?}");
}

/// Of the text behind `#[error(`: whether a cause is both source and part of the message.
fn says_its_source(error: &str) -> bool {
    let (message, variant) = error.split_once(")]").unwrap_or((error, ""));
    let variant = variant.split("\n}").next().unwrap_or_default();
    let named = |name: &str| {
        let places = [
            format!("{{{name}}}"),
            format!("{{{name}:"),
            format!(".{name}"),
        ];
        places.iter().any(|place| message.contains(place.as_str()))
    };
    if variant.contains(" source: ") && named("source") {
        return true;
    }
    ["#[source]", "#[from]"].iter().any(|attribute| {
        variant.split(attribute).skip(1).any(|field| {
            let is_name = |char: char| char.is_alphanumeric() || char == '_';
            let name: String = field
                .trim_start()
                .chars()
                .take_while(|c| is_name(*c))
                .collect();
            let is_struct = field.trim_start()[name.len()..].starts_with(": ");
            named(if is_struct { &name } else { "0" })
        })
    })
}

#[test]
fn a_cause_that_is_said_twice_is_noticed() {
    for twice in [
        "\"a: {0}\")]\n    A(#[from] Cause),",
        "\"a: {0:#}\")]\n    A(#[source] Cause),",
        "\"a\", .0)]\n    A(#[source] Cause),",
        "\"{path}: {source}\")]\n    A {\n        path: Path,\n        source: Cause,\n    },",
        "\"{path}: {why}\")]\n    A {\n        path: Path,\n        #[source]\n        why: Cause,\n    },",
    ] {
        assert!(says_its_source(twice), "{twice}");
    }
    for once in [
        "transparent)]\n    A(#[from] Cause),",
        "\"a\")]\n    A(#[from] Cause),",
        "\"a: {0}\")]\n    A(Cause),",
        "\"{path}\")]\n    A {\n        path: Path,\n        source: Cause,\n    },",
        "\"{path}: {cause}\")]\n    A {\n        path: Path,\n        cause: Cause,\n    },",
    ] {
        assert!(!says_its_source(once), "{once}");
    }
}

fn rust_files(folder: &std::path::Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(rust_files(&path));
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
    found
}
