//! What a tenant may say of itself, and whether its texts can be read on its colours.

use std::fmt;

use onsale_private::Private;
use onsale_store::branding::{Branding, Colors};
use url::Url;

use crate::email::Email;
use crate::error::AccountError;
use crate::fields::{is_text, phone};

/// Longest address of a tenant's own pages, in bytes.
pub const WEBSITE_MAX_BYTES: usize = 2_048;
/// Longest imprint, in characters.
pub const IMPRINT_MAX_CHARS: usize = 2_000;
/// Longest terms, in characters.
pub const TERMS_MAX_CHARS: usize = 20_000;
/// Lowest contrast of a text with what is behind it: level AA of WCAG 2 (1.4.3), for texts of every size.
pub const CONTRAST_MIN: Contrast = Contrast { hundredths: 450 };

/// The contrast of two colours (WCAG 2, "contrast ratio"): from 1:1 to 21:1, to the hundredth below.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Contrast {
    hundredths: u32,
}

impl Contrast {
    /// What it is to one.
    pub fn to_one(self) -> f64 {
        f64::from(self.hundredths) / 100.0
    }
}

impl fmt::Display for Contrast {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:1", self.to_one())
    }
}

/// A colour.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Color([u8; 3]);

impl Color {
    /// Of `#rrggbb`.
    fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('#')?;
        if digits.len() != 6 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return None;
        }
        let part = |at: usize| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok();
        Some(Self([part(0)?, part(2)?, part(4)?]))
    }

    /// How much light it gives (WCAG 2, "relative luminance"): 0 is black, 1 is white.
    fn luminance(self) -> f64 {
        let [red, green, blue] = self.0.map(|part| {
            let part = f64::from(part) / 255.0;
            if part <= 0.040_45 {
                part / 12.92
            } else {
                ((part + 0.055) / 1.055).powf(2.4)
            }
        });
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }

    fn contrast(self, other: Self) -> Contrast {
        let (one, other) = (self.luminance(), other.luminance());
        let ratio = (one.max(other) + 0.05) / (one.min(other) + 0.05);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between 100 and 2,100"
        )]
        let hundredths = (ratio * 100.0).floor() as u32;
        Contrast { hundredths }
    }
}

impl fmt::Display for Color {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [red, green, blue] = self.0;
        write!(f, "#{red:02x}{green:02x}{blue:02x}")
    }
}

/// What a tenant says of itself, as it is kept.
///
/// # Errors
/// [`AccountError::Invalid`], [`AccountError::InvalidValue`] and [`AccountError::Contrast`].
pub(crate) fn checked(said: &Branding) -> Result<Branding, AccountError> {
    Ok(Branding {
        colors: said.colors.as_ref().map(colors).transpose()?,
        contact_email: said.contact_email.as_deref().map(email).transpose()?,
        contact_phone: said.contact_phone.as_deref().map(telephone).transpose()?,
        website: said.website.as_deref().map(website).transpose()?,
        imprint: said.imprint.as_deref().map(imprint).transpose()?,
        terms: said.terms.as_deref().map(terms).transpose()?,
    })
}

fn colors(said: &Colors) -> Result<Colors, AccountError> {
    let color = |field, text: &str| {
        Color::parse(text).ok_or_else(|| AccountError::InvalidValue {
            field,
            value: text.to_owned(),
            expected: "a colour as #rrggbb",
        })
    };
    let background = color("colors.background", &said.background)?;
    let text = color("colors.text", &said.text)?;
    let accent = color("colors.accent", &said.accent)?;
    let accent_text = color("colors.accent_text", &said.accent_text)?;
    for (name, of_text, behind, background) in [
        ("colors.text", text, "colors.background", background),
        ("colors.accent_text", accent_text, "colors.accent", accent),
    ] {
        let found = of_text.contrast(background);
        if found < CONTRAST_MIN {
            return Err(AccountError::Contrast {
                text: name,
                background: behind,
                found,
            });
        }
    }
    Ok(Colors {
        background: background.to_string(),
        text: text.to_string(),
        accent: accent.to_string(),
        accent_text: accent_text.to_string(),
    })
}

fn email(text: &str) -> Result<String, AccountError> {
    let email = Email::parse(&Private::new(text)).ok_or(AccountError::Invalid {
        field: "contact.email",
        expected: "an e-mail address, as tickets@example.test",
    })?;
    Ok(email.written().expose().to_owned())
}

fn telephone(text: &str) -> Result<String, AccountError> {
    let number = phone(&Private::new(text)).map_err(|error| match error {
        AccountError::Invalid { expected, .. } => AccountError::Invalid {
            field: "contact.phone",
            expected,
        },
        other => other,
    })?;
    Ok(number.into_exposed())
}

/// An address that a page may link to: one that runs a script is none.
fn website(text: &str) -> Result<String, AccountError> {
    let url = Url::parse(text.trim()).ok().filter(|url| {
        let is_plain = url.username().is_empty() && url.password().is_none();
        matches!(url.scheme(), "https" | "http") && url.has_host() && is_plain
    });
    let website = url.map(String::from);
    let website = website.filter(|website| website.len() <= WEBSITE_MAX_BYTES);
    website.ok_or_else(|| AccountError::InvalidValue {
        field: "contact.website",
        value: text.to_owned(),
        expected: "an address of pages, as https://opera.example.test",
    })
}

