use std::io::Cursor;

use image::{Rgba, RgbaImage};

use super::*;
use crate::picture::{Pictures, read_on_thread};

fn file(width: u32, height: u32, alpha: u8, format: ImageFormat) -> Vec<u8> {
    let mut pixels = RgbaImage::from_pixel(width, height, Rgba([200, 30, 30, 255]));
    pixels.put_pixel(0, 0, Rgba([30, 30, 200, alpha]));
    let image = DynamicImage::ImageRgba8(pixels);
    let image = match format {
        ImageFormat::Jpeg => DynamicImage::ImageRgb8(image.to_rgb8()),
        _ => image,
    };
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

async fn draw(bytes: Vec<u8>) -> Result<Photo, PictureError> {
    Pictures::default().draw(bytes.into()).await
}

#[tokio::test]
async fn a_photograph_has_the_widths_below_its_own_and_no_wider_one() {
    for (size, expected) in [
        ((2_560, 1_440), vec![(320, 180), (640, 360), (1_280, 720)]),
        ((1_280, 720), vec![(320, 180), (640, 360), (1_280, 720)]),
        ((1_000, 500), vec![(320, 160), (640, 320), (1_000, 500)]),
        ((640, 960), vec![(320, 480), (640, 960)]),
        ((320, 100), vec![(320, 100)]),
        ((40, 80), vec![(40, 80)]),
        ((2_000, 1), vec![(320, 1), (640, 1), (1_280, 1)]),
    ] {
        let photo = draw(file(size.0, size.1, 255, ImageFormat::Png)).await;
        let photo = photo.unwrap();
        let sizes: Vec<_> = photo.files.iter().map(|f| (f.width, f.height)).collect();
        assert_eq!(sizes, expected, "{size:?}");
        assert_eq!(photo.format, PhotoFormat::Jpeg);
        for file in &photo.files {
            let again = image::load_from_memory_with_format(&file.bytes, ImageFormat::Jpeg);
            let again = again.unwrap();
            assert_eq!((again.width(), again.height()), (file.width, file.height));
        }
    }
}

#[tokio::test]
async fn what_is_to_be_seen_through_stays_so() {
    let photo = draw(file(700, 500, 128, ImageFormat::Png)).await.unwrap();
    assert_eq!(photo.format, PhotoFormat::Png);
    let widest = &photo.files[2].bytes;
    let again = image::load_from_memory_with_format(widest, ImageFormat::Png).unwrap();
    let again = again.to_rgba8();
    assert_eq!(again.get_pixel(0, 0).0[3], 128);
    assert_eq!(again.get_pixel(600, 400).0[3], 255);
    // One that could be, and is not.
    let photo = draw(file(50, 50, 255, ImageFormat::Png)).await.unwrap();
    assert_eq!(photo.format, PhotoFormat::Jpeg);
}

#[tokio::test]
async fn nothing_of_the_file_but_its_pixels_is_kept() {
    let mut bytes = file(400, 300, 255, ImageFormat::Jpeg);
    // What a camera writes down, and what browsers might take for a page.
    let said = b"Exif\0\0GPSLatitude 13.75";
    let length = u16::try_from(said.len() + 2).unwrap();
    let mut segment = vec![0xff, 0xe1];
    segment.extend_from_slice(&length.to_be_bytes());
    segment.extend_from_slice(said);
    bytes.splice(2..2, segment);
    bytes.extend_from_slice(b"<script>alert(1)</script>");
    let photo = draw(bytes).await.unwrap();
    for file in photo.files {
        for part in [&b"GPS"[..], b"<script", b"Exif"] {
            assert!(!file.bytes.windows(part.len()).any(|at| at == part));
        }
    }
}

#[tokio::test]
async fn what_is_no_photograph_is_refused() {
    let svg = b"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"9\" height=\"9\"/>";
    for bytes in [&b""[..], b"GIF89a", b"<html></html>", svg] {
        assert_eq!(draw(bytes.to_vec()).await, Err(PictureError::NoPhoto));
    }
    let high = draw(file(100, 201, 255, ImageFormat::Png)).await;
    assert_eq!(high, Err(PictureError::TooHigh(100, 201)));
    let line = draw(file(8_193, 1, 255, ImageFormat::Png)).await;
    assert_eq!(line, Err(PictureError::TooManyPixels(8_193, 1)));
    let large = draw(vec![0; PHOTO_MAX_BYTES + 1]).await;
    let bytes = PHOTO_MAX_BYTES + 1;
    assert_eq!(large, Err(PictureError::TooManyPhotoBytes(bytes)));
    // 64 million pixels in a file of some kilobytes.
    let mut bomb = Cursor::new(Vec::new());
    let pixels = image::GrayImage::new(8_000, 8_000);
    pixels.write_to(&mut bomb, ImageFormat::Png).unwrap();
    let bomb = draw(bomb.into_inner()).await;
    assert_eq!(bomb, Err(PictureError::TooManyPixels(8_000, 8_000)));
}

#[tokio::test]
async fn every_cut_of_a_file_is_refused_or_drawn_and_nothing_else() {
    for format in [ImageFormat::Png, ImageFormat::Jpeg] {
        let whole = file(24, 24, 255, format);
        for length in 0..whole.len() {
            match draw(whole[..length].to_vec()).await {
                Ok(photo) => assert_eq!(photo.files[0].width, 24),
                Err(error) => assert!(
                    matches!(error, PictureError::Damaged(_) | PictureError::NoPhoto),
                    "{format:?} {length}: {error}"
                ),
            }
        }
    }
}

#[test]
fn noise_with_holes_in_it_is_refused_and_not_kept() {
    let mut state = 1_u32;
    let noise = RgbaImage::from_fn(1_280, 1_280, |_, _| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        Rgba(state.to_be_bytes())
    });
    let refused = encoded(&DynamicImage::ImageRgba8(noise), PhotoFormat::Png);
    assert!(
        matches!(refused, Err(PictureError::TooDetailed(1_280, bytes)) if bytes > FILE_MAX_BYTES)
    );
}

