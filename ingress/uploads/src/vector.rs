//! Vector images (SVG), drawn into pixels: nothing of their text is kept.
//!
//! Only shapes and gradients are drawn. What fetches, repeats or filters is refused with its name: it may
//! cost far more than the size of the file, or look elsewhere. So may dashes, segments of paths, and layers
//! within layers (what is clipped or transparent as a whole), which are counted before anything is drawn; and
//! numbers, before anything is computed from them. The names are compared where the file is read, and what they
//! stand for once more where it is about to be drawn. What costs much all the same ends with the process that
//! reads it.

use std::borrow::Cow;

use image::RgbaImage;
use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg::roxmltree::{Attribute, Document, Node, ParsingOptions};
use resvg::usvg::{
    ClipPath, Fill, Group, ImageHrefResolver, Node as Drawn, Options, Paint, Path, Stroke, Tree,
};

use crate::numbers::{self, Within};
use crate::picture::{KEPT_SIDE_MAX_PIXELS, PictureError};

/// Most elements, texts and comments.
const NODES_MAX: u32 = 5_000;
/// Longest text of style sheets, in bytes: each of its rules is compared with each element.
const STYLE_MAX_BYTES: usize = 16_384;
/// Most layers: each is drawn on a surface of its own, of up to 25 times the pixels of the image.
const LAYERS_MAX: usize = 64;
/// Most layers within one another, which take memory at the same time.
const LAYERS_WITHIN_MAX: usize = 4;
/// Most segments of all paths, those of a clip for each time that it is used: what is drawn grows by their
/// square where they cross.
const SEGMENTS_MAX: usize = 20_000;
/// Most elements within one another.
const DEPTH_MAX: usize = 40;
/// Most pictures (`svg`) within one another: in each, lengths may be a multiple of those outside.
const PICTURES_WITHIN_MAX: usize = 4;
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
/// Longest name that is said back.
const NAME_SAID_MAX_CHARS: usize = 40;
const SVG: &str = "http://www.w3.org/2000/svg";
/// Namespaces whose attributes are taken for those of SVG.
const TAKEN_FOR_SVG: [&str; 3] = [
    SVG,
    "http://www.w3.org/1999/xlink",
    "http://www.w3.org/XML/1998/namespace",
];

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

/// Counts what layers and paths cost, before they do.
#[derive(Default)]
struct Costs {
    layers: usize,
    segments: usize,
}

impl Costs {
    /// Refuses a group, within this many layers, that would cost too much.
    fn count(&mut self, group: &Group, within: usize) -> Result<(), PictureError> {
        if !group.filters().is_empty() {
            return Err(wrong("has filters: turn what they do into shapes"));
        }
        if group.mask().is_some() {
            return Err(wrong("has masks: turn what they leave into shapes"));
        }
        let within = if group.should_isolate() {
            self.one_more(within)?
        } else {
            within
        };
        if let Some(clip) = group.clip_path() {
            self.count_clip(clip, within)?;
        }
        for child in group.children() {
            match child {
                Drawn::Group(group) => self.count(group, within)?,
                Drawn::Path(path) => self.count_path(path)?,
                Drawn::Image(_) | Drawn::Text(_) => {
                    return Err(wrong("has images or texts: turn them into shapes"));
                }
            }
        }
        Ok(())
    }

    fn count_path(&mut self, path: &Path) -> Result<(), PictureError> {
        let stroke = path.stroke();
        if stroke.is_some_and(|stroke| stroke.dasharray().is_some()) {
            return Err(wrong("has dashed lines: turn them into shapes"));
        }
        let paints = [path.fill().map(Fill::paint), stroke.map(Stroke::paint)];
        let is_pattern = |paint: &Paint| matches!(paint, Paint::Pattern(_));
        if paints.into_iter().flatten().any(is_pattern) {
            return Err(wrong("has patterns: turn them into shapes"));
        }
        self.segments += path.data().len();
        if self.segments > SEGMENTS_MAX {
            return Err(wrong(&format!(
                "has more than {SEGMENTS_MAX} segments of lines and curves, those of a clip counted each time \
                 that it is used; expected fewer: simplify its shapes"
            )));
        }
        Ok(())
    }

