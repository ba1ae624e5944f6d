//! Elements and their attributes, compared where the file is read.

use resvg::usvg::roxmltree::{Attribute, Node};

use super::{SVG, check_numbers, wrong};
use crate::numbers::Within;
use crate::picture::PictureError;

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

/// Namespaces whose attributes are taken for those of SVG.
const TAKEN_FOR_SVG: [&str; 3] = [
    SVG,
    "http://www.w3.org/1999/xlink",
    "http://www.w3.org/XML/1998/namespace",
];

pub(super) fn check(node: Node<'_, '_>) -> Result<(), PictureError> {
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

/// A name of the file, as long as it is said back.
fn shortened(name: &str) -> String {
    name.chars().take(NAME_SAID_MAX_CHARS).collect()
}
