//! Descriptions: CommonMark, of which paragraphs, headings, lists, quotes, code, emphasis, rules and links to the web
//! and to addresses of e-mail are shown. HTML within is shown as the text that it is, and of a picture its description.
//! What is written here is written by this module alone, so nothing else can come out.

use pulldown_cmark::{Event, HeadingLevel, Options, Parser, Tag, TagEnd};

/// Largest rendered description, in bytes: 25 times what most are, however long each link is.
pub(crate) const HTML_MAX_BYTES: usize = 262_144;
/// Elements within each other; what lies deeper is shown without its own.
const DEPTH_MAX: usize = 16;
/// Beginnings of addresses that a link may have.
const LINKS: [&str; 3] = ["https://", "http://", "mailto:"];

/// A description as HTML; `None` where that is above [`HTML_MAX_BYTES`].
pub(crate) fn to_html(markdown: &str) -> Option<String> {
    let mut html = String::with_capacity(markdown.len() + markdown.len() / 4);
    // What ends each element that is open, where it has one.
    let mut open: Vec<Option<&'static str>> = Vec::new();
    for event in Parser::new_ext(markdown, Options::ENABLE_STRIKETHROUGH) {
        match event {
            Event::Start(tag) => {
                let end = (open.len() < DEPTH_MAX).then(|| begin(&tag, &mut html));
                open.push(end.flatten());
            }
            Event::End(_) => {
                if let Some(end) = open.pop().flatten() {
                    html.push_str(end);
                }
            }
            Event::Text(text) | Event::Html(text) | Event::InlineHtml(text) => {
                escape(&text, &mut html);
            }
            Event::Code(text) => {
                html.push_str("<code>");
                escape(&text, &mut html);
                html.push_str("</code>");
            }
            Event::SoftBreak => html.push('\n'),
            Event::HardBreak => html.push_str("<br>\n"),
            Event::Rule => html.push_str("<hr>\n"),
            // Of extensions that are not asked for.
            Event::InlineMath(text) | Event::DisplayMath(text) | Event::FootnoteReference(text) => {
                escape(&text, &mut html);
            }
            Event::TaskListMarker(_) => {}
        }
        if html.len() > HTML_MAX_BYTES {
            return None;
        }
    }
    Some(html)
}

/// A description as plain text: a line for each paragraph, heading and item, nothing of what marks them.
pub(crate) fn to_text(markdown: &str) -> String {
    let mut text = String::with_capacity(markdown.len());
    for event in Parser::new_ext(markdown, Options::ENABLE_STRIKETHROUGH) {
        match event {
            Event::Text(part)
            | Event::Code(part)
            | Event::Html(part)
            | Event::InlineHtml(part)
            | Event::InlineMath(part)
            | Event::DisplayMath(part)
            | Event::FootnoteReference(part) => text.push_str(&part),
            Event::SoftBreak => text.push(' '),
            // What is a block begins on a line of its own.
            Event::HardBreak
            | Event::Rule
            | Event::Start(Tag::Item)
            | Event::End(
                TagEnd::Paragraph
                | TagEnd::Heading(_)
                | TagEnd::Item
                | TagEnd::CodeBlock
                | TagEnd::HtmlBlock,
            ) if !text.is_empty() && !text.ends_with('\n') => text.push('\n'),
            _ => {}
        }
    }
    text.truncate(text.trim_end().len());
    text
}

