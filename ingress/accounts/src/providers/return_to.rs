//! Where a browser goes after it has signed in: to a path of these pages, and nowhere else.

/// Longest path, in bytes.
pub const RETURN_TO_MAX_BYTES: usize = 512;

/// The path, where it is one: relative to the host, so that no link to us leads to others. Browsers read `\`
/// as `/`, and leave out tabs and line breaks. Without a fragment: the answer stands there.
pub(crate) fn return_to(text: &str) -> Option<&str> {
    let is_path = text.starts_with('/')
        && !text.starts_with("//")
        && text.len() <= RETURN_TO_MAX_BYTES
        && text
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b'\\' && byte != b'#');
    is_path.then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_of_this_host_are_returned_to() {
        for right in ["/", "/shows/1?zone=2&x=%2F", "/a//b", "/@evil.example"] {
            assert_eq!(return_to(right), Some(right));
        }
        let long = format!("/{}", "x".repeat(RETURN_TO_MAX_BYTES));
        for wrong in [
            "",
            "shows",
            "//evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "/\t/evil.example",
            "/\n/evil.example",
            " //evil.example",
            "https://evil.example",
            "javascript:alert(1)",
            "/a#b",
            "/ä",
            &long,
        ] {
            assert_eq!(return_to(wrong), None, "{wrong:?}");
        }
    }
}
