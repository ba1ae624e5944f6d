//! Reads what a token of a provider says of a person (OpenID Connect Core 1.0, 3.1.3.7).

use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation};
use onsale_private::Private;
use serde::Deserialize;

use super::Subject;
use super::error::ProviderError;

/// Algorithms that are taken: public keys alone, so that what everybody knows signs nothing.
pub(super) const ALGORITHMS: [Algorithm; 7] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];
/// Longest token that is looked at, in bytes.
const TOKEN_MAX_BYTES: usize = 16_384;
/// Longest subject, in bytes (OpenID Connect Core 1.0, 2).
const SUBJECT_MAX_BYTES: usize = 255;
/// Tolerated difference of clocks, in seconds.
const LEEWAY_SECONDS: u64 = 60;
/// A token is fetched when it is made, so an older one is not ours, in seconds.
const AGE_MAX_SECONDS: u64 = 600;

/// What a token has to say to be for a sign-in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Expected<'a> {
    pub(super) issuer: &'a str,
    pub(super) client_id: &'a str,
    pub(super) nonce: &'a str,
    pub(super) now_ms: u64,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: Private,
    aud: Audience,
    exp: u64,
    iat: u64,
    nbf: Option<u64>,
    nonce: Option<String>,
    azp: Option<String>,
    email: Option<Private>,
    email_verified: Option<Flag>,
    name: Option<Private>,
    /// Google: the organization that has the address.
    hd: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

/// Some providers write it as a text.
#[derive(Deserialize)]
#[serde(untagged)]
enum Flag {
    Flag(bool),
    Text(String),
}

impl Flag {
    fn is_true(&self) -> bool {
        match self {
            Self::Flag(flag) => *flag,
            Self::Text(text) => text == "true",
        }
    }
}

/// The head of a token whose form and algorithm are taken; its key is looked for next.
///
/// # Errors
/// [`ProviderError::Token`].
pub(super) fn head(token: &Private) -> Result<Header, ProviderError> {
    let bytes = token.expose().as_bytes();
    if bytes.len() > TOKEN_MAX_BYTES {
        return Err(ProviderError::Token("it is too long"));
    }
    onsale_auth::check_compact(bytes).map_err(|_| ProviderError::Token("it has another form"))?;
    let head = jsonwebtoken::decode_header(bytes)
        .map_err(|_| ProviderError::Token("its head is none, or names no known algorithm"))?;
    if !ALGORITHMS.contains(&head.alg) {
        return Err(ProviderError::Token("its algorithm is not taken"));
    }
    Ok(head)
}

/// What a token says, signed by `key`.
///
/// # Errors
/// [`ProviderError::Token`].
pub(super) fn read(
    token: &Private,
    head: &Header,
    key: &DecodingKey,
    expected: Expected<'_>,
) -> Result<Subject, ProviderError> {
    let mut validation = Validation::new(head.alg);
    validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    validation.set_issuer(&[expected.issuer]);
    validation.set_audience(&[expected.client_id]);
    // By the clock of the caller, below.
    validation.validate_exp = false;
    validation.validate_nbf = false;
    let claims = jsonwebtoken::decode::<Claims>(token.expose(), key, &validation)
        .map_err(|_| ProviderError::Token("signature, issuer or audience are wrong"))?
        .claims;
    checked(claims, expected)
}