    fn count_clip(&mut self, clip: &ClipPath, within: usize) -> Result<(), PictureError> {
        let within = self.one_more(within)?;
        self.count(clip.root(), within)?;
        match clip.clip_path() {
            Some(next) => self.count_clip(next, within),
            None => Ok(()),
        }
    }

    fn one_more(&mut self, within: usize) -> Result<usize, PictureError> {
        self.layers += 1;
        if self.layers > LAYERS_MAX || within >= LAYERS_WITHIN_MAX {
            return Err(wrong(
                "has too much that is clipped or transparent as a whole: at most 64, and 4 within one another",
            ));
        }
        Ok(within + 1)
    }
}

fn check(node: Node<'_, '_>) -> Result<(), PictureError> {
    if !node.is_element() {
        return Ok(());
    }
    if node.ancestors().take(DEPTH_MAX + 2).count() > DEPTH_MAX + 1 {
        return Err(wrong("has elements that stand too deep within one another"));
    }
    let tag = node.tag_name();
    // Editors write down their own things in their own namespaces; those are not drawn. What has none is.
    if !matches!(tag.namespace(), None | Some(SVG)) {
        return Ok(());
    }
    let name = tag.name();
    if !ELEMENTS.contains(&name) {
        return Err(wrong(&format!(
            "has an element {:?}; shapes and gradients alone are drawn: turn texts, copies, images, masks and \
             filters into shapes",
            shortened(name)
        )));
    }
    let pictures = || node.ancestors().filter(|of| of.has_tag_name("svg")).count();
    if name == "svg" && pictures() > PICTURES_WITHIN_MAX {
        return Err(wrong(&format!(
            "has elements \"svg\" within one another; expected at most {PICTURES_WITHIN_MAX}"
        )));
    }
    let of_element = if node.parent_element().is_some() {
        Within::Element
    } else {
        Within::Root
    };
    for attribute in node.attributes() {
        let (name, value) = (attribute.name(), attribute.value());
        if name == "href" && !value.starts_with('#') {
            return Err(wrong("refers to something outside of itself"));
        }
        let within = if name == "style" {
            Within::Style
        } else {
            of_element
        };
        if name == "style" || has_numbers(&attribute) {
            check_numbers(
                value,
                within,
                &format!("the attribute {:?}", shortened(name)),
            )?;
        }
    }
    Ok(())
}

