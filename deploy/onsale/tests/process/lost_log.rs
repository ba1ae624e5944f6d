//! Parts of a data folder are lost: every combination of log, database and snapshots, and what a
//! start, `doctor` and `verify` say of it. Where the log is lost, nothing is sold as if it had never
//! been: a new log would give the same bookings' ids again.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::support::{Server, SmallShow, free_port, onsale};

/// Made by whatever starts or looks, and worth nothing.
const IGNORED: [&str; 3] = ["server.log", "journal.lock", "manifest"];

/// A folder in which seats were sold and snapshots cut, once a server has stopped there.
struct Sold {
    data: PathBuf,
    buyer: String,
    booking: String,
}

async fn sold(data: &Path) -> Sold {
    let server = Server::start(data).await;
    let show = SmallShow::open(&server).await;
    let booking = show.reserve(&server, &["A-3", "A-4"]).await;
    let (status, answer) = server.get(&show.buyer, "/bookings").await;
    assert_eq!(status, 200, "{answer}");
    let (code, out, err) = server.verb(&["snapshot", "create"]);
    assert_eq!(code, Some(0), "{out}{err}");
    let buyer = show.buyer.clone();
    assert_eq!(server.stop(), Some(0));
    Sold {
        data: data.to_owned(),
        buyer,
        booking,
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if entry.file_type().unwrap().is_dir() {
            copy(&source, &target);
        } else {
            std::fs::copy(source, target).unwrap();
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Part {
    Log,
    Database,
    Snapshots,
}

/// Takes a part away, as an attacker or a slip of the hand does.
fn lose(data: &Path, part: Part) {
    match part {
        Part::Log => std::fs::remove_dir_all(data.join("journal")).unwrap(),
        Part::Snapshots => std::fs::remove_dir_all(data.join("snapshots")).unwrap(),
        Part::Database => {
            for ending in ["", "-wal", "-shm"] {
                // The last two are there only after a kill.
                let _ = std::fs::remove_file(data.join(format!("onsale.sqlite{ending}")));
            }
        }
    }
}

/// Sizes of the files that matter, by path.
fn files(folder: &Path) -> BTreeMap<PathBuf, u64> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if IGNORED.iter().any(|ignored| name.starts_with(ignored)) || name.contains(".sqlite") {
            continue;
        }
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            let bytes = path.metadata().unwrap().len();
            found.insert(path, bytes);
        }
    }
    found
}

/// Exit code and everything that a verb says.
fn run(data: &Path, verb: &str) -> (Option<i32>, String) {
    let output = onsale(data, free_port(), &[]).arg(verb).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let said = text(&output.stdout) + &text(&output.stderr);
    (output.status.code(), said)
}

/// A start is refused twice with the same words, which `doctor` and `verify` say too, and nothing has
/// been written by any of them.
fn refused(data: &Path, words: &[&str]) {
    let before = files(data);
    for _ in 0..2 {
        let said = Server::refusal(data, &[]);
        for words in words {
            assert!(said.contains(words), "serve: {words}: {said}");
        }
    }
    for verb in ["doctor", "verify"] {
        let (code, said) = run(data, verb);
        assert_eq!(code, Some(1), "{verb}: {said}");
        for words in words {
            assert!(said.contains(words), "{verb}: {words}: {said}");
        }
        assert!(
            !said.contains("the first start creates it"),
            "{verb}: {said}"
        );
    }
    assert_eq!(files(data), before);
}

/// What a start makes of each combination.
enum Start {
    /// It sells on, and knows what was sold.
    SellsOn,
    /// It begins anew.
    Begins,
    /// It is refused with these words.
    Refused(&'static [&'static str]),
}

