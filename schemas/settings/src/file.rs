//! Files and folders that settings name, and whether they are what they should be.

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::Access;

use crate::problem::ConfigProblem;

/// Largest file that is looked into, in bytes: a bundle of all authorities has a quarter of it.
const SIZE_MAX_BYTES: u64 = 1 << 20;
/// What some editors begin a text with, and none shows.
const BYTE_ORDER_MARK: char = '\u{feff}';
const NOT_REGULAR: &str = "it is a pipe, a socket or a device, and no regular file";
/// Lets every user of the machine read a file. For a group that may be intended.
const WORLD_READS: u32 = 0o004;

/// Whether the bytes of a file are what they should be, and if not, what they are. The text does not repeat
/// them.
type Look = Box<dyn Fn(&[u8]) -> Result<(), String> + Send + Sync>;

/// A file or folder that a setting names.
pub struct NamedFile {
    /// The setting, as `http.tls_key_file`.
    pub key: String,
    /// Where it is.
    pub path: PathBuf,
    /// Whether only the server's user should be able to read it.
    pub is_secret: bool,
    expected: String,
    kind: Kind,
}

enum Kind {
    File(Look),
    Folder { is_created: bool },
}

impl fmt::Debug for NamedFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NamedFile({} = {})", self.key, self.path.display())
    }
}

impl NamedFile {
    /// A file that anybody may read; `expected` is what it should hold, and `look` says of its bytes what is
    /// wrong with them.
    pub fn public(
        key: impl Into<String>,
        path: &Path,
        expected: impl Into<String>,
        look: impl Fn(&[u8]) -> Result<(), String> + Send + Sync + 'static,
    ) -> Self {
        Self {
            key: key.into(),
            path: path.to_owned(),
            is_secret: false,
            expected: expected.into(),
            kind: Kind::File(Box::new(look)),
        }
    }

    /// A file that only the server's user should be able to read; otherwise as [`NamedFile::public`].
    pub fn secret(
        key: impl Into<String>,
        path: &Path,
        expected: impl Into<String>,
        look: impl Fn(&[u8]) -> Result<(), String> + Send + Sync + 'static,
    ) -> Self {
        Self {
            is_secret: true,
            ..Self::public(key, path, expected, look)
        }
    }

    /// A file with nothing but a URL, which may hold a password; otherwise as [`NamedFile::secret`].
    pub fn url(
        key: impl Into<String>,
        path: &Path,
        expected: impl Into<String>,
        is_url: impl Fn(&str) -> bool + Send + Sync + 'static,
    ) -> Self {
        Self::secret(key, path, expected, move |bytes| {
            match is_url(secret_text(bytes)?) {
                true => Ok(()),
                false => Err("it holds no such URL".to_owned()),
            }
        })
    }

    /// A folder that the server writes into; `is_created` where it makes one that is missing.
    pub fn folder(key: impl Into<String>, path: &Path, is_created: bool) -> Self {
        Self {
            key: key.into(),
            path: path.to_owned(),
            is_secret: false,
            expected: "a folder that the server's user may write into".to_owned(),
            kind: Kind::Folder { is_created },
        }
    }

    /// What is wrong with it, for the user of this process. It is read, and nothing else.
    pub fn problem(&self) -> Option<ConfigProblem> {
        let what = match &self.kind {
            Kind::File(look) => look_into(&self.path, look).err()?,
            Kind::Folder { is_created } => look_at_folder(&self.path, *is_created).err()?,
        };
        let found = format!("{} ({what})", self.path.display());
        Some(ConfigProblem::new(&self.key, found, &self.expected))
    }

    /// Whether every user of this machine can read it, and none but the server's should. Where a link leads
    /// is what counts; a folder is no secret.
    pub fn is_open_to_all(&self) -> bool {
        let found = std::fs::metadata(&self.path);
        let is_open = |found: std::fs::Metadata| !found.is_dir() && found.mode() & WORLD_READS != 0;
        self.is_secret && found.is_ok_and(is_open)
    }
}

/// The text of a file with a secret, without the white space around it.
///
/// # Errors
/// What it is instead, where it is no text or an empty one, or holds what nobody sees and another file with the same
/// secret has not.
pub fn secret_text(bytes: &[u8]) -> Result<&str, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "it is no text in UTF-8".to_owned())?;
    if text.starts_with(BYTE_ORDER_MARK) {
        return Err("it begins with a byte order mark".to_owned());
    }
    if text.contains('\0') {
        return Err("it has a NUL in it".to_owned());
    }
    match text.trim() {
        "" => Err("it is empty".to_owned()),
        text => Ok(text),
    }
}

/// The bytes of a file that a setting names. It has to be a regular one: what a pipe holds can be read once, and one
/// that nobody writes into keeps a start waiting for ever.
///
/// # Errors
/// As the system says, and where it is no regular file or larger than 1 MiB.
pub fn read_named(path: &Path) -> io::Result<Vec<u8>> {
    let found = std::fs::metadata(path)?;
    if found.is_dir() {
        return Err(io::Error::new(
            io::ErrorKind::IsADirectory,
            "it is a folder",
        ));
    }
    if !found.is_file() {
        return Err(io::Error::other(NOT_REGULAR));
    }
    let mut bytes = Vec::new();
    File::open(path)?
        .take(SIZE_MAX_BYTES + 1)
        .read_to_end(&mut bytes)?;
    if bytes.len() as u64 > SIZE_MAX_BYTES {
        let larger = format!("it is larger than {} MiB", SIZE_MAX_BYTES >> 20);
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, larger));
    }
    Ok(bytes)
}

