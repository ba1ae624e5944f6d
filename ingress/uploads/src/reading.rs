//! Where images are read: in this process, or by one of its own, which has nothing of this one, may take so much
//! memory and time, and takes nothing else along when it ends.
//!
//! That process gets the image on its standard input, and writes one answer to its standard output: a byte that
//! says what it is, its length in four bytes (big-endian), and a PNG or a text. With one more argument
//! ([`WIDTHS_ARGUMENT`]) it answers with a photograph in several widths.

use std::io::{self, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::time::Duration;

use bytes::Bytes;
use tokio::task::spawn_blocking;

use crate::picture::{
    IMAGE_MAX_BYTES, KEPT_SIDE_MAX_PIXELS, Picture, PictureError, STORED_MAX_BYTES, read_on_thread,
    redrawn,
};
use crate::widths::{DRAWN_MAX_BYTES, PHOTO_MAX_BYTES, Photo, drawn, packed, unpacked};

const PICTURE: u8 = 0;
const REFUSED: u8 = 1;
const UNAVAILABLE: u8 = 2;
/// Of an answer: what it is, and its length.
const HEAD_BYTES: usize = 5;
/// Longest reason that is said on, in characters.
const REASON_MAX_CHARS: usize = 500;
/// The argument with which a program does what [`answer_in_widths`] does.
pub const WIDTHS_ARGUMENT: &str = "--widths";
/// How every PNG begins: its signature, then the length and the name of its first chunk.
const PNG_BEGIN: [u8; 16] = *b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR";

/// Where images are read.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Reading {
    /// In this process, for tests: what takes too much takes it from everything else in it.
    #[default]
    Here,
    /// By a process for each.
    By(Reader),
}

/// A program that does what [`answer`] does, and with [`WIDTHS_ARGUMENT`] what [`answer_in_widths`] does, within
/// limits that it sets for itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reader {
    /// The program, by a path: it is not searched for.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<String>,
    /// All of its environment.
    pub env: Vec<(String, String)>,
    /// How long it may take; then it is ended.
    pub patience: Duration,
}

impl Reading {
    pub(crate) async fn read(self, image: Bytes) -> Result<Picture, PictureError> {
        match self {
            Self::Here => spawn_blocking(move || read_on_thread(image, redrawn))
                .await
                .unwrap_or(Err(PictureError::Unavailable)),
            Self::By(reader) => reader.ask(image, STORED_MAX_BYTES, picture).await,
        }
    }

    pub(crate) async fn draw(self, image: Bytes) -> Result<Photo, PictureError> {
        match self {
            Self::Here => spawn_blocking(move || read_on_thread(image, drawn))
                .await
                .unwrap_or(Err(PictureError::Unavailable)),
            Self::By(mut reader) => {
                reader.args.push(WIDTHS_ARGUMENT.to_owned());
                reader.ask(image, DRAWN_MAX_BYTES, unpacked).await
            }
        }
    }
}

impl Reader {
    /// What the process makes of an image, in at most so many bytes, as `taken` understands it.
    async fn ask<T>(
        self,
        image: Bytes,
        size_max_bytes: usize,
        taken: fn(&[u8]) -> Option<T>,
    ) -> Result<T, PictureError> {
        let patience = self.patience;
        let started = spawn_blocking(move || self.start()).await;
        let (running, input, output) = match started.map_err(io::Error::other).flatten() {
            Ok(started) => started,
            Err(error) => {
                tracing::error!(%error, "the process that reads images cannot be started");
                return Err(PictureError::Unavailable);
            }
        };
        let talk = spawn_blocking(move || talk(input, output, &image, size_max_bytes));
        let said = tokio::time::timeout(patience, talk).await;
        let is_late = said.is_err();
        let said = said.map(Result::unwrap_or_default).unwrap_or_default();
        let ended = spawn_blocking(move || running.end()).await;
        if let Some(read) = understood(&said, taken) {
            return read;
        }
        match ended.map_err(io::Error::other).flatten() {
            Ok(status) if is_late || status.signal().is_some() => Err(PictureError::TooMuch),
            Ok(status) => {
                tracing::error!(%status, "the process that reads images did not answer");
                Err(PictureError::Unavailable)
            }
            Err(error) => {
                tracing::error!(%error, "the process that reads images cannot be ended");
                Err(PictureError::Unavailable)
            }
        }
    }

    /// With nothing of this process: neither its environment nor its files, which are all closed where another
    /// program begins.
    fn start(&self) -> io::Result<(Running, ChildStdin, ChildStdout)> {
        let env = self.env.iter().map(|pair| (&pair.0, &pair.1));
        let mut child = Command::new(&self.program)
            .args(&self.args)
            .env_clear()
            .envs(env)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let pipes = (child.stdin.take(), child.stdout.take());
        let running = Running(child);
        match pipes {
            (Some(input), Some(output)) => Ok((running, input, output)),
            _ => Err(io::Error::other("it has no pipes")),
        }
    }
}

