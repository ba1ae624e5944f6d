//! Images that people upload, read and written anew.

use std::io::Cursor;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::imageops::FilterType as Resampling;
use image::metadata::Orientation;
use image::{
    DynamicImage, ExtendedColorType, ImageDecoder, ImageEncoder, ImageError, ImageFormat,
    ImageReader, Limits, RgbaImage,
};
use tokio::sync::Semaphore;

use crate::reading::Reading;
use crate::vector;
use crate::widths::{PHOTO_MAX_BYTES, Photo};

/// Largest image that is read, in bytes.
pub const IMAGE_MAX_BYTES: usize = 1 << 20;
/// Largest width and height that are read, in pixels.
const SIDE_MAX_PIXELS: u32 = 8_192;
/// Most pixels that are read: an image of this size takes 64 MiB while it is read.
const PIXELS_MAX: u64 = 16_000_000;
/// Most memory that a decoder may take, in bytes.
const DECODER_MAX_BYTES: u64 = 96 << 20;
/// Largest width and height that are kept, in pixels; larger images are made smaller. It is enough for
/// screens with three pixels to a point.
pub(crate) const KEPT_SIDE_MAX_PIXELS: u32 = 512;
/// Largest picture that is kept, in bytes: what all its pixels take, and the frame of a PNG.
pub(crate) const STORED_MAX_BYTES: usize = 1_200_000;
/// Stack of the thread that reads an image, in bytes: readers of vector images call themselves at each level.
const STACK_BYTES: usize = 64 << 20;
/// Images that are read at once. Organizers change theirs a few times a year, and one takes up to 400 MiB.
const READ_AT_ONCE: usize = 1;
/// How long an image waits for its turn.
const TURN_PATIENCE: Duration = Duration::from_secs(5);
/// How much the thread stands back behind the ones that sell.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 10;

/// Why an image is not taken. The texts are for the person who sent it.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PictureError {
    /// More bytes than are read.
    #[error("has {0} bytes; expected at most {IMAGE_MAX_BYTES}")]
    TooManyBytes(usize),
    /// More pixels than are read.
    #[error("has {0} x {1} pixels; expected at most 16 million, and at most 8192 a side")]
    TooManyPixels(u32, u32),
    /// No format that is read.
    #[error("is neither PNG nor JPEG nor SVG")]
    Format,
    /// No format that photographs are read in.
    #[error("is neither PNG nor JPEG")]
    NoPhoto,
    /// A photograph of more bytes than are read.
    #[error("has {0} bytes; expected at most {PHOTO_MAX_BYTES}")]
    TooManyPhotoBytes(usize),
    /// A photograph that is too high for its width.
    #[error("is {0} pixels wide and {1} high; expected at most twice as high as wide")]
    TooHigh(u32, u32),
    /// A photograph that is too large once it is drawn.
    #[error(
        "has {1} bytes as a PNG {0} pixels wide; expected less noise in what is to be seen through"
    )]
    TooDetailed(u32, usize),
    /// It is damaged.
    #[error("cannot be read: it is damaged, or of a kind of {0} that is not read")]
    Damaged(&'static str),
    /// A vector image with what is not drawn.
    #[error("{0}")]
    Vector(String),
    /// Why the process that reads does not take it.
    #[error("{0}")]
    Refused(String),
    /// The process that reads it was ended.
    #[error(
        "takes too much memory or time to read; expected a simpler one: fewer shapes, layers and pixels"
    )]
    TooMuch,
    /// Other images are being read.
    #[error("other images are being read")]
    Busy,
    /// The system gives no thread, process or memory for it.
    #[error("no image can be read now")]
    Unavailable,
}

/// An image that this program wrote: a PNG without anything else in it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Picture {
    /// The file.
    pub png: Bytes,
    /// In pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
}

/// Reads images, a few at once.
#[derive(Debug)]
pub struct Pictures {
    reading: Reading,
    turns: Arc<Semaphore>,
}

impl Default for Pictures {
    fn default() -> Self {
        Self::new(Reading::default())
    }
}

