//! What a server writes is for its own user, whichever library writes it.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use serde_json::json;

use crate::support::Server;

/// Everything in a folder and the folder itself, with its permissions.
fn modes(path: &Path, found: &mut Vec<(PathBuf, u32)>) {
    let metadata = std::fs::symlink_metadata(path).unwrap();
    found.push((path.to_owned(), metadata.mode() & 0o777));
    if metadata.is_dir() {
        for entry in std::fs::read_dir(path).unwrap() {
            modes(&entry.unwrap().path(), found);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_users_cannot_read_what_a_server_writes() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let key = folder.path().join("key");
    std::fs::write(&key, "k").unwrap();
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    // One that an earlier version left open.
    std::fs::create_dir_all(data.join("snapshots")).unwrap();
    let open = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(&data, open).unwrap();
    let env = [
        ("ONSALE_DATA__DIR", data.to_str().unwrap()),
        ("ONSALE_AUTH__BOOKING_SECRET_FILE", key.to_str().unwrap()),
    ];
    std::fs::write(&key, "k".repeat(32)).unwrap();
    let server = Server::start_with(&folder.path().join("log"), &env).await;
    let zones = json!([{
        "name": "Floor", "price": { "amount": 100, "currency": "THB" },
        "admission": "general", "capacity": 10,
    }]);
    let organizer = server.token("organizer", "00000000-0000-4000-8000-00000000aaaa");
    server.open_show(&organizer, 0, 60, zones).await;
    let (code, _, said) = server.verb(&["snapshot", "create"]);
    assert_eq!(code, Some(0), "{said}");

    let mut found = Vec::new();
    modes(&data, &mut found);
    for name in ["journal", "snapshots", "onsale.sqlite", "onsale.sqlite-wal"] {
        let path = data.join(name);
        assert!(
            found.iter().any(|(found, _)| *found == path),
            "{name}: {found:?}"
        );
    }
    for (path, mode) in &found {
        assert_eq!(mode & 0o077, 0, "{} is {mode:o}", path.display());
    }
    let said = server.log();
    assert!(said.contains("was open to other users"), "{said}");
    assert!(said.contains("can read this secret"), "{said}");
    let (_, checks, _) = server.verb(&["doctor"]);
    assert!(
        checks.contains("warning  permissions: every user"),
        "{checks}"
    );
}
