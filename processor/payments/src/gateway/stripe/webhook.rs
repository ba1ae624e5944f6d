//! Stripe's notices: their signature, and what they are about.
//!
//! `Stripe-Signature: t=SECONDS,v1=HEX,…`, where each `v1` is HMAC-SHA-256 over `SECONDS.BODY` by a secret;
//! while a secret is exchanged there are two. Other schemes are passed over.

use hmac::{Hmac, KeyInit, Mac};
use http::HeaderMap;
use onsale_settings::Secret;
use serde::Deserialize;
use sha2::Sha256;
use uuid::Uuid;

use crate::gateway::{NOTICE_MAX_BYTES, Notice, WebhookError};

/// The header of the signature.
pub const SIGNATURE_HEADER: &str = "stripe-signature";
/// How far the time of a signature may be from now, in seconds.
pub const TOLERANCE_S: u64 = 300;
/// Longest header that is looked at, in bytes.
const HEADER_MAX_BYTES: usize = 2_048;
/// Most signatures that are looked at: each costs a hash of the body.
const SIGNATURES_MAX: usize = 4;
/// Longest id and kind that are taken over, in bytes.
const WORD_MAX_BYTES: usize = 255;
const FORM: &str = "t=SECONDS,v1=64 hexadecimal digits";

/// The signature of a body, as the header has it after `v1=`. `None` where the secret is of no use as a key.
pub fn sign(secret: &Secret, at_s: u64, body: &[u8]) -> Option<String> {
    let digest = mac(secret, at_s, body)?.finalize().into_bytes();
    Some(digest.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn mac(secret: &Secret, at_s: u64, body: &[u8]) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes()).ok()?;
    mac.update(at_s.to_string().as_bytes());
    mac.update(b".");
    mac.update(body);
    Some(mac)
}

/// Whether one of the secrets has signed the body, not long ago, and what it is about.
///
/// # Errors
/// [`WebhookError`].
pub(super) fn verify(
    secrets: &[Secret],
    headers: &HeaderMap,
    body: &[u8],
    now_ms: u64,
) -> Result<Notice, WebhookError> {
    if body.len() > NOTICE_MAX_BYTES {
        return Err(WebhookError::TooLarge(body.len()));
    }
    let mut given = headers.get_all(SIGNATURE_HEADER).iter();
    let (Some(header), None) = (given.next(), given.next()) else {
        return Err(WebhookError::Header("Stripe-Signature"));
    };
    let form = WebhookError::Form {
        header: "Stripe-Signature",
        expected: FORM,
    };
    let header = match header.to_str() {
        Ok(text) if text.len() <= HEADER_MAX_BYTES => text,
        _ => return Err(form),
    };
    let (at_s, signatures) = parsed(header).ok_or(form)?;
    // The signature before the time: who has no secret learns nothing of our clock.
    let is_right = secrets.iter().any(|secret| {
        signatures.iter().any(|signature| {
            mac(secret, at_s, body).is_some_and(|mac| mac.verify_slice(signature).is_ok())
        })
    });
    if !is_right {
        return Err(WebhookError::Signature);
    }
    let off_s = at_s.abs_diff(now_ms / 1_000);
    if off_s > TOLERANCE_S {
        return Err(WebhookError::Time {
            off_s,
            tolerance_s: TOLERANCE_S,
        });
    }
    notice(body)
}

/// The time and the signatures of a header; `None` where it is not of its form.
fn parsed(header: &str) -> Option<(u64, Vec<[u8; 32]>)> {
    let mut at_s = None;
    let mut signatures = Vec::new();
    for part in header.split(',') {
        match part.trim().split_once('=')? {
            // The digits are signed as they stand, so only one spelling of them is taken.
            ("t", digits)
                if at_s.is_none()
                    && !digits.is_empty()
                    && digits.len() <= 12
                    && digits.bytes().all(|byte| byte.is_ascii_digit())
                    && (digits == "0" || !digits.starts_with('0')) =>
            {
                at_s = Some(digits.parse().ok()?);
            }
            ("t", _) => return None,
            ("v1", digits) if signatures.len() < SIGNATURES_MAX => {
                signatures.push(unhex(digits)?);
            }
            _ => {}
        }
    }
    Some((at_s?, signatures)).filter(|(_, signatures)| !signatures.is_empty())
}

fn unhex(digits: &str) -> Option<[u8; 32]> {
    let digits = digits.as_bytes();
    if digits.len() != 64 {
        return None;
    }
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let digit = |at: usize| char::from(pair[at]).to_digit(16);
        *byte = u8::try_from(digit(0)? * 16 + digit(1)?).ok()?;
    }
    Some(bytes)
}