impl Pictures {
    /// Reads them there.
    pub fn new(reading: Reading) -> Self {
        Self {
            reading,
            turns: Arc::new(Semaphore::new(READ_AT_ONCE)),
        }
    }

    /// Reads an image. It keeps its turn until that is done, although the caller hangs up.
    ///
    /// # Errors
    /// See [`PictureError`].
    pub async fn read(&self, bytes: Bytes) -> Result<Picture, PictureError> {
        if bytes.len() > IMAGE_MAX_BYTES {
            return Err(PictureError::TooManyBytes(bytes.len()));
        }
        self.in_turn(self.reading.clone().read(bytes)).await
    }

    /// Reads a photograph and draws it in a few widths; otherwise as [`Pictures::read`].
    ///
    /// # Errors
    /// See [`PictureError`].
    pub async fn draw(&self, bytes: Bytes) -> Result<Photo, PictureError> {
        if bytes.len() > PHOTO_MAX_BYTES {
            return Err(PictureError::TooManyPhotoBytes(bytes.len()));
        }
        self.in_turn(self.reading.clone().draw(bytes)).await
    }

    async fn in_turn<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, PictureError>> + Send + 'static,
    ) -> Result<T, PictureError> {
        let turn = self.turns.clone().acquire_owned();
        let turn = tokio::time::timeout(TURN_PATIENCE, turn).await;
        let turn = turn.map_err(|_elapsed| PictureError::Busy)?;
        let turn = turn.map_err(|_closed| PictureError::Unavailable)?;
        let read = tokio::spawn(async move {
            let read = work.await;
            // Before the answer, so that who has it finds the next turn free.
            drop(turn);
            read
        });
        read.await.unwrap_or(Err(PictureError::Unavailable))
    }
}

/// Reads an image on a thread of its own, which has the stack for it, and waits for that.
pub(crate) fn read_on_thread<T: Send + 'static>(
    bytes: Bytes,
    read: fn(&[u8]) -> Result<T, PictureError>,
) -> Result<T, PictureError> {
    let thread = thread::Builder::new()
        .name("image".to_owned())
        .stack_size(STACK_BYTES)
        .spawn(move || {
            stand_back();
            read(&bytes)
        })
        .map_err(|_| PictureError::Unavailable)?;
    // A reader may panic.
    thread.join().unwrap_or(Err(PictureError::Damaged("image")))
}

/// On Linux a priority belongs to a thread; elsewhere nothing is changed.
fn stand_back() {
    #[cfg(target_os = "linux")]
    {
        let thread = Some(rustix::thread::gettid());
        if let Err(error) = rustix::process::setpriority_process(thread, NICENESS) {
            tracing::debug!(%error, "the thread of an image keeps its priority");
        }
    }
}

pub(crate) fn redrawn(bytes: &[u8]) -> Result<Picture, PictureError> {
    let pixels = match image::guess_format(bytes) {
        Ok(ImageFormat::Png) => raster(bytes, ImageFormat::Png, "PNG")?,
        Ok(ImageFormat::Jpeg) => raster(bytes, ImageFormat::Jpeg, "JPEG")?,
        _ if vector::is_one(bytes) => vector::drawn(bytes)?,
        _ => return Err(PictureError::Format),
    };
    let (width, height) = pixels.dimensions();
    let mut png = Vec::new();
    PngEncoder::new_with_quality(&mut png, CompressionType::Default, FilterType::Adaptive)
        .write_image(pixels.as_raw(), width, height, ExtendedColorType::Rgba8)
        .map_err(|_| PictureError::Unavailable)?;
    Ok(Picture {
        png: png.into(),
        width,
        height,
    })
}

fn raster(
    bytes: &[u8],
    format: ImageFormat,
    name: &'static str,
) -> Result<RgbaImage, PictureError> {
    let (mut image, orientation) = decoded(bytes, format, name)?;
    if image.width().max(image.height()) > KEPT_SIDE_MAX_PIXELS {
        let side = KEPT_SIDE_MAX_PIXELS;
        image = image.resize(side, side, Resampling::Lanczos3);
    }
    image.apply_orientation(orientation);
    Ok(image.into_rgba8())
}

