//! Which passwords are refused.
//!
//! Length is what matters, so there is no rule about kinds of characters. What is refused is what is
//! tried first: the passwords and words of known leaks, these in their usual disguises, what fingers run along on a
//! keyboard, few characters over and over, and the person's own address and name.

use onsale_private::Private;
use unicode_normalization::UnicodeNormalization;

use super::list::{COMMON, FAMOUS, RUNS, is_leaked};
use crate::email::Email;

/// Fewest characters of a password.
pub const PASSWORD_MIN_CHARS: usize = 8;
/// Most bytes of a password.
pub const PASSWORD_MAX_BYTES: usize = 1_024;
/// Fewest characters that differ.
const DISTINCT_MIN: usize = 5;
/// Shortest part of a run that counts as one.
const RUN_MIN_CHARS: usize = 3;
/// Characters that may stand around a common word or a run without making it any better.
const AROUND_MAX_CHARS: usize = 6;
/// As above, around what the person is called: the rest may be anything that is short.
const AROUND_OWN_MAX_CHARS: usize = 4;
/// Shortest part of an address or a name that is looked for.
const OWN_MIN_CHARS: usize = 4;

/// Why a password is refused. Nothing of it is said again.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Weakness {
    /// It has too few characters.
    #[error("at least {PASSWORD_MIN_CHARS} characters")]
    Short,
    /// It has too many bytes.
    #[error("at most {PASSWORD_MAX_BYTES} bytes")]
    Long,
    /// The same few characters over and over.
    #[error("more than a few different characters")]
    Repetitive,
    /// What fingers run along, or what counts up or down.
    #[error("something that does not follow the keyboard, the alphabet or the numbers")]
    Run,
    /// A leaked password, or a word that they are made of.
    #[error("something that is not among the best known passwords")]
    Common,
    /// The person's own address or name.
    #[error("something that is not your address or name")]
    Own,
}

/// Why a password of the person with this address and name is refused, if it is.
pub fn weakness(
    password: &Private,
    email: Option<&Email>,
    name: Option<&Private>,
) -> Option<Weakness> {
    let text = password.expose();
    if text.len() > PASSWORD_MAX_BYTES {
        return Some(Weakness::Long);
    }
    if text.chars().count() < PASSWORD_MIN_CHARS {
        return Some(Weakness::Short);
    }
    let whole = text.nfkc().collect::<String>().to_lowercase();
    let folded: Vec<char> = whole.chars().collect();
    if distinct(&folded) < DISTINCT_MIN {
        return Some(Weakness::Repetitive);
    }
    if is_run(&folded) {
        return Some(Weakness::Run);
    }
    if is_leaked(&whole) || is_common(&folded) {
        return Some(Weakness::Common);
    }
    is_own(&folded, email, name).then_some(Weakness::Own)
}

fn distinct(text: &[char]) -> usize {
    let mut chars = text.to_vec();
    chars.sort_unstable();
    chars.dedup();
    chars.len()
}

/// Whether a text is made of runs but for a few characters.
fn is_run(text: &[char]) -> bool {
    let mut others = 0;
    let mut at = 0;
    while at < text.len() {
        let length = longest_run(&text[at..]);
        if length >= RUN_MIN_CHARS {
            at += length;
        } else {
            others += 1;
            at += 1;
        }
    }
    others < RUN_MIN_CHARS && others < text.len() / 2
}

/// The length of the longest run that a text begins with.
fn longest_run(text: &[char]) -> usize {
    let same = text.iter().take_while(|c| Some(*c) == text.first()).count();
    RUNS.iter()
        .flat_map(|run| {
            let forwards: Vec<char> = run.chars().collect();
            let backwards: Vec<char> = run.chars().rev().collect();
            [forwards, backwards]
        })
        .map(|run| {
            (0..run.len())
                .map(|from| common_prefix(text, &run[from..]))
                .max()
                .unwrap_or(0)
        })
        .chain([same])
        .max()
        .unwrap_or(0)
}

fn common_prefix(one: &[char], other: &[char]) -> usize {
    one.iter().zip(other).take_while(|(a, b)| a == b).count()
}

fn is_common(text: &[char]) -> bool {
    let bare: String = text
        .iter()
        .filter(|c| c.is_alphanumeric() || **c == '_')
        .collect();
    if FAMOUS.contains(&bare.as_str()) {
        return true;
    }
    // What stands around a word, and what stands in it for its letters.
    let is_letter = |c: &char| c.is_alphabetic();
    let from = text.iter().position(is_letter);
    let until = text.iter().rposition(is_letter);
    let Some((from, until)) = from.zip(until) else {
        // Digits and signs alone, which are no run: a date or a number, if they are few.
        return text.len() <= PASSWORD_MIN_CHARS + 2 && text.iter().all(char::is_ascii_digit);
    };
    let around = text.len() - (until + 1 - from);
    if around > AROUND_MAX_CHARS {
        return false;
    }
    // A sign at an end may be either: the `$` of `pa$$` or an ornament.
    [&text[from..=until], text].into_iter().any(|part| {
        ['i', 'l'].into_iter().any(|one| {
            let word: String = part.iter().filter_map(|c| undisguised(*c, one)).collect();
            is_made_of_common(&word)
        })
    })
}