/// A process that is ended when nobody waits for it any more.
struct Running(Child);

impl Running {
    /// Ends it unless it has ended, and says how it did.
    fn end(mut self) -> io::Result<ExitStatus> {
        drop(self.0.kill());
        self.0.wait()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// What the process says. One that has ended takes nothing and says nothing; how it ended says why.
fn talk(
    mut input: ChildStdin,
    output: ChildStdout,
    image: &[u8],
    size_max_bytes: usize,
) -> Vec<u8> {
    drop(input.write_all(image));
    drop(input);
    let most = HEAD_BYTES + size_max_bytes;
    let mut said = Vec::new();
    drop(output.take(most as u64).read_to_end(&mut said));
    said
}

/// An answer that is whole; what wrote it has read what strangers sent, so it is not believed either.
fn understood<T>(said: &[u8], taken: fn(&[u8]) -> Option<T>) -> Option<Result<T, PictureError>> {
    let (head, rest) = said.split_at_checked(HEAD_BYTES)?;
    let (kind, length) = head.split_first()?;
    let length = u32::from_be_bytes(length.try_into().ok()?);
    if usize::try_from(length).ok()? != rest.len() {
        return None;
    }
    match *kind {
        PICTURE => taken(rest).map(Ok),
        REFUSED => {
            let reason = String::from_utf8_lossy(rest);
            let reason = reason.chars().take(REASON_MAX_CHARS).collect();
            Some(Err(PictureError::Refused(reason)))
        }
        UNAVAILABLE => Some(Err(PictureError::Unavailable)),
        _ => None,
    }
}

fn picture(png: &[u8]) -> Option<Picture> {
    if png.len() > STORED_MAX_BYTES {
        return None;
    }
    let sizes = png.strip_prefix(&PNG_BEGIN)?;
    let (width, sizes) = sizes.split_first_chunk()?;
    let height = sizes.first_chunk()?;
    let (width, height) = (u32::from_be_bytes(*width), u32::from_be_bytes(*height));
    let sides = 1..=KEPT_SIDE_MAX_PIXELS;
    (sides.contains(&width) && sides.contains(&height)).then(|| Picture {
        png: Bytes::copy_from_slice(png),
        width,
        height,
    })
}

/// What the process does that is started for one image: reads it from `input`, and writes the answer to `output`.
///
/// # Errors
/// When input or output cannot be used.
pub fn answer(input: impl Read, output: impl Write) -> io::Result<()> {
    let image = received(input, IMAGE_MAX_BYTES)?;
    let read = if image.len() > IMAGE_MAX_BYTES {
        Err(PictureError::TooManyBytes(image.len()))
    } else {
        read_on_thread(image, redrawn).map(|picture| picture.png)
    };
    say(output, read)
}

/// As [`answer`], for a photograph that is drawn in several widths.
///
/// # Errors
/// When input or output cannot be used.
pub fn answer_in_widths(input: impl Read, output: impl Write) -> io::Result<()> {
    let image = received(input, PHOTO_MAX_BYTES)?;
    let read = if image.len() > PHOTO_MAX_BYTES {
        Err(PictureError::TooManyPhotoBytes(image.len()))
    } else {
        read_on_thread(image, drawn).and_then(|photo| packed(&photo))
    };
    say(output, read)
}

/// What stands in the input, and at most one byte more than may.
fn received(input: impl Read, size_max_bytes: usize) -> io::Result<Bytes> {
    let mut image = Vec::new();
    input
        .take(size_max_bytes as u64 + 1)
        .read_to_end(&mut image)?;
    Ok(image.into())
}

fn say(mut output: impl Write, read: Result<Bytes, PictureError>) -> io::Result<()> {
    let (kind, said) = match read {
        Ok(drawn) => (PICTURE, drawn),
        Err(PictureError::Unavailable) => (UNAVAILABLE, Bytes::new()),
        Err(refused) => (REFUSED, refused.to_string().into()),
    };
    let length = u32::try_from(said.len()).map_err(io::Error::other)?;
    output.write_all(&[kind])?;
    output.write_all(&length.to_be_bytes())?;
    output.write_all(&said)?;
    output.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOGO: &[u8] = b"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"20\" height=\"10\">\
                          <rect width=\"20\" height=\"10\" fill=\"red\"/></svg>";
    /// Far more than a shell takes.
    const PATIENCE: Duration = Duration::from_secs(60);

    /// As a logo.
    fn understood(said: &[u8]) -> Option<Result<Picture, PictureError>> {
        super::understood(said, picture)
    }

    fn answered(image: &[u8]) -> Vec<u8> {
        let mut said = Vec::new();
        answer(image, &mut said).unwrap();
        said
    }

    /// What becomes of an image that is read by a shell with this script.
    async fn by(script: &str, patience: Duration) -> Result<Picture, PictureError> {
        let reader = Reader {
            program: "/bin/sh".into(),
            args: vec!["-c".to_owned(), script.to_owned()],
            env: vec![("MARK".to_owned(), "1".to_owned())],
            patience,
        };
        Reading::By(reader).read(Bytes::from_static(LOGO)).await
    }

    #[tokio::test]
    async fn an_answer_is_what_reading_here_says() {
        let here = Reading::Here.read(Bytes::from_static(LOGO)).await;
        let here = here.unwrap();
        assert_eq!((here.width, here.height), (512, 256));
        assert_eq!(understood(&answered(LOGO)), Some(Ok(here)));
        let refused = understood(&answered(b"GIF89a")).unwrap().unwrap_err();
        assert!(matches!(refused, PictureError::Refused(_)), "{refused}");
        let large = vec![0; IMAGE_MAX_BYTES + 1];
        let refused = understood(&answered(&large)).unwrap().unwrap_err();
        assert!(refused.to_string().contains("bytes"), "{refused}");
    }

    #[tokio::test]
    async fn a_photograph_is_answered_in_its_widths() {
        let logo = Reading::Here.read(Bytes::from_static(LOGO)).await.unwrap();
        let here = Reading::Here.draw(logo.png.clone()).await.unwrap();
        let mut said = Vec::new();
        answer_in_widths(&logo.png[..], &mut said).unwrap();
        assert_eq!(super::understood(&said, unpacked), Some(Ok(here)));
        // One is not taken for the other.
        assert_eq!(understood(&said), None);
        let mut said = Vec::new();
        answer_in_widths(LOGO, &mut said).unwrap();
        let refused = super::understood(&said, unpacked).unwrap().unwrap_err();
        assert!(refused.to_string().contains("neither"), "{refused}");
    }

    #[tokio::test]
    async fn a_process_is_told_that_a_photograph_is_wanted() {
        let reader = Reader {
            program: "/bin/sh".into(),
            args: vec![
                "-c".to_owned(),
                "printf '\\001\\000\\000\\000\\010'; printf %s \"$0\"".to_owned(),
            ],
            env: Vec::new(),
            patience: PATIENCE,
        };
        let said = Reading::By(reader).draw(Bytes::from_static(LOGO)).await;
        let expected = PictureError::Refused(WIDTHS_ARGUMENT.to_owned());
        assert_eq!(said, Err(expected));
    }

    #[test]
    fn an_answer_that_is_not_whole_or_no_picture_is_none() {
        let whole = answered(LOGO);
        for length in 0..whole.len() {
            assert_eq!(understood(&whole[..length]), None, "{length}");
        }
        let mut longer = whole.clone();
        longer.push(0);
        assert_eq!(understood(&longer), None);
        // Another kind, another signature, and a width of 65,536.
        for (at, byte) in [(0, 9), (HEAD_BYTES, b'G'), (HEAD_BYTES + 17, 1)] {
            let mut other = whole.clone();
            other[at] = byte;
            assert_eq!(understood(&other), None, "{at}");
        }
    }

    #[tokio::test]
    async fn a_process_that_ends_or_goes_on_for_ever_takes_too_much() {
        assert_eq!(by("kill -9 $$", PATIENCE).await, Err(PictureError::TooMuch));
        let soon = Duration::from_millis(50);
        let endless = by("while :; do :; done", soon).await;
        assert_eq!(endless, Err(PictureError::TooMuch));
        // It says more than an answer has.
        let endless = by("while :; do echo 0123456789; done", PATIENCE).await;
        assert_eq!(endless, Err(PictureError::TooMuch));
    }

    #[tokio::test]
    async fn a_process_that_cannot_work_is_not_the_fault_of_an_image() {
        assert_eq!(by("exit 2", PATIENCE).await, Err(PictureError::Unavailable));
        let reader = Reader {
            program: "/nowhere/onsale".into(),
            args: Vec::new(),
            env: Vec::new(),
            patience: PATIENCE,
        };
        let read = Reading::By(reader).read(Bytes::from_static(LOGO)).await;
        assert_eq!(read, Err(PictureError::Unavailable));
    }

    #[tokio::test]
    async fn a_process_has_the_environment_that_it_is_given_and_no_other() {
        // Cargo gives tests its variables.
        assert!(std::env::var_os("CARGO_MANIFEST_DIR").is_some());
        let script = "[ \"$MARK\" = 1 ] && [ -z \"$CARGO_MANIFEST_DIR\" ] && [ -z \"$HOME\" ] && \
                      printf '\\001\\000\\000\\000\\005clean'";
        let said = by(script, PATIENCE).await;
        assert_eq!(said, Err(PictureError::Refused("clean".to_owned())));
    }
}
