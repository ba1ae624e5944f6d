//! What a token says (RFC 7519), in the one form that is minted and verified.

use std::fmt;

use onsale_schemas::MemberRole;
use serde::de::{self, Deserializer, IgnoredAny, Unexpected, Visitor};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::role::Role;

#[derive(Serialize, Deserialize)]
pub(crate) struct Claims {
    pub(crate) sub: Uuid,
    pub(crate) role: Role,
    #[serde(default)]
    pub(crate) tenant: Uuid,
    /// What the account is to that tenant, in tokens of sessions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) member: Option<MemberRole>,
    /// The session that it belongs to (OpenID Connect Front-Channel Logout, 3).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) sid: Option<Uuid>,
    /// Whether the account's e-mail address is verified (OpenID Connect Core, 5.1). Tokens of versions
    /// before, and of issuers that do not say, are as those of an address that is not.
    #[serde(
        default,
        deserialize_with = "plainly_true",
        skip_serializing_if = "std::ops::Not::not"
    )]
    pub(crate) email_verified: bool,
    /// Of a guest, who has no account: what the token is for. Under a name that no other issuer uses.
    #[serde(
        default,
        rename = "onsale_guest",
        skip_serializing_if = "Option::is_none"
    )]
    pub(crate) guest: Option<GuestClaim>,
    #[serde(
        default,
        deserialize_with = "whole_seconds_if_any",
        skip_serializing_if = "Option::is_none"
    )]
    pub(crate) iat: Option<u64>,
    #[serde(deserialize_with = "whole_seconds")]
    pub(crate) exp: u64,
    #[serde(
        default,
        deserialize_with = "whole_seconds_if_any",
        skip_serializing_if = "Option::is_none"
    )]
    pub(crate) nbf: Option<u64>,
    /// Compared before the claims are read, as `aud` is, which may also be a list.
    #[serde(skip_deserializing)]
    pub(crate) iss: String,
    #[serde(skip_deserializing)]
    pub(crate) aud: String,
}

/// What a guest's token is for.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub(crate) struct GuestClaim {
    /// The only show of which it reserves places; any one where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) show: Option<Uuid>,
}

/// Whether it is `true`. Some issuers write it as a text, and their tokens were good before anyone asked.
fn plainly_true<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Said {
        Plainly(bool),
        Otherwise(IgnoredAny),
    }
    Ok(match Said::deserialize(deserializer)? {
        Said::Plainly(is_verified) => is_verified,
        Said::Otherwise(IgnoredAny) => false,
    })
}

/// A NumericDate of RFC 7519, which may have a fraction: the second that it lies in.
fn whole_seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    struct SecondsVisitor;
    impl Visitor<'_> for SecondsVisitor {
        type Value = u64;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("seconds since 1970")
        }

        fn visit_u64<E: de::Error>(self, seconds: u64) -> Result<u64, E> {
            Ok(seconds)
        }

        fn visit_f64<E: de::Error>(self, seconds: f64) -> Result<u64, E> {
            // Beyond it there are no fractions, so the cast is exact.
            const MAX: f64 = 9_007_199_254_740_992.0;
            if (0.0..=MAX).contains(&seconds) {
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "within the range that was just checked"
                )]
                Ok(seconds as u64)
            } else {
                Err(E::invalid_value(Unexpected::Float(seconds), &self))
            }
        }
    }
    deserializer.deserialize_any(SecondsVisitor)
}

fn whole_seconds_if_any<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<u64>, D::Error> {
    whole_seconds(deserializer).map(Some)
}