/// Writes the beginning of an element; its end, where it has one.
fn begin(tag: &Tag<'_>, html: &mut String) -> Option<&'static str> {
    let (begin, end) = match tag {
        Tag::Paragraph => ("<p>", "</p>\n"),
        // The page has headings of its own above these.
        Tag::Heading { level, .. } => match level {
            HeadingLevel::H1 => ("<h3>", "</h3>\n"),
            HeadingLevel::H2 => ("<h4>", "</h4>\n"),
            HeadingLevel::H3 => ("<h5>", "</h5>\n"),
            HeadingLevel::H4 | HeadingLevel::H5 | HeadingLevel::H6 => ("<h6>", "</h6>\n"),
        },
        Tag::BlockQuote(_) => ("<blockquote>\n", "</blockquote>\n"),
        Tag::CodeBlock(_) => ("<pre><code>", "</code></pre>\n"),
        Tag::List(None) => ("<ul>\n", "</ul>\n"),
        Tag::List(Some(first)) => {
            html.push_str(&format!("<ol start=\"{first}\">\n"));
            ("", "</ol>\n")
        }
        Tag::Item => ("<li>", "</li>\n"),
        Tag::Emphasis => ("<em>", "</em>"),
        Tag::Strong => ("<strong>", "</strong>"),
        Tag::Strikethrough => ("<del>", "</del>"),
        Tag::Link { dest_url, .. } if is_link(dest_url) => {
            html.push_str("<a href=\"");
            escape(dest_url, html);
            html.push_str("\" rel=\"nofollow noopener\">");
            ("", "</a>")
        }
        _ => return None,
    };
    html.push_str(begin);
    Some(end)
}

/// Whether a link leads to where links may lead.
fn is_link(address: &str) -> bool {
    LINKS.iter().any(|begin| {
        address
            .get(..begin.len())
            .is_some_and(|found| found.eq_ignore_ascii_case(begin))
    })
}

/// A text, within an element or an attribute.
fn escape(text: &str, html: &mut String) {
    for char in text.chars() {
        match char {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            other => html.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_what_may_be_shown() {
        for (markdown, html) in [
            (
                "Hello *you* & **all**",
                "<p>Hello <em>you</em> &amp; <strong>all</strong></p>\n",
            ),
            ("# One\n\n## Two", "<h3>One</h3>\n<h4>Two</h4>\n"),
            (
                "3. a\n4. b",
                "<ol start=\"3\">\n<li>a</li>\n<li>b</li>\n</ol>\n",
            ),
            ("- a", "<ul>\n<li>a</li>\n</ul>\n"),
            ("`<b>`", "<p><code>&lt;b&gt;</code></p>\n"),
            ("> q", "<blockquote>\n<p>q</p>\n</blockquote>\n"),
            ("~~old~~", "<p><del>old</del></p>\n"),
            (
                "[site](https://a.example/?a=1&b=\"x)",
                "<p><a href=\"https://a.example/?a=1&amp;b=&quot;x\" rel=\"nofollow noopener\">site</a></p>\n",
            ),
            ("[x](javascript:alert(1))", "<p>x</p>\n"),
            ("[x](JaVaScRiPt&#58;alert(1))", "<p>x</p>\n"),
            ("[x](data:text/html,a)", "<p>x</p>\n"),
            ("[x](/relative)", "<p>x</p>\n"),
            (
                "![a picture](https://a.example/x.png)",
                "<p>a picture</p>\n",
            ),
            ("a <b>bold</b>", "<p>a &lt;b&gt;bold&lt;/b&gt;</p>\n"),
            ("", ""),
        ] {
            assert_eq!(to_html(markdown).as_deref(), Some(html), "{markdown}");
        }
        let script = to_html("<script>alert(1)</script>\n\n<img src=x onerror=alert(1)>").unwrap();
        for tag in ["<script", "<img"] {
            assert!(!script.contains(tag), "{script}");
        }
    }

    #[test]
    fn a_text_has_nothing_of_what_marks_it() {
        for (markdown, text) in [
            ("Eine *Oper* & **mehr**", "Eine Oper & mehr"),
            ("# One\n\nTwo\nlines", "One\nTwo lines"),
            ("- a\n- b\n\n---\n> q", "a\nb\nq"),
            ("1. a\n   - b", "a\nb"),
            ("[site](https://a.example) ![seen](x.png)", "site seen"),
            ("`<b>` ~~old~~  \nnew", "<b> old\nnew"),
            ("    code\n\nafter", "code\nafter"),
            ("", ""),
        ] {
            assert_eq!(to_text(markdown), text, "{markdown}");
        }
    }

    #[test]
    fn nothing_grows_without_bound() {
        // A long address that many links share.
        let many = format!(
            "[a]: https://a.example/{}\n\n{}",
            "&".repeat(4_000),
            "[a]".repeat(1_900)
        );
        if let Some(html) = to_html(&many) {
            assert!(html.len() <= HTML_MAX_BYTES);
        }
        let deep = to_html(&format!("{}x", "> ".repeat(4_000))).unwrap();
        assert_eq!(deep.matches("<blockquote>").count(), DEPTH_MAX);
        assert_eq!(deep.matches("</blockquote>").count(), DEPTH_MAX);
        assert!(deep.contains('x'));
    }
}