#[derive(Deserialize)]
struct Event {
    id: String,
    #[serde(rename = "type")]
    kind: String,
    created: u64,
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    object: Object,
}

#[derive(Deserialize)]
struct Object {
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    object: Option<String>,
    #[serde(default)]
    payment_intent: Option<serde_json::Value>,
    #[serde(default)]
    metadata: Option<serde_json::Map<String, serde_json::Value>>,
}

fn notice(body: &[u8]) -> Result<Notice, WebhookError> {
    let event: Event = serde_json::from_slice(body).map_err(|_| {
        WebhookError::Body(
            "expected JSON with id, type, created and data.object, as Stripe's events have",
        )
    })?;
    if !is_word(&event.id) || !is_word(&event.kind) {
        return Err(WebhookError::Body(
            "id and type are to be 1 to 255 visible ASCII characters",
        ));
    }
    let object = event.data.object;
    let own = object.id.filter(|id| is_word(id));
    let intent = object
        .payment_intent
        .as_ref()
        .and_then(|intent| intent.as_str().or_else(|| intent.get("id")?.as_str()))
        .filter(|id| is_word(id))
        .map(str::to_owned);
    let (about, refund, dispute) = match object.object.as_deref() {
        Some("payment_intent" | "checkout.session") => (own, None, None),
        Some("refund") => (intent, own, None),
        Some("dispute") => (intent, None, own),
        _ => (intent, None, None),
    };
    let payment = object
        .metadata
        .as_ref()
        .and_then(|metadata| metadata.get("payment")?.as_str())
        .and_then(|text| Uuid::parse_str(text).ok());
    Ok(Notice {
        event_id: event.id,
        kind: event.kind,
        object: about,
        payment,
        refund,
        dispute,
        created_at_ms: event.created.saturating_mul(1_000),
    })
}

