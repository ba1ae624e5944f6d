//! Photographs and posters, read once and drawn anew in a few widths.

use bytes::Bytes;
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::imageops::FilterType as Resampling;
use image::{DynamicImage, ImageFormat};

use crate::picture::{PictureError, decoded};

/// Largest photograph that is read, in bytes.
pub const PHOTO_MAX_BYTES: usize = 4 << 20;
/// Widths that pages show one in, in pixels: in a list, on a telephone, and across a page with two pixels to a
/// point.
pub const WIDTHS: [u32; 3] = [320, 640, 1_280];
/// How many times as high as wide one may be: a poster is one and a half times, and what stands on pages of a given
/// width has to end somewhere.
const HEIGHT_PER_WIDTH_MAX: u32 = 2;
/// Largest file that is kept, in bytes. A JPEG of the largest size has a few hundred thousand; only noise with holes
/// in it has more than this.
pub(crate) const FILE_MAX_BYTES: usize = 3 << 20;
/// Above it files grow faster than anybody sees (of 100).
const JPEG_QUALITY: u8 = 82;
/// Of a file in an answer: width, height and length, of four bytes each.
const FILE_HEAD_BYTES: usize = 12;
/// Largest answer with all files, in bytes.
pub(crate) const DRAWN_MAX_BYTES: usize = 2 + WIDTHS.len() * (FILE_HEAD_BYTES + FILE_MAX_BYTES);

/// What the files of a photograph are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PhotoFormat {
    /// JPEG: nothing is to be seen through it.
    Jpeg,
    /// PNG: something is.
    Png,
}

impl PhotoFormat {
    /// What its byte in an answer is.
    fn code(self) -> u8 {
        match self {
            Self::Jpeg => 0,
            Self::Png => 1,
        }
    }

    fn of_code(code: u8) -> Option<Self> {
        [Self::Jpeg, Self::Png]
            .into_iter()
            .find(|format| format.code() == code)
    }

    /// How a file of it begins.
    fn beginning(self) -> &'static [u8] {
        match self {
            Self::Jpeg => b"\xff\xd8\xff",
            Self::Png => b"\x89PNG\r\n\x1a\n",
        }
    }
}

/// A photograph in one width.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PhotoFile {
    /// In pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
    /// The file.
    pub bytes: Bytes,
}

/// A photograph that this program wrote, without anything but its pixels.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Photo {
    /// Of all its files.
    pub format: PhotoFormat,
    /// The narrowest first: those of [`WIDTHS`] that are narrower than what was sent, and one as wide as that, or of
    /// the last of them. Never empty.
    pub files: Vec<PhotoFile>,
}

/// The widths for one of this width, ascending.
fn widths_for(width: u32) -> Vec<u32> {
    let widest = WIDTHS.into_iter().max().unwrap_or(width).min(width);
    let narrower = WIDTHS.into_iter().filter(|named| *named < widest);
    narrower.chain([widest]).collect()
}

/// How high it is in another width.
fn height_for((width, height): (u32, u32), drawn: u32) -> u32 {
    let wide = u64::from(width.max(1));
    let high = (u64::from(height) * u64::from(drawn) + wide / 2) / wide;
    u32::try_from(high).unwrap_or(u32::MAX).max(1)
}

