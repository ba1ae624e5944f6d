//! The compact form of a token (RFC 7515, 7.1), read strictly before anything is believed of it.
//!
//! Two programs that read the same token differently are a way in: of two members with one name each
//! takes another, and of a key that the token brings along one takes it and the other does not. So a
//! token of which more than one reading is possible is none here.

use std::collections::BTreeSet;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::error::TokenError;

const PARTS: &str = "it is not three parts in base64url without padding";
const HEADER: &str = "its header is not one JSON object in which each name stands once";
const PAYLOAD: &str = "its payload is not one JSON object in which each name stands once";
/// Members of a header that change where its key comes from or what is signed. (`x5t` only names a
/// certificate, as `kid` names a key, and some issuers always send it.)
const REFUSED_MEMBERS: [(&str, &str); 8] = [
    ("jwk", "its header brings a key along (`jwk`)"),
    ("jku", "its header says where its key is (`jku`)"),
    ("x5u", "its header says where its certificate is (`x5u`)"),
    ("x5c", "its header brings a certificate along (`x5c`)"),
    ("b64", "its payload is to be read in another way (`b64`)"),
    ("crit", "its header needs an extension (`crit`)"),
    ("zip", "its payload is compressed (`zip`)"),
    ("enc", "it is encrypted (`enc`)"),
];

/// Looks at the form of a token.
///
/// # Errors
/// [`TokenError::Form`] with what is wrong.
pub fn check(token: &[u8]) -> Result<(), TokenError> {
    let mut parts = token.split(|byte| *byte == b'.');
    let (Some(header), Some(payload), Some(signature), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(TokenError::Form(PARTS));
    };
    let decode = |part| {
        let decoded = URL_SAFE_NO_PAD.decode(part);
        decoded.map_err(|_| TokenError::Form(PARTS))
    };
    let (header, payload) = (decode(header)?, decode(payload)?);
    decode(signature)?;
    let header = members(&header).ok_or(TokenError::Form(HEADER))?;
    let refused = REFUSED_MEMBERS
        .iter()
        .find(|(name, _)| header.contains(*name));
    if let Some((_, what)) = refused {
        return Err(TokenError::Form(what));
    }
    members(&payload).ok_or(TokenError::Form(PAYLOAD))?;
    Ok(())
}

/// The names in an object, which are different in it and in every object within.
fn members(json: &[u8]) -> Option<BTreeSet<String>> {
    let is_object = json.trim_ascii_start().first() == Some(&b'{');
    let Unique(names) = serde_json::from_slice(json).ok()?;
    is_object.then_some(names)
}

/// JSON of which no object has a name twice, and the names in the outermost one.
struct Unique(BTreeSet<String>);

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(UniqueVisitor)
    }
}

struct UniqueVisitor;

/// Of what has no names.
fn nameless<E>() -> Result<Unique, E> {
    Ok(Unique(BTreeSet::new()))
}

impl<'de> Visitor<'de> for UniqueVisitor {
    type Value = Unique;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON in which each name stands once")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Unique, A::Error> {
        let mut names = BTreeSet::new();
        while let Some(name) = map.next_key::<String>()? {
            map.next_value::<Unique>()?;
            if !names.insert(name) {
                return Err(de::Error::custom("a name stands twice"));
            }
        }
        Ok(Unique(names))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Unique, A::Error> {
        while list.next_element::<Unique>()?.is_some() {}
        nameless()
    }

    fn visit_str<E: de::Error>(self, _text: &str) -> Result<Unique, E> {
        nameless()
    }

    fn visit_u64<E: de::Error>(self, _number: u64) -> Result<Unique, E> {
        nameless()
    }

    fn visit_i64<E: de::Error>(self, _number: i64) -> Result<Unique, E> {
        nameless()
    }

    fn visit_f64<E: de::Error>(self, _number: f64) -> Result<Unique, E> {
        nameless()
    }

    fn visit_bool<E: de::Error>(self, _value: bool) -> Result<Unique, E> {
        nameless()
    }

    fn visit_unit<E: de::Error>(self) -> Result<Unique, E> {
        nameless()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(header: &str, payload: &str) -> String {
        let encode = |text: &str| URL_SAFE_NO_PAD.encode(text);
        format!("{}.{}.{}", encode(header), encode(payload), encode("sig"))
    }

    #[test]
    fn a_token_has_one_reading_or_is_none() {
        let (head, body) = (
            r#"{"alg":"HS256"}"#,
            r#"{"sub":"a","n":[1,-1,1.5,true,null]}"#,
        );
        let good = token(head, body);
        let [header, payload, signature] =
            <[&str; 3]>::try_from(good.split('.').collect::<Vec<_>>()).unwrap();
        for (token, expected) in [
            (good.clone(), None),
            (
                token(
                    r#" {"alg":"HS256","x5t":"a","kid":"b","new":{"jwk":1}} "#,
                    body,
                ),
                None,
            ),
            (token(r#"{"alg":"HS256","alg":"none"}"#, body), Some(HEADER)),
            // The same name, written differently.
            (
                token(r#"{"alg":"HS256","\u0061lg":"none"}"#, body),
                Some(HEADER),
            ),
            (token(r#"{"x":1,"x":2}"#, body), Some(HEADER)),
            (token(r#"{"x":{"y":1,"y":1}}"#, body), Some(HEADER)),
            (
                token(head, r#"{"role":"buyer","role":"operator"}"#),
                Some(PAYLOAD),
            ),
            (token(head, r#"{"x":[{"y":1,"y":2}]}"#), Some(PAYLOAD)),
            (token(head, r#"{"sub":"a"}{}"#), Some(PAYLOAD)),
            (token(head, "[]"), Some(PAYLOAD)),
            (token("\"HS256\"", body), Some(HEADER)),
            (token(r#"{"alg":"HS256"} x"#, body), Some(HEADER)),
            (token("", body), Some(HEADER)),
            (format!("{header}==.{payload}.{signature}"), Some(PARTS)),
            (format!("{header}.{payload}=.{signature}"), Some(PARTS)),
            (format!("{header}.{payload}.{signature}="), Some(PARTS)),
            (format!("{header}.{payload}.{signature}\0"), Some(PARTS)),
            (
                format!("{header}.{payload}.{signature}.{signature}"),
                Some(PARTS),
            ),
            (
                format!("{header}.{payload}.{signature} {signature}"),
                Some(PARTS),
            ),
            (format!("{header}.{payload}.+/{signature}"), Some(PARTS)),
            // The last letter has bits that belong to no byte.
            (format!("{header}.{payload}.AB"), Some(PARTS)),
            (format!("{header}.{payload}"), Some(PARTS)),
            (String::new(), Some(PARTS)),
        ] {
            let found = check(token.as_bytes());
            assert_eq!(
                found,
                expected.map_or(Ok(()), |what| Err(TokenError::Form(what))),
                "{token}"
            );
        }
        for (name, what) in REFUSED_MEMBERS {
            for value in ["null", "true", "\"a\"", "{}"] {
                let head = format!(r#"{{"alg":"HS256","{name}":{value}}}"#);
                let found = check(token(&head, body).as_bytes());
                assert_eq!(found, Err(TokenError::Form(what)));
            }
        }
    }
}