fn look_into(path: &Path, look: &Look) -> Result<(), String> {
    let bytes = read_named(path).map_err(|error| unreadable(&error))?;
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Err("it is empty".to_owned());
    }
    look(&bytes)
}

fn look_at_folder(path: &Path, is_created: bool) -> Result<(), String> {
    let mut place = path;
    let found = loop {
        match std::fs::metadata(place) {
            Err(error) if is_created && error.kind() == io::ErrorKind::NotFound => {
                // Made in the nearest folder that is there; a relative one, in that of the process.
                place = match place.parent() {
                    Some(parent) if !parent.as_os_str().is_empty() => parent,
                    _ => Path::new("."),
                };
            }
            found => break found.map_err(|error| unreadable(&error))?,
        }
    };
    let whose = if place == path {
        "it".to_owned()
    } else {
        format!("it does not exist, and {}", place.display())
    };
    if !found.is_dir() {
        return Err(format!("{whose} is no folder"));
    }
    rustix::fs::access(place, Access::WRITE_OK | Access::EXEC_OK)
        .map_err(|error| format!("{whose} cannot be written into: {error}"))
}

fn unreadable(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "it does not exist".to_owned(),
        // Of what it is, not of what the system said.
        _ if error.raw_os_error().is_none() => error.to_string(),
        _ => format!("it cannot be read: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn named(path: &Path) -> NamedFile {
        NamedFile::secret(
            "mail.url_file",
            path,
            "the URL",
            |bytes| match secret_text(bytes)? {
                "right" => Ok(()),
                _ => Err("it holds something else".to_owned()),
            },
        )
    }

    #[test]
    fn what_a_file_is_instead_is_said_with_its_setting_and_without_its_content() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            path
        };
        let large = vec![b'x'; 1 + (1 << 20)];
        // Nobody writes into it: whoever opened it would wait.
        let pipe = folder.path().join("pipe");
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, mode).unwrap();
        for (path, what) in [
            (folder.path().join("gone"), "it does not exist"),
            (folder.path().join("gone/too"), "it does not exist"),
            (folder.path().to_owned(), "it is a folder"),
            (file("empty", b""), "it is empty"),
            (file("blank", b" \n"), "it is empty"),
            (file("binary", b"\xff\xfe"), "it is no text in UTF-8"),
            (file("large", &large), "it is larger than 1 MiB"),
            (file("wrong", b"s3cret"), "it holds something else"),
            (
                file("marked", b"\xef\xbb\xbfright"),
                "it begins with a byte order mark",
            ),
            (file("nul", b"rig\0ht"), "it has a NUL in it"),
            (PathBuf::from("/dev/null"), NOT_REGULAR),
            (pipe, NOT_REGULAR),
        ] {
            let problem = named(&path).problem().unwrap();
            assert_eq!(
                problem.to_string(),
                format!(
                    "mail.url_file = {} ({what}): expected the URL",
                    path.display()
                )
            );
        }
        let below = file("file", b"x").join("below");
        let problem = named(&below).problem().unwrap().to_string();
        assert!(problem.contains("cannot be read"), "{problem}");
        assert_eq!(named(&file("right", b" right\n")).problem(), None);
    }

    #[test]
    fn a_file_with_a_url_holds_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("url");
        for (text, what) in [
            (" redis://a\n", ""),
            ("http://s3cret", "it holds no such URL"),
        ] {
            std::fs::write(&path, text).unwrap();
            let url = NamedFile::url("redis.url_file", &path, "a URL", |text| {
                text.starts_with("redis://")
            });
            assert!(url.is_secret);
            let found = url.problem().map(|problem| problem.to_string());
            let found = found.unwrap_or_default();
            assert!(found.contains(what) && !found.contains("s3cret"), "{found}");
            assert_eq!(found.is_empty(), what.is_empty(), "{found}");
        }
    }

    #[test]
    fn only_a_secret_should_not_be_open_to_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, "right").unwrap();
        let public = NamedFile::public("http.tls_ca_file", &path, "authorities", |_| Ok(()));
        for (mode, is_open) in [(0o600, false), (0o640, false), (0o644, true)] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(named(&path).is_open_to_all(), is_open, "{mode:o}");
            assert!(!public.is_open_to_all());
        }
        assert!(!named(&folder.path().join("gone")).is_open_to_all());
        let mode = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(folder.path(), mode).unwrap();
        assert!(!named(folder.path()).is_open_to_all());
    }

    #[test]
    fn a_folder_is_there_or_can_be_made() {
        let base = tempfile::tempdir().unwrap();
        let gone = base.path().join("not/there/yet");
        let file = base.path().join("file");
        std::fs::write(&file, "x").unwrap();
        for (path, is_created, what) in [
            (base.path().to_owned(), false, ""),
            (gone.clone(), true, ""),
            (gone, false, "it does not exist"),
            (file.clone(), true, "it is no folder"),
            (file.join("below"), true, "it cannot be read"),
        ] {
            let found = NamedFile::folder("uploads.location", &path, is_created).problem();
            match found {
                None => assert_eq!(what, "", "{}", path.display()),
                Some(found) => {
                    assert!(!what.is_empty() && found.value.contains(what), "{found}");
                }
            }
        }
    }
}