/// An image within the bounds of memory, and how it has to be turned.
pub(crate) fn decoded(
    bytes: &[u8],
    format: ImageFormat,
    name: &'static str,
) -> Result<(DynamicImage, Orientation), PictureError> {
    let damaged = |_: ImageError| PictureError::Damaged(name);
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut limits = Limits::default();
    limits.max_alloc = Some(DECODER_MAX_BYTES);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(damaged)?;
    // What it says of itself, before anything of that size is read.
    let (width, height) = decoder.dimensions();
    let is_large = u64::from(width) * u64::from(height) > PIXELS_MAX;
    if is_large || width.max(height) > SIDE_MAX_PIXELS {
        return Err(PictureError::TooManyPixels(width, height));
    }
    // A camera writes down how it was held; what says so is not kept, so the picture is turned.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let image = DynamicImage::from_decoder(decoder).map_err(damaged)?;
    Ok((image, orientation))
}

#[cfg(test)]
mod tests {
    use image::Rgba;

    use super::*;

    fn file(width: u32, height: u32, format: ImageFormat) -> Vec<u8> {
        let mut pixels = RgbaImage::from_pixel(width, height, Rgba([200, 30, 30, 255]));
        pixels.put_pixel(0, 0, Rgba([30, 30, 200, 255]));
        let mut bytes = Cursor::new(Vec::new());
        let image = DynamicImage::ImageRgba8(pixels);
        match format {
            ImageFormat::Jpeg => DynamicImage::ImageRgb8(image.to_rgb8())
                .write_to(&mut bytes, format)
                .unwrap(),
            _ => image.write_to(&mut bytes, format).unwrap(),
        }
        bytes.into_inner()
    }

    async fn read(bytes: Vec<u8>) -> Result<Picture, PictureError> {
        Pictures::default().read(bytes.into()).await
    }

    #[tokio::test]
    async fn a_png_and_a_jpeg_become_pngs() {
        for format in [ImageFormat::Png, ImageFormat::Jpeg] {
            let picture = read(file(300, 100, format)).await.unwrap();
            assert_eq!((picture.width, picture.height), (300, 100));
            let again = image::load_from_memory_with_format(&picture.png, ImageFormat::Png);
            assert_eq!(again.unwrap().to_rgba8().get_pixel(200, 50).0[3], 255);
        }
    }

    #[tokio::test]
    async fn nothing_of_the_file_but_its_pixels_is_kept() {
        // What browsers might take for a page, behind the last chunk of the file.
        let mut bytes = file(10, 10, ImageFormat::Png);
        bytes.extend_from_slice(b"<script>alert(1)</script>");
        let picture = read(bytes).await.unwrap();
        assert!(!picture.png.windows(7).any(|piece| piece == b"<script"));
    }

    #[tokio::test]
    async fn large_ones_are_made_smaller() {
        let picture = read(file(2_000, 1_000, ImageFormat::Png)).await.unwrap();
        assert_eq!((picture.width, picture.height), (512, 256));
        assert!(picture.png.len() <= STORED_MAX_BYTES);
    }