/// Whether numbers of an attribute may be lengths. Those that editors added for themselves, and those with
/// names, are not.
fn has_numbers(attribute: &Attribute<'_, '_>) -> bool {
    let name = attribute.name();
    let is_read = attribute
        .namespace()
        .is_none_or(|of| TAKEN_FOR_SVG.contains(&of));
    let is_named = matches!(name, "id" | "class" | "href" | "lang")
        || name.starts_with("data-")
        || name.starts_with("aria-");
    is_read && !is_named
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

/// A name of the file, as long as it is said back.
fn shortened(name: &str) -> String {
    name.chars().take(NAME_SAID_MAX_CHARS).collect()
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
            ("<x:use xmlns:x=\"http://www.w3.org/2000/svg\"/>", "use"),
            (
                "<rect width=\"9\" height=\"9\" filter=\"blur(3)\"/>",
                "filters",
            ),
            (
                "<rect width=\"9\" height=\"9\" style=\"filter:blur(3)\"/>",
                "filters",
            ),
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
    fn elements_without_a_namespace_are_drawn_and_so_compared() {
        let bare = |content: &str| {
            let text = format!(
                "<!--<svg--><s:svg xmlns:s=\"{SVG}\" width=\"10\" height=\"10\">{content}</s:svg>"
            );
            assert!(is_one(text.as_bytes()));
            drawn(text.as_bytes()).map_err(|error| error.to_string())
        };
        let square = "<rect width=\"10\" height=\"10\" fill=\"#ff0000\"/>";
        let pixels = bare(square).unwrap();
        assert_eq!(pixels.get_pixel(100, 100).0, [255, 0, 0, 255]);
        for (content, named) in [
            (
                "<filter id=\"f\"><feTurbulence baseFrequency=\"0.5\" numOctaves=\"2000000000\"/></filter>\
                 <rect width=\"10\" height=\"10\" filter=\"url(#f)\"/>",
                "filter",
            ),
            ("<g id=\"a\"/><use href=\"#a\"/>", "use"),
            ("<mask id=\"m\"/>", "mask"),
            ("<pattern id=\"p\"/>", "pattern"),
            ("<circle r=\"1e37\"/>", "1e37"),
            ("<style>rect{stroke-width:1e9}</style>", "1e9"),
        ] {
            let text = bare(content).unwrap_err();
            assert!(text.contains(named), "{content}: {text}");
        }
    }

    #[test]
    fn numbers_of_which_shapes_would_be_computed_without_end_are_refused() {
        for (content, named) in [
            (
                "<path d=\"M0 0A1e70 1e70 0 1 1 1e70 1e70\"/>",
                "1e70 in the attribute \"d\"",
            ),
            (
                "<path d=\"M0 0A1e30 1e30 0 1 1 1e30 1e30\"/>",
                "at most 1000000",
            ),
            ("<circle r=\"1e37\"/>", "1e37 in the attribute \"r\""),
            ("<circle xlink:r=\"1e37\"/>", "1e37"),
            ("<circle r=\"1000000em\"/>", "1000000em"),
            ("<ellipse rx=\"1e37\" ry=\"1\"/>", "\"rx\""),
            (
                "<rect width=\"1e38\" height=\"1e38\" rx=\"1e37\"/>",
                "\"width\"",
            ),
            ("<svg width=\"100000%\"/>", "100000%"),
            (
                "<rect style=\"transform:scale(1e9)\"/>",
                "in the attribute \"style\"",
            ),
            ("<style>g{transform:scale(1e9)}</style>", "in a style sheet"),
            (
                "<x:style xmlns:x=\"y\">g{transform:scale(1e9)}</x:style>",
                "in a style sheet",
            ),
        ] {
            let text = why(content);
            assert!(text.contains(named), "{content}: {text}");
        }
        let (open, close) = ("<svg width=\"1000%\">".repeat(4), "</svg>".repeat(4));
        assert!(why(&format!("{open}{close}")).contains("\"svg\" within one another"));
        // Names are none, and icons are as large as a letter.
        let text = svg(
            "<style>.path12345678{fill:#12345678}</style><g id=\"layer1e9\" class=\"path12345678\" \
             data-name=\"9999999\"><rect width=\"100%\" height=\"9\" fill=\"#99999999\"/></g>",
        );
        let text = text.replace(
            "width=\"200\" height=\"100\"",
            "width=\"1em\" height=\"1em\"",
        );
        assert!(drawn(text.as_bytes()).is_ok());
    }

    #[test]
    fn segments_are_counted_before_they_are_drawn() {
        let zigzag = |count: usize| format!("<path d=\"M0 0{}\"/>", "L9 9L0 9".repeat(count / 2));
        assert!(drawn(svg(&zigzag(1_000)).as_bytes()).is_ok());
        assert!(why(&zigzag(30_000)).contains("more than 20000 segments"));
        // Each time that a clip is used.
        let clip = format!("<clipPath id=\"c\">{}</clipPath>", zigzag(2_000));
        let used = "<g clip-path=\"url(#c)\"><rect width=\"9\" height=\"9\"/></g>";
        assert!(drawn(svg(&format!("{clip}{used}")).as_bytes()).is_ok());
        let text = why(&format!("{clip}{}", used.repeat(12)));
        assert!(text.contains("segments"), "{text}");
    }

    #[test]
    fn what_would_cost_too_much_is_refused() {
        let deep = "<g>".repeat(1_000) + &"</g>".repeat(1_000);
        assert!(why(&deep).contains("too deep"));
        let many = "<g/>".repeat(30_000);
        assert!(why(&many).contains("no XML that is read"));
        let rules = format!("<style>{}</style>", "a{b:c}".repeat(3_000));
        assert!(why(&rules).contains("style sheets"));
        let dashed = "<path d=\"M0 0H1e5\" stroke=\"red\" stroke-dasharray=\"0.001\"/>";
        assert!(why(dashed).contains("dashed"), "{}", why(dashed));
        let styled = format!("<style>path{{stroke-dasharray:0.001}}</style>{dashed}");
        assert!(why(&styled).contains("dashed"));
        let square = "<rect width=\"9\" height=\"9\"/>";
        let layer = format!("<g opacity=\"0.5\">{square}{square}</g>");
        assert!(drawn(svg(&layer).as_bytes()).is_ok());
        assert!(why(&layer.repeat(100)).contains("too much"));
        let (open, close) = ("<g opacity=\"0.5\">".repeat(6), "</g>".repeat(6));
        assert!(why(&format!("{open}{square}{square}{close}")).contains("too much"));
        let clips: String = (0..6)
            .map(|at| {
                let next = at + 1;
                format!("<clipPath id=\"c{at}\" clip-path=\"url(#c{next})\">{square}</clipPath>")
            })
            .collect();
        let clipped = format!("{clips}<g clip-path=\"url(#c0)\">{square}</g>");
        assert!(why(&clipped).contains("too much"), "{}", why(&clipped));
    }

    #[test]
    fn entities_are_not_expanded_and_nothing_outside_is_looked_at() {
        let inside = "<!DOCTYPE svg [<!ENTITY a \"aaaa\"><!ENTITY b \"&a;&a;&a;&a;\">]>";
        let outside = "<!DOCTYPE svg [<!ENTITY a SYSTEM \"file:///etc/passwd\">]>";
        let named = "<!DOCTYPE svg PUBLIC \"x\" \"http://127.0.0.1:1/x.dtd\">";
        for entities in [inside, outside, named] {
            let text = format!("{entities}{}", svg("&a;"));
            let refused = drawn(text.as_bytes()).unwrap_err().to_string();
            assert!(refused.contains("no XML"), "{entities}: {refused}");
        }
        let usual = "<!DOCTYPE svg PUBLIC \"-//W3C//DTD SVG 1.1//EN\" \
                     \"http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd\">";
        let text =
            svg("<rect width=\"9\" height=\"9\"/>").replace("?><svg", &format!("?>{usual}<svg"));
        assert!(
            text.contains(usual) && drawn(text.as_bytes()).is_ok(),
            "as drawing programs write it"
        );
        for content in [
            "<rect width=\"9\" height=\"9\" fill=\"url(http://127.0.0.1:1/x#g)\"/>",
            "<style>@import url(http://127.0.0.1:1/x.css); rect{fill:url(file:///etc/passwd)}</style>\
             <rect width=\"9\" height=\"9\"/>",
            "<rect width=\"9\" height=\"9\" onclick=\"alert(1)\"/>",
        ] {
            // It is drawn without them, or not at all.
            if let Ok(pixels) = drawn(svg(content).as_bytes()) {
                assert_eq!(pixels.dimensions(), (512, 256), "{content}");
            }
        }
    }

    #[test]
    fn what_is_no_text_or_is_cut_off_is_refused() {
        assert!(drawn(b"<svg \xff").is_err());
        let whole = svg("<rect width=\"9\" height=\"9\"/>");
        for length in 0..whole.len() {
            assert!(drawn(&whole.as_bytes()[..length]).is_err(), "{length}");
        }
        // Compressed ones are not unpacked.
        assert!(!is_one(b"\x1f\x8b\x08 <svg"));
    }

    #[test]
    fn the_largest_size_is_drawn_as_any_other() {
        let text = svg("<rect width=\"1e6\" height=\"1e6\"/>")
            .replace("width=\"200\" height=\"100\"", "width=\"1e6\" height=\"1\"");
        let pixels = drawn(text.as_bytes()).unwrap();
        assert_eq!(pixels.dimensions(), (512, 1));
    }
}