fn checked(claims: Claims, expected: Expected<'_>) -> Result<Subject, ProviderError> {
    let wrong = |what| Err(ProviderError::Token(what));
    let now_seconds = expected.now_ms / 1_000;
    if claims.iss != expected.issuer {
        return wrong("it is of another issuer");
    }
    // For us alone: a token for several is in the hands of several.
    let is_ours = match &claims.aud {
        Audience::One(one) => one == expected.client_id,
        Audience::Several(several) => {
            matches!(several.as_slice(), [one] if one == expected.client_id)
        }
    };
    if !is_ours {
        return wrong("it is for others");
    }
    if claims
        .azp
        .as_ref()
        .is_some_and(|azp| azp != expected.client_id)
    {
        return wrong("it was given to another (azp)");
    }
    if claims.nonce.as_deref() != Some(expected.nonce) {
        return wrong("it is of another sign-in (nonce)");
    }
    if claims.exp.saturating_add(LEEWAY_SECONDS) <= now_seconds {
        return wrong("it has expired");
    }
    let begins = claims.nbf.unwrap_or(0).max(claims.iat);
    if begins > now_seconds.saturating_add(LEEWAY_SECONDS) {
        return wrong("it is from the future");
    }
    if now_seconds.saturating_sub(claims.iat) > AGE_MAX_SECONDS {
        return wrong("it is too old");
    }
    if !(1..=SUBJECT_MAX_BYTES).contains(&claims.sub.expose().len()) {
        return wrong("its subject is none");
    }
    let email_verified = claims.email_verified.as_ref().is_some_and(Flag::is_true);
    Ok(Subject {
        id: claims.sub,
        email: claims.email,
        email_verified,
        name: claims.name,
        is_of_organization: claims.hd.is_some(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const NOW_SECONDS: u64 = 1_800_000_000;
    const EXPECTED: Expected<'_> = Expected {
        issuer: "https://id.example.com",
        client_id: "onsale",
        nonce: "n",
        now_ms: NOW_SECONDS * 1_000,
    };

    fn claims(change: impl FnOnce(&mut Value)) -> Result<Subject, ProviderError> {
        let mut claims = json!({
            "iss": "https://id.example.com",
            "sub": "1",
            "aud": "onsale",
            "exp": NOW_SECONDS + 60,
            "iat": NOW_SECONDS,
            "nonce": "n",
            "email": "nobody@example.test",
            "email_verified": true,
        });
        change(&mut claims);
        let claims: Claims = serde_json::from_value(claims).unwrap();
        checked(claims, EXPECTED)
    }

    #[test]
    fn what_is_not_for_this_sign_in_is_refused() {
        assert!(claims(|_| {}).unwrap().email_verified);
        assert!(claims(|all| all["aud"] = json!(["onsale"])).is_ok());
        assert!(claims(|all| all["azp"] = json!("onsale")).is_ok());
        assert!(claims(|all| all["exp"] = json!(NOW_SECONDS - 59)).is_ok());
        for (name, value) in [
            ("iss", json!("https://id.example.com/")),
            ("aud", json!("other")),
            ("aud", json!(["onsale", "other"])),
            ("aud", json!([])),
            ("azp", json!("other")),
            ("nonce", json!("m")),
            ("nonce", Value::Null),
            ("exp", json!(NOW_SECONDS - 60)),
            ("iat", json!(NOW_SECONDS + 61)),
            ("nbf", json!(NOW_SECONDS + 61)),
            ("iat", json!(NOW_SECONDS - 601)),
            ("sub", json!("")),
            ("sub", json!("x".repeat(256))),
        ] {
            let read = claims(|all| all[name] = value.clone());
            assert!(read.is_err(), "{name} {value}");
        }
    }

    #[test]
    fn an_address_is_verified_only_where_the_provider_says_so() {
        for (value, verified) in [
            (json!(true), true),
            (json!("true"), true),
            (json!(false), false),
            (json!("yes"), false),
            (Value::Null, false),
        ] {
            let read = claims(|all| all["email_verified"] = value.clone()).unwrap();
            assert_eq!(read.email_verified, verified, "{value}");
        }
    }

    #[test]
    fn algorithms_of_secrets_and_none_are_not_taken() {
        use base64::Engine;
        use base64::engine::general_purpose::URL_SAFE_NO_PAD;
        for (algorithm, taken) in [
            ("none", false),
            ("None", false),
            ("HS256", false),
            ("HS512", false),
            ("RS256", true),
            ("ES256", true),
        ] {
            let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
            let token = format!(
                "{}.{}.AA",
                part(json!({ "alg": algorithm })),
                part(json!({}))
            );
            assert_eq!(head(&Private::new(token)).is_ok(), taken, "{algorithm}");
        }
        assert!(head(&Private::new("x".repeat(TOKEN_MAX_BYTES + 1))).is_err());
    }
}