    #[tokio::test]
    async fn the_worst_picture_has_a_bound() {
        let mut state = 1_u32;
        let noise = RgbaImage::from_fn(512, 512, |_, _| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            Rgba(state.to_be_bytes())
        });
        let mut bytes = Cursor::new(Vec::new());
        noise.write_to(&mut bytes, ImageFormat::Png).unwrap();
        // More than is taken from clients, so past the first check.
        let picture = redrawn(&bytes.into_inner()).unwrap();
        assert!(
            picture.png.len() <= STORED_MAX_BYTES,
            "{}",
            picture.png.len()
        );
    }

    #[tokio::test]
    async fn too_many_pixels_are_refused_before_they_are_read() {
        let mut bytes = file(1, 1, ImageFormat::Png);
        // Width and height in the first chunk, and its checksum.
        bytes[16..24].copy_from_slice(&[0, 0, 0x4e, 0x20, 0, 0, 0x4e, 0x20]);
        let crc = crc(&bytes[12..29]);
        bytes[29..33].copy_from_slice(&crc.to_be_bytes());
        let refused = read(bytes).await;
        assert_eq!(refused, Err(PictureError::TooManyPixels(20_000, 20_000)));
    }

    /// Of PNG's chunks (RFC 2083, 15).
    fn crc(bytes: &[u8]) -> u32 {
        let mut crc = u32::MAX;
        for byte in bytes {
            crc ^= u32::from(*byte);
            for _ in 0..8 {
                crc = if crc & 1 == 1 {
                    (crc >> 1) ^ 0xedb8_8320
                } else {
                    crc >> 1
                };
            }
        }
        !crc
    }

    #[tokio::test]
    async fn a_small_file_of_many_pixels_is_refused_before_they_take_memory() {
        // 64 million pixels of one colour, whole and valid.
        let side = 8_000;
        let pixels = image::GrayImage::new(side, side);
        let mut bytes = Cursor::new(Vec::new());
        pixels.write_to(&mut bytes, ImageFormat::Png).unwrap();
        let bytes = bytes.into_inner();
        assert!(bytes.len() < IMAGE_MAX_BYTES, "{}", bytes.len());
        let refused = read(bytes).await;
        assert_eq!(refused, Err(PictureError::TooManyPixels(side, side)));
        // One line of them.
        let mut bytes = Cursor::new(Vec::new());
        let line = image::GrayImage::new(20_000, 1);
        line.write_to(&mut bytes, ImageFormat::Png).unwrap();
        let refused = read(bytes.into_inner()).await;
        assert_eq!(refused, Err(PictureError::TooManyPixels(20_000, 1)));
    }

    /// A chunk of a PNG.
    fn chunk(kind: [u8; 4], data: &[u8]) -> Vec<u8> {
        let length = u32::try_from(data.len()).unwrap();
        let mut chunk = length.to_be_bytes().to_vec();
        chunk.extend_from_slice(&kind);
        chunk.extend_from_slice(data);
        let checksum = crc(&chunk[4..]);
        chunk.extend_from_slice(&checksum.to_be_bytes());
        chunk
    }

    #[tokio::test]
    async fn what_a_file_says_beside_its_pixels_is_gone() {
        // A PNG with a text, and with what a camera wrote down.
        let mut bytes = file(10, 10, ImageFormat::Png);
        let mut said = chunk(*b"tEXt", b"Comment\0photographed at 13.75 N 100.50 E");
        said.extend(chunk(
            *b"eXIf",
            b"II*\0\x08\0\0\0\0\0\0\0\0\0GPSLatitude 13.75",
        ));
        // Behind the first chunk.
        bytes.splice(33..33, said);
        let picture = read(bytes).await.unwrap();
        assert_eq!((picture.width, picture.height), (10, 10));
        let is_kept = |what: &[u8]| picture.png.windows(what.len()).any(|at| at == what);
        for what in [&b"13.75"[..], b"GPS", b"tEXt", b"eXIf"] {
            assert!(!is_kept(what), "{}", String::from_utf8_lossy(what));
        }
    }

    #[tokio::test]
    async fn a_photograph_is_turned_as_its_camera_was_held_and_says_no_more_where_it_was_taken() {
        let jpeg = file(40, 20, ImageFormat::Jpeg);
        // TIFF with one entry: orientation (0x0112), a short, one of them, 6: turned by a quarter.
        let mut exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0".to_vec();
        exif.extend_from_slice(b"\0\0\0\0GPSLatitude 13.75");
        let length = u16::try_from(exif.len() + 2).unwrap();
        let mut segment = vec![0xff, 0xe1];
        segment.extend_from_slice(&length.to_be_bytes());
        segment.extend_from_slice(&exif);
        let mut bytes = jpeg[..2].to_vec();
        bytes.extend_from_slice(&segment);
        bytes.extend_from_slice(&jpeg[2..]);
        let picture = read(bytes).await.unwrap();
        assert_eq!((picture.width, picture.height), (20, 40));
        assert!(!picture.png.windows(3).any(|at| at == b"GPS"));
    }

    #[tokio::test]
    async fn a_file_that_is_two_things_is_taken_for_its_first_bytes_alone() {
        // An archive, or a page, in front of which an image stands, and the other way round.
        for other in [
            &b"PK\x03\x04 index.html"[..],
            b"<html><script>alert(1)</script>",
        ] {
            let mut bytes = file(4, 4, ImageFormat::Jpeg);
            bytes.extend_from_slice(other);
            let picture = read(bytes).await.unwrap();
            assert!(!picture.png.windows(other.len()).any(|at| at == other));
            let mut bytes = other.to_vec();
            bytes.extend_from_slice(&file(4, 4, ImageFormat::Png));
            assert_eq!(read(bytes).await, Err(PictureError::Format));
        }
    }

    /// Whatever is sent becomes a picture within the bounds or is refused, and a reader that panics takes nothing
    /// else along.
    #[test]
    fn fuzz_images() {
        const RUN: onsale_fuzz::Run = onsale_fuzz::Run {
            inputs: 1_000,
            size_max_bytes: 4_096,
        };
        let svg = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 20 10\"><defs>\
            <linearGradient id=\"g\"><stop offset=\"0\" stop-color=\"red\"/></linearGradient>\
            <clipPath id=\"c\"><circle cx=\"5\" cy=\"5\" r=\"4\"/></clipPath></defs>\
            <g clip-path=\"url(#c)\" opacity=\"0.5\"><path d=\"M0 0L20 0A5 5 0 0 1 9 9Z\" fill=\"url(#g)\" \
            stroke=\"#123\" stroke-width=\"2\" transform=\"rotate(9) scale(2)\"/></g></svg>";
        let corpus = [
            file(16, 9, ImageFormat::Png),
            file(16, 9, ImageFormat::Jpeg),
            svg.as_bytes().to_vec(),
        ];
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let pictures = Pictures::default();
        onsale_fuzz::run("images", RUN, &corpus, |bytes| {
            let bytes = Bytes::copy_from_slice(bytes);
            if let Ok(picture) = runtime.block_on(pictures.read(bytes)) {
                assert!(picture.width.max(picture.height) <= KEPT_SIDE_MAX_PIXELS);
                assert!(picture.png.len() <= STORED_MAX_BYTES);
            }
        });
        assert!(
            runtime
                .block_on(pictures.read(corpus[2].clone().into()))
                .is_ok()
        );
    }

    #[tokio::test]
    async fn every_cut_of_a_file_is_refused_or_read_and_nothing_else() {
        for format in [ImageFormat::Png, ImageFormat::Jpeg] {
            let whole = file(24, 24, format);
            let pictures = Pictures::default();
            for length in 0..whole.len() {
                let cut = Bytes::copy_from_slice(&whole[..length]);
                match pictures.read(cut).await {
                    Ok(picture) => assert_eq!((picture.width, picture.height), (24, 24)),
                    Err(error) => assert!(
                        matches!(error, PictureError::Damaged(_) | PictureError::Format),
                        "{format:?} {length}: {error}"
                    ),
                }
            }
        }
    }

    #[tokio::test]
    async fn what_is_no_image_is_refused() {
        let damaged = {
            let mut bytes = file(50, 50, ImageFormat::Png);
            bytes.truncate(80);
            bytes
        };
        assert_eq!(read(damaged).await, Err(PictureError::Damaged("PNG")));
        for bytes in [b"".to_vec(), b"GIF89a".to_vec(), b"<html></html>".to_vec()] {
            assert_eq!(read(bytes).await, Err(PictureError::Format));
        }
        let large = vec![0; IMAGE_MAX_BYTES + 1];
        let refused = read(large).await;
        assert_eq!(
            refused,
            Err(PictureError::TooManyBytes(IMAGE_MAX_BYTES + 1))
        );
    }
}