#[tokio::test]
async fn no_start_sells_on_without_its_log() {
    use Part::{Database, Log, Snapshots};
    let folder = tempfile::tempdir().unwrap();
    let sold = sold(&folder.path().join("sold")).await;
    let lost: &[&str] = &[
        "the log was lost: there is none in",
        "deploy/README.md",
        "data.dir",
    ];
    for (number, (parts, start)) in [
        (&[][..], Start::SellsOn),
        (&[Snapshots], Start::SellsOn),
        (&[Database], Start::SellsOn),
        (&[Database, Snapshots], Start::SellsOn),
        (
            &[Log],
            Start::Refused(&[
                "snapshots of log",
                "the database of log",
                "set database.url",
            ]),
        ),
        (
            &[Log, Snapshots],
            Start::Refused(&["the database of log", "set database.url"]),
        ),
        (
            &[Log, Database],
            Start::Refused(&["snapshots of log", "/snapshots away"]),
        ),
        (&[Log, Database, Snapshots], Start::Begins),
    ]
    .into_iter()
    .enumerate()
    {
        let data = folder.path().join(number.to_string());
        copy(&sold.data, &data);
        for part in parts {
            lose(&data, *part);
        }
        match start {
            Start::Refused(words) => {
                refused(&data, lost);
                refused(&data, words);
            }
            Start::SellsOn => {
                let server = Server::start(&data).await;
                let path = format!("/bookings/{}", sold.booking);
                let (status, answer) = server.get(&sold.buyer, &path).await;
                assert_eq!(status, 200, "{parts:?}: {answer}");
                assert_eq!(answer["data"]["seats"], json!(["A-3", "A-4"]), "{parts:?}");
                for verb in ["doctor", "verify"] {
                    let (code, out, err) = server.verb(&[verb]);
                    assert_eq!(code, Some(0), "{parts:?}, {verb}: {out}{err}");
                }
            }
            Start::Begins => {
                let (code, said) = run(&data, "doctor");
                assert_eq!(code, Some(0), "{said}");
                assert!(said.contains("the first start creates it"), "{said}");
                let server = Server::start(&data).await;
                SmallShow::open(&server)
                    .await
                    .reserve(&server, &["A-3"])
                    .await;
            }
        }
    }
}

/// What is not a whole part: segments alone, a log that was begun beside old snapshots by an earlier
/// version, one of another installation, and an older copy of the log.
#[tokio::test]
async fn snapshots_know_their_log_and_how_far_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let sold = sold(&at("sold")).await;

    // Its name is still there, and nothing else.
    copy(&sold.data, &at("emptied"));
    lose(&at("emptied"), Part::Database);
    for entry in std::fs::read_dir(at("emptied").join("journal")).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().unwrap() != "journal.meta" {
            std::fs::remove_file(path).unwrap();
        }
    }
    refused(
        &at("emptied"),
        &["the log was lost: there is none in", "/snapshots away"],
    );

    // A new log and its database beside the snapshots of the old one.
    let new = Server::start(&at("new")).await;
    assert_eq!(new.stop(), Some(0));
    std::fs::remove_dir_all(at("new").join("snapshots")).unwrap();
    copy(&sold.data.join("snapshots"), &at("new").join("snapshots"));
    refused(
        &at("new"),
        &[
            "are of log",
            "another one begun in its place",
            "move those snapshots away",
        ],
    );
    // And without a database, which is what an attacker leaves.
    lose(&at("new"), Part::Database);
    refused(
        &at("new"),
        &[
            "are of log",
            "another one begun in its place",
            "move those snapshots away",
        ],
    );

    // What the message names is done.
    std::fs::rename(at("new").join("snapshots"), at("aside")).unwrap();
    let new = Server::start(&at("new")).await;
    SmallShow::open(&new).await.reserve(&new, &["A-3"]).await;

    // A copy of log and database from before the last sale, under newer snapshots.
    copy(&sold.data, &at("older"));
    let server = Server::start(&sold.data).await;
    let show = SmallShow::open(&server).await;
    show.reserve(&server, &["A-5"]).await;
    let (code, out, err) = server.verb(&["snapshot", "create"]);
    assert_eq!(code, Some(0), "{out}{err}");
    assert_eq!(server.stop(), Some(0));
    std::fs::remove_dir_all(at("older").join("snapshots")).unwrap();
    copy(&sold.data.join("snapshots"), &at("older").join("snapshots"));
    refused(
        &at("older"),
        &["the log was lost, recreated or set back", "is at offset"],
    );
}