/// The letter that a character stands for; `None` for one that separates.
fn undisguised(c: char, one: char) -> Option<char> {
    match c {
        '0' => Some('o'),
        '1' | '!' | '|' => Some(one),
        '3' | '€' => Some('e'),
        '4' | '@' => Some('a'),
        '5' | '$' => Some('s'),
        '7' | '+' => Some('t'),
        '8' => Some('b'),
        '9' => Some('g'),
        other if other.is_alphanumeric() => Some(other),
        _ => None,
    }
}

/// One common word, or two one after the other.
fn is_made_of_common(word: &str) -> bool {
    if COMMON.contains(&word) {
        return true;
    }
    COMMON.iter().any(|first| {
        word.strip_prefix(first)
            .is_some_and(|rest| COMMON.contains(&rest))
    })
}

fn is_own(text: &[char], email: Option<&Email>, name: Option<&Private>) -> bool {
    let text: String = text.iter().collect();
    let mut own: Vec<String> = Vec::new();
    if let Some(email) = email {
        own.push(email.folded().expose().to_owned());
        own.push(email.local().to_owned());
    }
    if let Some(name) = name {
        let name: String = name.expose().nfkc().collect::<String>().to_lowercase();
        own.extend(name.split_whitespace().map(str::to_owned));
        own.push(name.split_whitespace().collect());
        own.push(name);
    }
    own.iter()
        .filter(|own| own.chars().count() >= OWN_MIN_CHARS)
        .any(|own| {
            text.contains(own.as_str())
                && text.chars().count() - own.chars().count() <= AROUND_OWN_MAX_CHARS
        })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn found(password: &str) -> Option<Weakness> {
        let email = Email::parse(&Private::new("somchai.jaidee@example.test")).unwrap();
        let name = Private::new("Somchai Jaidee");
        weakness(&Private::new(password), Some(&email), Some(&name))
    }

    #[test]
    fn what_is_tried_first_is_refused() {
        for (password, why) in [
            ("", Weakness::Short),
            ("k7#Qz2!", Weakness::Short),
            ("aaaaaaaaaa", Weakness::Repetitive),
            ("abababababab", Weakness::Repetitive),
            ("12345678", Weakness::Run),
            ("0987654321", Weakness::Run),
            ("qwertyuiop", Weakness::Run),
            ("QwErTy123456", Weakness::Run),
            ("1q2w3e4r5t", Weakness::Run),
            ("abcdefgh1", Weakness::Run),
            ("asdfghjkl;", Weakness::Run),
            ("19840516", Weakness::Common),
            ("password", Weakness::Common),
            ("Password1!", Weakness::Common),
            ("P@ssw0rd2024", Weakness::Common),
            ("pa$$word", Weakness::Common),
            ("Welcome123", Weakness::Common),
            ("letmein!!", Weakness::Common),
            ("iloveyou2", Weakness::Common),
            ("!dragon99!", Weakness::Common),
            ("summer2026!", Weakness::Common),
            ("onsale-ticket", Weakness::Common),
            ("adminadmin", Weakness::Common),
            ("correct horse battery staple", Weakness::Common),
            ("Abracadabra", Weakness::Common),
            ("cm6e7aumn9", Weakness::Common),
            ("YellowCard", Weakness::Common),
            ("somchai.jaidee@example.test", Weakness::Own),
            ("Somchai1!", Weakness::Own),
            ("somchaijaidee", Weakness::Own),
        ] {
            assert_eq!(found(password), Some(why), "{password}");
        }
        let long = "k7#Qz2!w".repeat(PASSWORD_MAX_BYTES / 8 + 1);
        assert_eq!(found(&long), Some(Weakness::Long));
    }

    #[test]
    fn what_nobody_would_try_is_not() {
        for password in [
            "k7#Qz2!w",
            "a long and winding road",
            "Tr4vel-Light-By-Night",
            "vintage-otter-lantern",
            "ไก่จิกเด็กตายบนปากโอ่ง",
            "monkey-93847562",
            "8f14e45fceea167a",
            "my dragon ate four passwords",
        ] {
            assert_eq!(found(password), None, "{password}");
        }
    }

    #[test]
    fn a_refusal_says_nothing_of_the_password() {
        let text = Weakness::Common.to_string();
        assert!(!text.contains("password1"), "{text}");
    }

    #[test]
    fn the_list_is_as_the_rules_read_it() {
        for word in COMMON {
            assert!(word.chars().all(|c| c.is_ascii_lowercase()), "{word}");
        }
        for word in FAMOUS {
            assert!(
                !word.chars().any(|c| c.is_uppercase() || c.is_whitespace()),
                "{word}"
            );
        }
    }

    proptest! {
        #[test]
        fn any_text_is_judged(password in ".{0,80}") {
            let _judged = found(&password);
        }

        #[test]
        fn common_words_are_refused_in_capitals_and_with_digits(
            word in prop::sample::select(COMMON),
            digits in "[0-9]{0,4}",
            capitals in any::<u32>(),
        ) {
            let word: String = word
                .chars()
                .enumerate()
                .map(|(at, c)| if capitals >> (at % 32) & 1 == 1 { c.to_ascii_uppercase() } else { c })
                .collect();
            let weak = weakness(&Private::new(format!("{word}{digits}")), None, None);
            prop_assert!(weak.is_some());
        }

        #[test]
        fn random_passwords_pass(password in "[a-zA-Z0-9]{20}") {
            prop_assert_eq!(weakness(&Private::new(password), None, None), None);
        }
    }
}
