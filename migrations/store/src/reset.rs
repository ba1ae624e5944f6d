//! That someone forgot a password, as the payload of a job.
//!
//! The request that says so looks for nobody: it writes this, and whether an account has the address is found by
//! the worker. So it does the same whether or not there is one, and neither its answer nor the time that it takes
//! tells. The address is here as the keyed hash by which accounts are found, and the token of the link that would be
//! sent is sealed.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::account::{LinkPace, TokenHash};
use crate::audit::Actor;
use crate::error::StoreError;
use crate::job::NewJob;

/// The kind of job.
pub const KIND: &str = "account.forgot_password";
/// Requests that wait at most, whoever they are about; further ones are told to come back.
pub const WAITING_MAX: u32 = 10_000;
/// Requests that wait at most of those that come from one part of the net, of IPv4 a /16 and of IPv6 a /32, so that none
/// of them keeps everybody else out.
pub const WAITING_OF_BLOCK_MAX: u32 = 1_000;
/// Attempts before an operator looks at it: with pauses that double, about a day.
const ATTEMPTS_MAX: u16 = 12;
/// Within how long unused links of an account are counted, in milliseconds.
const DAY_MS: u64 = 86_400_000;
/// Links within that time that follow one another after the short pause; then the pause is half of their
/// life.
const SHORT_PAUSES: u32 = 5;
/// The short pause, in milliseconds: 5 minutes.
const SHORT_PAUSE_MS: u64 = 5 * 60 * 1_000;

/// With what the key begins of a request whose origin is not known.
const FROM_NOWHERE: &str = "0";

/// The payload.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ResetRequest {
    /// The id of the mail that would be sent, which no other mail has. The key of this job ends with it.
    pub mail_id: Uuid,
    /// By which the account is found.
    #[serde(with = "hexadecimal")]
    pub address_hash: [u8; 32],
    /// The hash of the link's token.
    #[serde(with = "hexadecimal")]
    pub token_hash: TokenHash,
    /// The token, sealed ([`crate::sealed_columns::mailed_token`]), in base64 for addresses.
    pub token: String,
    /// How long the link is good once it is issued, in milliseconds. A request that is older is of no use; how old it
    /// is, its job says, by the database's clock.
    pub life_ms: u64,
    /// Who asked.
    pub by: Actor,
}

/// What became of a request.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ResetAnswer {
    /// A link is sent.
    Sent,
    /// No active account has the address.
    Nobody,
    /// The account was sent a link a moment ago.
    TooSoon,
    /// It waited for as long as a link is good.
    TooLate,
}

impl ResetRequest {
    /// The job that answers it.
    ///
    /// # Errors
    /// [`StoreError::Invalid`] where it has no JSON.
    pub fn to_job(&self) -> Result<NewJob, StoreError> {
        let payload = serde_json::to_string(self)
            .map_err(|error| StoreError::Invalid(format!("a request for a link: {error}")))?;
        Ok(NewJob {
            kind: KIND,
            key: format!(
                "{}{}",
                self.wide_block().as_deref().unwrap_or(FROM_NOWHERE),
                self.mail_id
            ),
            payload,
            delay_ms: 0,
            attempts_max: ATTEMPTS_MAX,
        })
    }

    /// The part of the net that it came from, where that is known, with which the key of the job begins.
    pub(crate) fn wide_block(&self) -> Option<String> {
        let (start, _length) = self.by.origin.as_deref()?.split_once('/')?;
        start.parse().ok().map(wide_block)
    }

    /// How often an account is sent such links.
    pub(crate) fn pace(&self) -> LinkPace {
        LinkPace {
            within_ms: DAY_MS,
            short_pauses: SHORT_PAUSES,
            short_pause_ms: SHORT_PAUSE_MS,
            // So the last link is good for as long again when the next one may be sent: whoever asks all
            // the time keeps nobody from setting a password.
            long_pause_ms: (self.life_ms / 2).max(SHORT_PAUSE_MS),
        }
    }
}

/// The part of the net that an address lies in, as digits: of IPv4 a /16, of IPv6 a /32, which is the least that a
/// network operator is given. No block's digits are the beginning of another's.
fn wide_block(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            format!("4{a:02x}{b:02x}")
        }
        IpAddr::V6(v6) => {
            let [a, b, ..] = v6.segments();
            format!("6{a:04x}{b:04x}")
        }
    }
}

/// 32 bytes as hexadecimal digits, which are of the same length whatever they say.
mod hexadecimal {
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(
        bytes: &[u8; 32],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let digits = blake3::Hash::from_bytes(*bytes).to_hex();
        serializer.serialize_str(digits.as_str())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<[u8; 32], D::Error> {
        let digits = String::deserialize(deserializer)?;
        let hash = blake3::Hash::from_hex(digits.as_bytes()).map_err(D::Error::custom)?;
        Ok(*hash.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(byte: u8) -> ResetRequest {
        ResetRequest {
            mail_id: Uuid::from_u128(7),
            address_hash: [byte; 32],
            token_hash: [byte; 32],
            token: "c2VhbGVk".to_owned(),
            life_ms: 3_600_000,
            by: Actor::command_line(),
        }
    }

    #[test]
    fn a_request_is_read_as_it_was_written_and_its_length_tells_nothing() {
        let jobs = [0, 9, 255].map(|byte| {
            let job = request(byte).to_job().unwrap();
            let read: ResetRequest = serde_json::from_str(&job.payload).unwrap();
            assert_eq!(read, request(byte));
            job
        });
        let length = jobs[0].payload.len();
        assert!(jobs.iter().all(|job| job.payload.len() == length));
        let cut = jobs[0].payload.replace("00000000", "0000000");
        assert!(serde_json::from_str::<ResetRequest>(&cut).is_err());
    }

    #[test]
    fn keys_begin_with_the_part_of_the_net() {
        let mail = "00000000-0000-0000-0000-000000000007";
        for (origin, key) in [
            (None, format!("0{mail}")),
            (Some("nowhere"), format!("0{mail}")),
            (Some("203.0.113.0/24"), format!("4cb00{mail}")),
            (Some("203.0.7.0/24"), format!("4cb00{mail}")),
            (Some("203.1.113.0/24"), format!("4cb01{mail}")),
            (Some("2001:db8:1:2300::/56"), format!("620010db8{mail}")),
            (Some("2001:db8:fff0::/56"), format!("620010db8{mail}")),
            (Some("::/56"), format!("600000000{mail}")),
        ] {
            let mut request = request(1);
            request.by.origin = origin.map(str::to_owned);
            assert_eq!(request.to_job().unwrap().key, key, "{origin:?}");
        }
    }

    #[test]
    fn whoever_asks_all_the_time_finds_a_good_link_in_the_mailbox() {
        let pace = request(1).pace();
        assert_eq!(pace.short_pause_ms, 300_000);
        assert_eq!(pace.long_pause_ms, 1_800_000);
        let short = ResetRequest {
            life_ms: 60_000,
            ..request(1)
        };
        assert_eq!(short.pace().long_pause_ms, 300_000);
    }
}
