//! Vector images (SVG), drawn into pixels: nothing of their text is kept.
//!
//! Only shapes and gradients are drawn. What fetches, repeats or filters is refused with its name: it may
//! cost far more than the size of the file, or look elsewhere.

use image::RgbaImage;
use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::roxmltree::{Document, Node, ParsingOptions};
use resvg::usvg::{ImageHrefResolver, Options, Tree};

use crate::picture::{KEPT_SIDE_MAX_PIXELS, PictureError};

/// Most elements, texts and comments.
const NODES_MAX: u32 = 20_000;
/// Most elements within one another.
const DEPTH_MAX: usize = 40;
/// What is drawn, and what describes it.
const ELEMENTS: [&str; 18] = [
    "svg",
    "g",
    "defs",
    "title",
    "desc",
    "metadata",
    "style",
    "path",
    "rect",
    "circle",
    "ellipse",
    "line",
    "polyline",
    "polygon",
    "linearGradient",
    "radialGradient",
    "stop",
    "clipPath",
];
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
    let document = Document::parse_with_options(text, parsing)
        .map_err(|error| wrong(&format!("is no XML that is read: {error}")))?;
    for node in document.descendants() {
        check(node)?;
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
    resvg::render(&tree, Transform::from_scale(scale, scale), &mut pixmap.as_mut());
    let (width, height) = (pixmap.width(), pixmap.height());
    RgbaImage::from_raw(width, height, pixmap.take_demultiplied()).ok_or(PictureError::Unavailable)
}

fn check(node: Node<'_, '_>) -> Result<(), PictureError> {
    if !node.is_element() {
        return Ok(());
    }
    if node.ancestors().take(DEPTH_MAX + 2).count() > DEPTH_MAX + 1 {
        return Err(wrong("has elements that stand too deep within one another"));
    }
    let tag = node.tag_name();
    // Editors write down their own things in their own namespaces; those are not drawn.
    if tag.namespace() != Some(SVG) {
        return Ok(());
    }
    if !ELEMENTS.contains(&tag.name()) {
        let name: String = tag.name().chars().take(40).collect();
        return Err(wrong(&format!(
            "has an element {name:?}; shapes and gradients alone are drawn: turn texts, copies, \
             images, masks and filters into shapes"
        )));
    }
    let leads_away = |attribute: &resvg::usvg::roxmltree::Attribute<'_, '_>| {
        attribute.name() == "href" && !attribute.value().starts_with('#')
    };
    if node.attributes().any(|attribute| leads_away(&attribute)) {
        return Err(wrong("refers to something outside of itself"));
    }
    Ok(())
}

fn wrong(what: &str) -> PictureError {
    PictureError::Vector(what.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn svg(content: &str) -> String {
        format!(
            "<?xml version=\"1.0\"?><svg xmlns=\"{SVG}\" xmlns:xlink=\"http://www.w3.org/1999/xlink\" \
             width=\"200\" height=\"100\">{content}</svg>"
        )
    }

    fn why(content: &str) -> String {
        drawn(svg(content).as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn shapes_and_gradients_are_drawn() {
        let text = svg(
            "<style>.a{fill:#00ff00}</style><defs><linearGradient id=\"g\"><stop offset=\"0\" \
             stop-color=\"red\"/></linearGradient></defs><rect class=\"a\" width=\"200\" height=\"100\"/>\
             <circle cx=\"50\" cy=\"50\" r=\"20\" fill=\"url(#g)\"/>",
        );
        assert!(is_one(text.as_bytes()));
        let pixels = drawn(text.as_bytes()).unwrap();
        assert_eq!(pixels.dimensions(), (512, 256));
        assert_eq!(pixels.get_pixel(400, 200).0, [0, 255, 0, 255]);
        assert_eq!(pixels.get_pixel(128, 128).0, [255, 0, 0, 255]);
    }

    #[test]
    fn what_fetches_repeats_or_runs_is_refused_by_name() {
        for (content, named) in [
            ("<script>alert(1)</script>", "script"),
            ("<image xlink:href=\"file:///etc/passwd\"/>", "image"),
            ("<use xlink:href=\"#a\"/>", "use"),
            ("<foreignObject/>", "foreignObject"),
            ("<filter id=\"f\"/>", "filter"),
            ("<text>Opera</text>", "text"),
            (
                "<linearGradient xlink:href=\"http://example.test/x\"/>",
                "outside",
            ),
        ] {
            let text = why(content);
            assert!(text.contains(named), "{content}: {text}");
        }
    }

    #[test]
    fn what_would_cost_too_much_is_refused() {
        let deep = "<g>".repeat(5_000) + &"</g>".repeat(5_000);
        assert!(why(&deep).contains("too deep"));
        let many = "<g/>".repeat(30_000);
        assert!(why(&many).contains("no XML that is read"));
        let entities = "<!DOCTYPE svg [<!ENTITY a \"aaaa\">]>".to_owned() + &svg("&a;");
        let refused = drawn(entities.as_bytes()).unwrap_err().to_string();
        assert!(refused.contains("no XML"), "{refused}");
    }

    #[test]
    fn a_size_beyond_measure_is_drawn_as_any_other() {
        let text = svg("<rect width=\"1e30\" height=\"1e30\"/>")
            .replace("width=\"200\" height=\"100\"", "width=\"1e9\" height=\"1\"");
        let pixels = drawn(text.as_bytes()).unwrap();
        assert_eq!(pixels.dimensions(), (512, 1));
    }
}
