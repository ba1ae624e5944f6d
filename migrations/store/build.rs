//! Lists the migrations for the program to embed. `sqlx::migrate!` would do it too, and have a second tokio,
//! sqlx and SQLite built for the host.

use std::error::Error;
use std::fmt::Write as _;
use std::path::Path;

/// Databases, by their folders beside this crate.
const DATABASES: [&str; 2] = ["postgres", "sqlite"];

fn main() -> Result<(), Box<dyn Error>> {
    let root = std::env::var("CARGO_MANIFEST_DIR")?;
    let mut code = String::new();
    for database in DATABASES {
        let folder = Path::new(&root).join("..").join(database);
        println!("cargo:rerun-if-changed=../{database}");
        let mut files = Vec::new();
        for entry in std::fs::read_dir(&folder)? {
            let name = entry?.file_name().into_string();
            let name = name.map_err(|name| format!("{} is no name", name.display()))?;
            let Some(stem) = name.strip_suffix(".sql") else {
                continue;
            };
            let parts = stem.split_once('_');
            let parts = parts.and_then(|(number, what)| Some((number.parse().ok()?, what)));
            let (number, what): (i64, &str) =
                parts.ok_or_else(|| format!("{database}/{name}: expected NUMBER_WHAT.sql"))?;
            files.push((number, what.replace('_', " "), folder.join(&name)));
        }
        files.sort();
        writeln!(
            code,
            "pub(super) const {}: &[(i64, &str, &str)] = &[",
            database.to_uppercase()
        )?;
        for (number, what, file) in files {
            writeln!(code, "    ({number}, {what:?}, include_str!({file:?})),")?;
        }
        writeln!(code, "];")?;
    }
    let out = std::env::var("OUT_DIR")?;
    std::fs::write(Path::new(&out).join("migrations.rs"), code)?;
    Ok(())
}
