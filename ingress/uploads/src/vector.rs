//! Vector images (SVG), drawn into pixels: nothing of their text is kept.
//!
//! Only shapes and gradients are drawn. What fetches, repeats or filters is refused with its name: it may
//! cost far more than the size of the file, or look elsewhere. So may dashes, segments of paths, and layers
//! within layers (what is clipped or transparent as a whole), which are counted before anything is drawn; and
//! numbers, before anything is computed from them. The names are compared where the file is read, and what they
//! stand for once more where it is about to be drawn. What costs much all the same ends with the process that
//! reads it.

mod costs;
mod elements;

use std::borrow::Cow;

use image::RgbaImage;
use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::roxmltree::{Document, Node, ParsingOptions};
use resvg::usvg::{ImageHrefResolver, Options, Tree};

use self::costs::Costs;
use self::elements::check;
use crate::numbers::{self, Within};
use crate::picture::{KEPT_SIDE_MAX_PIXELS, PictureError};

/// Most elements, texts and comments.
const NODES_MAX: u32 = 5_000;
/// Longest text of style sheets, in bytes: each of its rules is compared with each element.
const STYLE_MAX_BYTES: usize = 16_384;

const SVG: &str = "http://www.w3.org/2000/svg";

/// Whether it begins as an SVG does.
pub(crate) fn is_one(bytes: &[u8]) -> bool {
    let begin = &bytes[..bytes.len().min(4_096)];
    let begin = begin.strip_prefix(b"\xef\xbb\xbf").unwrap_or(begin);
    let begin = begin.trim_ascii_start();
    begin.starts_with(b"<") && begin.windows(4).any(|piece| piece == b"<svg")
}

/// Its pixels, as large as are kept.
pub(crate) fn drawn(bytes: &[u8]) -> Result<RgbaImage, PictureError> {
    let text = std::str::from_utf8(bytes).map_err(|_| wrong("is not UTF-8"))?;
    let parsing = ParsingOptions {
        allow_dtd: false,
        nodes_limit: NODES_MAX,
        ..ParsingOptions::default()
    };
    let text = without_doctype(text);
    let document = Document::parse_with_options(&text, parsing)
        .map_err(|error| wrong(&format!("is no XML that is read: {error}")))?;
    let mut style_bytes = 0;
    for node in document.descendants() {
        check(node)?;
        // In whichever namespace: that is how it is read.
        let is_style = |of: Node<'_, '_>| of.has_tag_name("style");
        if node.is_text() && node.parent_element().is_some_and(is_style) {
            let text = node.text().unwrap_or_default();
            style_bytes += text.len();
            check_numbers(text, Within::Style, "a style sheet")?;
        }
    }
    if style_bytes > STYLE_MAX_BYTES {
        return Err(wrong(&format!(
            "has style sheets of {style_bytes} bytes; expected at most {STYLE_MAX_BYTES}"
        )));
    }
    let options = Options {
        image_href_resolver: ImageHrefResolver {
            resolve_data: Box::new(|_, _, _| None),
            resolve_string: Box::new(|_, _| None),
        },
        ..Options::default()
    };
    let tree = Tree::from_xmltree(&document, &options)
        .map_err(|error| wrong(&format!("cannot be drawn: {error}")))?;
    Costs::default().count(tree.root(), 0)?;
    let size = tree.size();
    #[expect(clippy::cast_precision_loss, reason = "a small number")]
    let side = KEPT_SIDE_MAX_PIXELS as f32;
    let scale = side / size.width().max(size.height());
    let pixels = |length: f32| {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "rounded, and between 1 and the largest side"
        )]
        let pixels = (length * scale).round().clamp(1.0, side) as u32;
        pixels
    };
    let mut pixmap = Pixmap::new(pixels(size.width()), pixels(size.height()))
        .ok_or(PictureError::Unavailable)?;
    resvg::render(
        &tree,
        Transform::from_scale(scale, scale),
        &mut pixmap.as_mut(),
    );
    let (width, height) = (pixmap.width(), pixmap.height());
    RgbaImage::from_raw(width, height, pixmap.take_demultiplied()).ok_or(PictureError::Unavailable)
}

/// Programs that draw begin their files with the name of a document type, which says nothing. One that declares
/// something stays, and is refused where it is read.
fn without_doctype(text: &str) -> Cow<'_, str> {
    const BEGIN: &str = "<!DOCTYPE";
    let Some((before, behind)) = text.split_once(BEGIN) else {
        return Cow::Borrowed(text);
    };
    match behind.split_once('>') {
        Some((named, rest)) if !named.contains('[') => Cow::Owned(format!("{before}{rest}")),
        _ => Cow::Borrowed(text),
    }
}

fn check_numbers(text: &str, within: Within, place: &str) -> Result<(), PictureError> {
    match numbers::wrong_one(text, within) {
        None => Ok(()),
        Some(number) => Err(wrong(&format!(
            "has the number {number} in {place}; {}",
            numbers::EXPECTED
        ))),
    }
}

fn wrong(what: &str) -> PictureError {
    PictureError::Vector(what.to_owned())
}

#[cfg(test)]
mod tests;
