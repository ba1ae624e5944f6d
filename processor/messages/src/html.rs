//! The page of a mail that is about a tenant, in the tenant's colours and with its logo. It says what the text of
//! the mail says and nothing else, and loads nothing: the logo comes along.

use bytes::Bytes;
use onsale_store::branding::{Colors, Logo};

use crate::texts::{Language, Text};

/// What the page calls the part with the logo.
pub(crate) const LOGO_CONTENT_ID: &str = "logo";
/// Largest height and width at which a logo is shown, in pixels.
const SHOWN_HEIGHT_MAX_PIXELS: u32 = 80;
const SHOWN_WIDTH_MAX_PIXELS: u32 = 320;
/// Where a tenant says nothing of its colours.
const ACCENT: &str = "#1a1a1a";
const ACCENT_TEXT: &str = "#ffffff";

/// How a tenant looks in a mail.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Look {
    /// Its name.
    pub(crate) name: String,
    pub(crate) colors: Option<Colors>,
    /// With its file, a PNG.
    pub(crate) logo: Option<(Logo, Bytes)>,
}

impl Look {
    /// Whether there is anything to see.
    pub(crate) fn is_plain(&self) -> bool {
        self.colors.is_none() && self.logo.is_none()
    }
}

/// The page of a text in a language, in which the address `url` stands on a line of its own: there the page has a
/// button that says `label`.
pub(crate) fn page(language: Language, text: &Text, url: &str, label: &str, look: &Look) -> String {
    let colors = look.colors.as_ref();
    let color = |of: fn(&Colors) -> &str, otherwise| color(colors.map(of), otherwise);
    let accent = color(|colors| &colors.accent, ACCENT);
    let accent_text = color(|colors| &colors.accent_text, ACCENT_TEXT);
    let background = color(|colors| &colors.background, "#ffffff");
    let of_text = color(|colors| &colors.text, "#1a1a1a");
    let paragraphs: String = text
        .body
        .split("\n\n")
        .map(str::trim)
        .filter(|paragraph| !paragraph.is_empty())
        .map(|paragraph| {
            let shown = escaped(paragraph);
            if paragraph == url {
                // People see where it leads, and can copy it where a button does nothing.
                format!(
                    "<p><a href=\"{shown}\" style=\"display:inline-block;padding:12px 20px;\
                     border-radius:4px;background-color:{accent};color:{accent_text};\
                     text-decoration:none\">{}</a></p>\n\
                     <p style=\"font-size:12px;word-break:break-all\">{shown}</p>\n",
                    escaped(label)
                )
            } else {
                format!("<p>{shown}</p>\n")
            }
        })
        .collect();
    let logo = look
        .logo
        .as_ref()
        .map(|(logo, _)| logo_of(*logo, &look.name));
    format!(
        "<!DOCTYPE html>\n<html lang=\"{}\">\n<head><meta charset=\"utf-8\"><title>{}</title></head>\n\
         <body style=\"margin:0;padding:24px;background-color:{background};color:{of_text};\
         font-family:sans-serif;line-height:1.5\">\n\
         <div style=\"max-width:36em;margin:0 auto;padding-top:16px;border-top:6px solid {accent}\">\n\
         {paragraphs}{}</div>\n</body>\n</html>\n",
        language.tag(),
        escaped(&text.subject),
        logo.unwrap_or_default(),
    )
}

fn logo_of(logo: Logo, name: &str) -> String {
    let (width, height) = shown_size(logo.width, logo.height);
    format!(
        "<p><img src=\"cid:{LOGO_CONTENT_ID}\" alt=\"{}\" width=\"{width}\" height=\"{height}\"></p>\n",
        escaped(name)
    )
}

/// As large as there is room for, and no larger than it is.
fn shown_size(width: u32, height: u32) -> (u32, u32) {
    let (width, height) = (u64::from(width.max(1)), u64::from(height.max(1)));
    let (width_max, height_max) = (
        u64::from(SHOWN_WIDTH_MAX_PIXELS),
        u64::from(SHOWN_HEIGHT_MAX_PIXELS),
    );
    let (shown_width, shown_height) = if width <= width_max && height <= height_max {
        (width, height)
    } else if width * height_max > height * width_max {
        (width_max, height * width_max / width)
    } else {
        (width * height_max / height, height_max)
    };
    let whole = |pixels: u64| u32::try_from(pixels.max(1)).unwrap_or(1);
    (whole(shown_width), whole(shown_height))
}