#[test]
fn an_answer_is_taken_whole_and_within_its_bounds_or_not_at_all() {
    let photo = drawn(&file(400, 300, 128, ImageFormat::Png)).unwrap();
    let whole = packed(&photo).unwrap();
    assert!(whole.len() <= DRAWN_MAX_BYTES);
    assert_eq!(unpacked(&whole), Some(photo));
    for length in 0..whole.len() {
        assert_eq!(unpacked(&whole[..length]), None, "{length}");
    }
    let mut longer = whole.to_vec();
    longer.push(0);
    assert_eq!(unpacked(&longer), None);
    // Another format, no files, more files than widths, a width and a height beyond the largest, another signature.
    let signature = 2 + FILE_HEAD_BYTES;
    for (at, byte) in [
        (0, 0),
        (0, 7),
        (1, 0),
        (1, 4),
        (2, 1),
        (6, 1),
        (signature, b'G'),
    ] {
        let mut other = whole.to_vec();
        other[at] = byte;
        assert_eq!(unpacked(&other), None, "{at} {byte}");
    }
}

/// Whatever is sent becomes files within their bounds or is refused, and a reader that panics takes nothing else along.
#[test]
fn fuzz_photographs() {
    const RUN: onsale_fuzz::Run = onsale_fuzz::Run {
        inputs: 300,
        size_max_bytes: 4_096,
    };
    let corpus = [
        file(33, 20, 255, ImageFormat::Png),
        file(33, 20, 128, ImageFormat::Png),
        file(33, 20, 255, ImageFormat::Jpeg),
    ];
    onsale_fuzz::run("photographs", RUN, &corpus, |bytes| {
        if let Ok(photo) = read_on_thread(Bytes::copy_from_slice(bytes), drawn) {
            let whole = packed(&photo).unwrap();
            assert!(whole.len() <= DRAWN_MAX_BYTES);
            assert_eq!(unpacked(&whole), Some(photo));
        }
    });
}
