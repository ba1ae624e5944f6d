//! Whether something stands in a file of a server, or in a table of its database.

use std::path::Path;
use std::process::Command;

use crate::postgres::Database;

/// Where mails are, in the folder of data.
pub(super) const OUTBOX: &str = "outbox";
/// Has to be found, so that it means something when nothing else is.
const CANARY: &str = "a canary of this search";

/// The tables of PostgreSQL, each with what is in it. Bytes are hexadecimal there.
fn tables(database: &Database) -> Vec<(String, String)> {
    let names = "SELECT format('%I', tablename) FROM pg_tables WHERE schemaname = 'public'";
    let names = database.text(names);
    let names = names.lines();
    names
        .map(|name| {
            let rows = database.text(&format!("SELECT * FROM {name}"));
            (name.to_owned(), rows)
        })
        .collect()
}

/// Fails where one of the secrets is in a file or a table, whatever the case of its letters.
pub(super) fn search(
    folder: &Path,
    database: Option<&Database>,
    secrets: &[(&'static str, String)],
) {
    let hexadecimal = |text: &str| -> String {
        let bytes = text.bytes();
        bytes.map(|byte| format!("{byte:02x}")).collect()
    };
    let mut patterns = vec![CANARY.to_owned()];
    for (_, secret) in secrets {
        patterns.extend([secret.clone(), hexadecimal(secret)]);
    }
    let list = folder.join("patterns");
    std::fs::write(&list, patterns.join("\n")).unwrap();
    let aside = folder.join("aside");
    std::fs::create_dir_all(&aside).unwrap();
    std::fs::write(aside.join("canary"), CANARY).unwrap();
    for (name, rows) in database.map(tables).unwrap_or_default() {
        std::fs::write(aside.join(name), rows).unwrap();
    }
    // Files come and go while the server runs: it says nothing of those that are gone.
    let grep = Command::new("grep")
        .env("LC_ALL", "C")
        .args(["-rsaioF", "--exclude-dir", OUTBOX, "-f"])
        .args([&list, &folder.join("data"), &aside])
        .output()
        .unwrap();
    let found = String::from_utf8_lossy(&grep.stdout);
    let is_canary = |line: &str| line.ends_with(CANARY);
    assert!(found.lines().any(is_canary), "nothing is searched");
    if let Some(line) = found.lines().find(|line| !is_canary(line)) {
        let is_it = |text: &str| line.to_lowercase().ends_with(&text.to_lowercase());
        let mut all = secrets.iter();
        let of = all.find(|(_, secret)| is_it(secret) || is_it(&hexadecimal(secret)));
        panic!("{}: {line}", of.map_or("?", |(what, _)| *what));
    }
}