fn imprint(text: &str) -> Result<String, AccountError> {
    if is_text(text, IMPRINT_MAX_CHARS) {
        Ok(text.trim().to_owned())
    } else {
        Err(AccountError::Invalid {
            field: "imprint",
            expected: "1 to 2000 characters",
        })
    }
}

fn terms(text: &str) -> Result<String, AccountError> {
    if is_text(text, TERMS_MAX_CHARS) {
        Ok(text.trim().to_owned())
    } else {
        Err(AccountError::Invalid {
            field: "terms",
            expected: "1 to 20000 characters",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contrast(one: &str, other: &str) -> String {
        let color = |text| Color::parse(text).unwrap();
        let there = color(one).contrast(color(other));
        assert_eq!(there, color(other).contrast(color(one)), "either way");
        there.to_string()
    }

    #[test]
    fn contrasts_are_those_of_the_recommendation() {
        assert_eq!(contrast("#000000", "#ffffff"), "21:1");
        assert_eq!(contrast("#123456", "#123456"), "1:1");
        // The greys on either side of the bound, as every checker has them.
        assert_eq!(contrast("#767676", "#ffffff"), "4.54:1");
        assert_eq!(contrast("#777777", "#ffffff"), "4.47:1");
        assert_eq!(contrast("#ff0000", "#ffffff"), "3.99:1");
        assert_eq!(contrast("#0000ff", "#ffffff"), "8.59:1");
    }

    fn with_colors(background: &str, text: &str, accent: &str, accent_text: &str) -> Branding {
        Branding {
            colors: Some(Colors {
                background: background.to_owned(),
                text: text.to_owned(),
                accent: accent.to_owned(),
                accent_text: accent_text.to_owned(),
            }),
            ..Branding::default()
        }
    }

    #[test]
    fn texts_that_cannot_be_read_are_refused_with_what_was_found_and_what_is_needed() {
        let kept = checked(&with_colors("#FFFFFF", "#767676", "#000000", "#FFFFFF")).unwrap();
        assert_eq!(
            kept,
            with_colors("#ffffff", "#767676", "#000000", "#ffffff")
        );
        let refused = |branding: &Branding| checked(branding).unwrap_err().to_string();
        assert_eq!(
            refused(&with_colors("#ffffff", "#777777", "#000000", "#ffffff")),
            "colors.text on colors.background has a contrast of 4.47:1; expected at least 4.5:1"
        );
        assert_eq!(
            refused(&with_colors("#ffffff", "#000000", "#ff0000", "#ffffff")),
            "colors.accent_text on colors.accent has a contrast of 3.99:1; expected at least 4.5:1"
        );
        for wrong in ["", "red", "#fff", "ffffff", "#12345g", "#1234567", "#€€"] {
            let error = refused(&with_colors("#ffffff", wrong, "#000000", "#ffffff"));
            let said = format!("colors.text: {wrong:?}; expected a colour as #rrggbb");
            assert_eq!(error, said);
        }
    }

    #[test]
    fn a_page_may_link_to_pages_alone() {
        let kept = |text: &str| website(text).ok();
        assert_eq!(
            kept("https://opera.example"),
            Some("https://opera.example/".to_owned())
        );
        assert_eq!(
            kept(" http://opera.example/a?b "),
            Some("http://opera.example/a?b".to_owned())
        );
        for wrong in [
            "",
            "opera.example",
            "javascript:alert(1)",
            "data:text/html,x",
            "file:///etc/passwd",
            "https://user:word@opera.example",
            "mailto:a@opera.example",
            &format!("https://opera.example/{}", "x".repeat(WEBSITE_MAX_BYTES)),
        ] {
            assert_eq!(kept(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn texts_have_lines_and_a_length() {
        let said = Branding {
            contact_email: Some("Tickets@opera.example".to_owned()),
            contact_phone: Some("+66 2 123 4567".to_owned()),
            imprint: Some(" Opera Ltd.\nBangkok\n".to_owned()),
            terms: Some("x".repeat(TERMS_MAX_CHARS)),
            ..Branding::default()
        };
        let kept = checked(&said).unwrap();
        assert_eq!(kept.contact_phone.as_deref(), Some("+6621234567"));
        assert_eq!(kept.imprint.as_deref(), Some("Opera Ltd.\nBangkok"));
        for (wrong, field) in [
            (
                Branding {
                    contact_email: Some("x".to_owned()),
                    ..Branding::default()
                },
                "contact.email",
            ),
            (
                Branding {
                    contact_phone: Some("12".to_owned()),
                    ..Branding::default()
                },
                "contact.phone",
            ),
            (
                Branding {
                    imprint: Some(" \n".to_owned()),
                    ..Branding::default()
                },
                "imprint",
            ),
            (
                Branding {
                    imprint: Some("a\u{202e}b".to_owned()),
                    ..Branding::default()
                },
                "imprint",
            ),
            (
                Branding {
                    terms: Some("x".repeat(TERMS_MAX_CHARS + 1)),
                    ..Branding::default()
                },
                "terms",
            ),
        ] {
            let error = checked(&wrong).unwrap_err().to_string();
            assert!(error.starts_with(&format!("{field}: expected")), "{error}");
        }
    }
}