/// Reads one, and draws it anew.
pub(crate) fn drawn(bytes: &[u8]) -> Result<Photo, PictureError> {
    let (format, name) = match image::guess_format(bytes) {
        Ok(ImageFormat::Png) => (ImageFormat::Png, "PNG"),
        Ok(ImageFormat::Jpeg) => (ImageFormat::Jpeg, "JPEG"),
        _ => return Err(PictureError::NoPhoto),
    };
    let (mut image, orientation) = decoded(bytes, format, name)?;
    image.apply_orientation(orientation);
    let size = (image.width(), image.height());
    if size.1 > size.0.saturating_mul(HEIGHT_PER_WIDTH_MAX) {
        return Err(PictureError::TooHigh(size.0, size.1));
    }
    let pixels = image.into_rgba8();
    let is_opaque = pixels.pixels().all(|pixel| pixel.0[3] == u8::MAX);
    let mut image = DynamicImage::ImageRgba8(pixels);
    let format = if is_opaque {
        image = DynamicImage::ImageRgb8(image.into_rgb8());
        PhotoFormat::Jpeg
    } else {
        PhotoFormat::Png
    };
    let mut files = Vec::with_capacity(WIDTHS.len());
    // Each from the wider one, which is less work than from the whole and looks the same.
    for width in widths_for(size.0).into_iter().rev() {
        if image.width() != width {
            image = image.resize_exact(width, height_for(size, width), Resampling::Lanczos3);
        }
        files.push(PhotoFile {
            width,
            height: image.height(),
            bytes: encoded(&image, format)?,
        });
    }
    files.reverse();
    Ok(Photo { format, files })
}

fn encoded(image: &DynamicImage, format: PhotoFormat) -> Result<Bytes, PictureError> {
    let mut bytes = Vec::new();
    let written = match format {
        PhotoFormat::Jpeg => {
            image.write_with_encoder(JpegEncoder::new_with_quality(&mut bytes, JPEG_QUALITY))
        }
        PhotoFormat::Png => image.write_with_encoder(PngEncoder::new_with_quality(
            &mut bytes,
            CompressionType::Default,
            FilterType::Adaptive,
        )),
    };
    written.map_err(|_| PictureError::Unavailable)?;
    if bytes.len() > FILE_MAX_BYTES {
        return Err(PictureError::TooDetailed(image.width(), bytes.len()));
    }
    Ok(bytes.into())
}

/// All files as one text for another process.
pub(crate) fn packed(photo: &Photo) -> Result<Bytes, PictureError> {
    let number = |number: usize| u32::try_from(number).map_err(|_| PictureError::Unavailable);
    let count = u8::try_from(photo.files.len()).map_err(|_| PictureError::Unavailable)?;
    let mut packed = vec![photo.format.code(), count];
    for file in &photo.files {
        packed.extend_from_slice(&file.width.to_be_bytes());
        packed.extend_from_slice(&file.height.to_be_bytes());
        packed.extend_from_slice(&number(file.bytes.len())?.to_be_bytes());
        packed.extend_from_slice(&file.bytes);
    }
    Ok(packed.into())
}

/// What [`packed`] made. What wrote it has read what strangers sent, so it is not believed.
pub(crate) fn unpacked(packed: &[u8]) -> Option<Photo> {
    let ([format, count], mut rest) = packed.split_first_chunk::<2>()?;
    let format = PhotoFormat::of_code(*format)?;
    let mut files: Vec<PhotoFile> = Vec::with_capacity(WIDTHS.len());
    if *count == 0 || usize::from(*count) > WIDTHS.len() {
        return None;
    }
    for _ in 0..*count {
        let (width, behind) = rest.split_first_chunk()?;
        let (height, behind) = behind.split_first_chunk()?;
        let (length, behind) = behind.split_first_chunk()?;
        let (width, height) = (u32::from_be_bytes(*width), u32::from_be_bytes(*height));
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        let (bytes, behind) = behind.split_at_checked(length)?;
        let narrowest = files.last().map_or(1, |file| file.width + 1);
        let widest = WIDTHS.into_iter().max()?;
        let is_fine = (narrowest..=widest).contains(&width)
            && (1..=width.saturating_mul(HEIGHT_PER_WIDTH_MAX)).contains(&height)
            && length <= FILE_MAX_BYTES
            && bytes.starts_with(format.beginning());
        if !is_fine {
            return None;
        }
        files.push(PhotoFile {
            width,
            height,
            bytes: Bytes::copy_from_slice(bytes),
        });
        rest = behind;
    }
    rest.is_empty().then_some(Photo { format, files })
}

#[cfg(test)]
mod tests;