/// A colour as it was checked when it was said; anything else may have been put there by hand.
fn color<'a>(said: Option<&'a str>, otherwise: &'a str) -> &'a str {
    let is_color = |text: &&str| {
        let digits = text.strip_prefix('#');
        digits.is_some_and(|digits| {
            digits.len() == 6 && digits.bytes().all(|digit| digit.is_ascii_hexdigit())
        })
    };
    said.filter(is_color).unwrap_or(otherwise)
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use onsale_schemas::MemberRole;
    use uuid::Uuid;

    use super::*;
    use crate::texts;

    const URL: &str = "https://tickets.example.test/invitation#token=ost_x";
    const LINK: texts::Link<'static> = texts::Link {
        url: URL,
        left_ms: 60_000,
    };

    fn look(accent: &str) -> Look {
        Look {
            name: "<b>\"Opera\"</b>".to_owned(),
            colors: Some(Colors {
                background: "#fffff0".to_owned(),
                text: "#101010".to_owned(),
                accent: accent.to_owned(),
                accent_text: "#fefefe".to_owned(),
            }),
            logo: Some((
                Logo {
                    logo_id: Uuid::nil(),
                    width: 512,
                    height: 256,
                },
                Bytes::from_static(b"png"),
            )),
        }
    }

    #[test]
    fn a_page_has_the_text_the_link_the_colours_and_the_logo() {
        for language in [Language::English, Language::Thai] {
            let text = texts::invitation(language, "Tickets", "<i>O", MemberRole::Owner, LINK);
            let label = texts::accept(language);
            let page = page(language, &text, URL, label, &look("#8b0000"));
            assert!(page.contains(&format!(">{label}</a>")), "{page}");
            assert!(page.contains(&format!(">{URL}</p>")), "{page}");
            assert_eq!(
                page.matches(&format!("href=\"{URL}\"")).count(),
                1,
                "{page}"
            );
            for what in [
                "#8b0000",
                "#fefefe",
                "#fffff0",
                "#101010",
                "Tickets",
                "&lt;i&gt;O",
            ] {
                assert!(page.contains(what), "{what}: {page}");
            }
            assert!(page.contains("src=\"cid:logo\" alt=\"&lt;b&gt;&quot;Opera&quot;&lt;/b&gt;\""));
            assert!(page.contains("width=\"160\" height=\"80\""), "{page}");
            assert!(page.contains(&format!("<html lang=\"{}\">", language.tag())));
            // Nothing is loaded, and nothing is the tenant's own markup.
            assert!(!page.contains("<i>") && !page.contains("<b>"), "{page}");
            assert_eq!(page.matches("://").count(), 2, "the link alone: {page}");
        }
    }

    #[test]
    fn what_is_no_colour_is_not_written_into_a_page() {
        let text = texts::invitation(Language::English, "T", "O", MemberRole::Owner, LINK);
        for wrong in [
            "red;background:url(https://x)",
            "\"><script>",
            "#12345g",
            "",
        ] {
            let page = page(Language::English, &text, URL, "Go", &look(wrong));
            assert!(page.contains("background-color:#1a1a1a"), "{page}");
            assert!(wrong.is_empty() || !page.contains(wrong), "{page}");
        }
    }

    #[test]
    fn logos_are_shown_at_a_size_that_mails_have_room_for() {
        for (size, shown) in [
            ((512, 256), (160, 80)),
            ((512, 1), (320, 1)),
            ((1, 512), (1, 80)),
            ((64, 64), (64, 64)),
            ((0, 0), (1, 1)),
            ((512, 512), (80, 80)),
        ] {
            assert_eq!(shown_size(size.0, size.1), shown, "{size:?}");
        }
    }
}
