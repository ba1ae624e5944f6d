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
    let text = svg("<rect width=\"9\" height=\"9\"/>").replace("?><svg", &format!("?>{usual}<svg"));
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