fn is_word(text: &str) -> bool {
    (1..=WORD_MAX_BYTES).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_MS: u64 = 1_700_000_000_000;
    const NOW_S: u64 = NOW_MS / 1_000;
    const BODY: &[u8] = br#"{"id":"evt_1","type":"payment_intent.succeeded","created":1700000000,
        "data":{"object":{"id":"pi_1","object":"payment_intent","metadata":{}}}}"#;

    fn headers(values: &[String]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(SIGNATURE_HEADER, value.parse().unwrap());
        }
        headers
    }

    fn seen(header: &str, body: &[u8], secrets: &[&str]) -> Result<Notice, WebhookError> {
        let secrets: Vec<_> = secrets.iter().map(|text| Secret::new(*text)).collect();
        verify(&secrets, &headers(&[header.to_owned()]), body, NOW_MS)
    }

    fn signed(secret: &str, at_s: u64, body: &[u8]) -> String {
        sign(&Secret::new(secret), at_s, body).unwrap()
    }

    #[test]
    fn a_signature_is_as_the_documented_scheme_computes_it() {
        // By `printf '1492774577.{}' | openssl dgst -sha256 -hmac whsec_test`.
        assert_eq!(
            signed("whsec_test", 1_492_774_577, b"{}"),
            "0d0602f6611bd2252dd4b74b58a4528355a7380639a15e6cc21e3059d56d5b8b"
        );
    }

    #[test]
    fn one_of_two_secrets_and_one_of_several_signatures_is_enough() {
        let new = signed("new", NOW_S, BODY);
        let old = signed("old", NOW_S, BODY);
        let zero = "0".repeat(64);
        for (header, secrets, is_right) in [
            (format!("t={NOW_S},v1={new}"), &["new"][..], true),
            (format!("t={NOW_S},v1={new}"), &["old", "new"], true),
            (format!("t={NOW_S},v1={old}"), &["new", "old"], true),
            (format!("t={NOW_S},v1={zero},v1={new}"), &["new"], true),
            (format!("v1={new},v0=abc,t={NOW_S}"), &["new"], true),
            (format!("t={NOW_S},v1={new}"), &["other"], false),
            (format!("t={NOW_S},v1={new}"), &[], false),
            (format!("t={},v1={new}", NOW_S + 1), &["new"], false),
            (format!("t={NOW_S},v1={zero}"), &["new"], false),
        ] {
            let seen = seen(&header, BODY, secrets);
            if is_right {
                assert_eq!(seen.unwrap().event_id, "evt_1", "{header}");
            } else {
                assert_eq!(seen, Err(WebhookError::Signature), "{header}");
            }
        }
        let header = format!("t={NOW_S},v1={new}");
        assert_eq!(
            seen(&header, &BODY[1..], &["new"]),
            Err(WebhookError::Signature)
        );
    }

    #[test]
    fn a_header_of_another_form_is_refused() {
        let right = signed("s", NOW_S, BODY);
        for header in [
            String::new(),
            "t".to_owned(),
            format!("v1={right}"),
            format!("t={NOW_S}"),
            format!("t={NOW_S},v0={right}"),
            format!("t=0{NOW_S},v1={right}"),
            format!("t=-{NOW_S},v1={right}"),
            format!("t={NOW_S}.0,v1={right}"),
            format!("t=,v1={right}"),
            format!("t=9999999999999999999999,v1={right}"),
            format!("t={NOW_S},t={NOW_S},v1={right}"),
            format!("t={NOW_S},v1={}", &right[1..]),
            format!("t={NOW_S},v1=g{}", &right[1..]),
            format!("t={NOW_S},v1={right},{}", "a=b,".repeat(1_000)),
        ] {
            assert!(
                matches!(seen(&header, BODY, &["s"]), Err(WebhookError::Form { .. })),
                "{header}"
            );
        }
        let secrets = [Secret::new("s")];
        let one = format!("t={NOW_S},v1={right}");
        for given in [vec![], vec![one.clone(), one]] {
            assert_eq!(
                verify(&secrets, &headers(&given), BODY, NOW_MS),
                Err(WebhookError::Header("Stripe-Signature"))
            );
        }
    }

    #[test]
    fn a_signature_is_good_for_five_minutes_either_way() {
        for (at_s, is_right) in [
            (NOW_S - 300, true),
            (NOW_S + 300, true),
            (NOW_S - 301, false),
            (NOW_S + 301, false),
            (0, false),
        ] {
            let header = format!("t={at_s},v1={}", signed("s", at_s, BODY));
            let seen = seen(&header, BODY, &["s"]);
            assert_eq!(seen.is_ok(), is_right, "{at_s}: {seen:?}");
            if !is_right {
                let off_s = at_s.abs_diff(NOW_S);
                let tolerance_s = TOLERANCE_S;
                assert_eq!(seen, Err(WebhookError::Time { off_s, tolerance_s }));
            }
        }
    }

    #[test]
    fn what_it_is_about_is_taken_from_the_object() {
        let payment = Uuid::from_u128(7);
        let of = |object: &str| {
            let body = format!(
                r#"{{"id":"evt_1","type":"any.kind","created":5,"data":{{"object":{object}}}}}"#
            );
            let header = format!("t={NOW_S},v1={}", signed("s", NOW_S, body.as_bytes()));
            let notice = seen(&header, body.as_bytes(), &["s"]).unwrap();
            assert_eq!(notice.created_at_ms, 5_000);
            (notice.object, notice.payment, notice.refund, notice.dispute)
        };
        let some = |text: &str| Some(text.to_owned());
        for (object, about) in [
            (
                format!(
                    r#"{{"id":"cs_1","object":"checkout.session","metadata":{{"payment":"{payment}"}}}}"#
                ),
                (some("cs_1"), Some(payment), None, None),
            ),
            (
                r#"{"id":"re_1","object":"refund","payment_intent":"pi_1","metadata":null}"#
                    .to_owned(),
                (some("pi_1"), None, some("re_1"), None),
            ),
            (
                r#"{"id":"du_1","object":"dispute","payment_intent":{"id":"pi_2"}}"#.to_owned(),
                (some("pi_2"), None, None, some("du_1")),
            ),
            (
                r#"{"id":"cus_1","object":"customer","metadata":{"payment":"x"}}"#.to_owned(),
                (None, None, None, None),
            ),
            (
                r#"{"id":"pi_\u0000","object":"payment_intent","metadata":{"payment":5}}"#
                    .to_owned(),
                (None, None, None, None),
            ),
            ("{}".to_owned(), (None, None, None, None)),
        ] {
            assert_eq!(of(&object), about, "{object}");
        }
    }

    #[test]
    fn what_is_signed_and_no_event_is_refused_too() {
        let many = " ".repeat(NOTICE_MAX_BYTES + 1);
        let long = format!(
            r#"{{"id":"{}","type":"a","created":1,"data":{{"object":{{}}}}}}"#,
            "e".repeat(256)
        );
        for body in ["", "[]", "{}", "\u{feff}{}", &long, &many] {
            let header = format!("t={NOW_S},v1={}", signed("s", NOW_S, body.as_bytes()));
            let seen = seen(&header, body.as_bytes(), &["s"]);
            let is_right = match seen {
                Err(WebhookError::TooLarge(bytes)) => bytes == NOTICE_MAX_BYTES + 1,
                Err(WebhookError::Body(_)) => body.len() <= NOTICE_MAX_BYTES,
                _ => false,
            };
            assert!(is_right, "{seen:?}");
        }
    }
}
