//! Passkeys (WebAuthn): an authenticator signs a challenge for one origin, after it has verified its person, so
//! one is a whole sign-in.
//!
//! What a server has to remember between the two halves of a ceremony is given to the client, sealed: so asking
//! for a challenge writes nothing, and any node takes the answer. It opens for its ceremony alone, expires, and
//! is good once, because the transaction of what it allows writes its id down.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use onsale_private::{KeyRing, Private, Sealed};
use onsale_store::account::TokenHash;
use onsale_store::sealed_columns;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;
use uuid::Uuid;
use webauthn_rs::prelude::{
    CredentialID, DiscoverableAuthentication, Passkey, PasskeyRegistration, PublicKeyCredential,
    RegisterPublicKeyCredential, Webauthn, WebauthnBuilder,
};

use crate::error::AccountError;

/// How long a ceremony may take, in milliseconds: 5 minutes, as the library tells the browser.
const CEREMONY_LIFE_MS: u64 = 5 * 60 * 1_000;
const ID_BYTES: usize = 16;
/// What hashes of ids of credentials are derived for.
const CREDENTIAL_PURPOSE: &str = "onsale 2026 id of a passkey's credential";

/// Ceremonies of passkeys for one origin.
pub(crate) struct Passkeys(Webauthn);

/// The first half of a ceremony.
pub(crate) struct Begun {
    /// For the second half.
    pub(crate) ceremony: String,
    /// For the browser, as `navigator.credentials` takes it.
    pub(crate) options: Value,
}

/// A ceremony whose second half has come.
pub(crate) struct Ended<T> {
    pub(crate) ceremony_id: Uuid,
    pub(crate) expires_at_ms: u64,
    pub(crate) value: T,
}

/// What a passkey has answered, before it is compared.
pub(crate) struct Answer {
    state: DiscoverableAuthentication,
    signed: PublicKeyCredential,
    /// The account that the passkey says it is of.
    pub(crate) user: Uuid,
    /// By which it is found.
    pub(crate) credential: TokenHash,
}

/// What is remembered of a ceremony.
#[derive(Serialize, Deserialize)]
struct Remembered {
    expires_at_ms: u64,
    of: Ceremony,
}

#[derive(Serialize, Deserialize)]
enum Ceremony {
    Registration {
        user: Uuid,
        state: PasskeyRegistration,
    },
    SignIn(DiscoverableAuthentication),
}

impl Passkeys {
    /// For pages at this URL; `None` where browsers have no passkeys: without TLS, but on the same machine, and
    /// for a host that is no name.
    pub(crate) fn at(pages: &str, service_name: &str) -> Option<Self> {
        let url = Url::parse(pages).ok()?;
        let host = url.domain()?;
        let is_local = host == "localhost" || host.ends_with(".localhost");
        if url.scheme() != "https" && !(url.scheme() == "http" && is_local) {
            return None;
        }
        let builder = WebauthnBuilder::new(host, &url).ok()?;
        builder.rp_name(service_name).build().ok().map(Self)
    }

    /// Begins to register a passkey for an account. `known` are those that it has.
    ///
    /// # Errors
    /// [`AccountError::Internal`].
    pub(crate) fn begin_registration(
        &self,
        user: Uuid,
        email: &Private,
        known: Vec<CredentialID>,
        ring: &KeyRing,
        now_ms: u64,
    ) -> Result<Begun, AccountError> {
        let email = email.expose();
        let known = (!known.is_empty()).then_some(known);
        let begun = self.0.start_passkey_registration(user, email, email, known);
        let (options, state) = begun.map_err(defect)?;
        let mut options = serde_json::to_value(options).map_err(defect)?;
        // The authenticator is to keep it under the person's account, so that it is found without an address.
        if let Some(selection) = options.pointer_mut("/publicKey/authenticatorSelection") {
            selection["residentKey"] = "required".into();
            selection["requireResidentKey"] = true.into();
        }
        let of = Ceremony::Registration { user, state };
        begun_with(options, of, ring, now_ms)
    }

    /// Ends a registration that was begun for the same account.
    ///
    /// # Errors
    /// [`AccountError::ChallengeGone`], [`AccountError::WrongPasskey`] and others.
    pub(crate) fn end_registration(
        &self,
        user: Uuid,
        ceremony: &Private,
        credential: Value,
        ring: &KeyRing,
        now_ms: u64,
    ) -> Result<Ended<Passkey>, AccountError> {
        let ended = remembered(ceremony, ring, now_ms)?;
        let Ceremony::Registration { user: of, state } = ended.value else {
            return Err(AccountError::ChallengeGone);
        };
        if of != user {
            return Err(AccountError::ChallengeGone);
        }
        let registered: RegisterPublicKeyCredential = read(credential)?;
        let passkey = self.0.finish_passkey_registration(&registered, &state);
        Ok(Ended {
            ceremony_id: ended.ceremony_id,
            expires_at_ms: ended.expires_at_ms,
            value: passkey.map_err(refused)?,
        })
    }

    /// Begins a sign-in with whichever passkey the person chooses.
    ///
    /// # Errors
    /// [`AccountError::Internal`].
    pub(crate) fn begin_sign_in(&self, ring: &KeyRing, now_ms: u64) -> Result<Begun, AccountError> {
        let (mut options, state) = self.0.start_discoverable_authentication().map_err(defect)?;
        // Whether it is offered in a form's field is the page's choice.
        options.mediation = None;
        let options = serde_json::to_value(options).map_err(defect)?;
        begun_with(options, Ceremony::SignIn(state), ring, now_ms)
    }

    /// What a passkey has answered in a sign-in that was begun.
    ///
    /// # Errors
    /// [`AccountError::ChallengeGone`], [`AccountError::WrongPasskey`] and others.
    pub(crate) fn answer(
        &self,
        ceremony: &Private,
        credential: Value,
        ring: &KeyRing,
        now_ms: u64,
    ) -> Result<Ended<Answer>, AccountError> {
        let ended = remembered(ceremony, ring, now_ms)?;
        let Ceremony::SignIn(state) = ended.value else {
            return Err(AccountError::ChallengeGone);
        };
        let signed: PublicKeyCredential = read(credential)?;
        let identified = self.0.identify_discoverable_authentication(&signed);
        let (user, id) = identified.map_err(refused)?;
        let credential = credential_hash(id);
        Ok(Ended {
            ceremony_id: ended.ceremony_id,
            expires_at_ms: ended.expires_at_ms,
            value: Answer {
                state,
                signed,
                user,
                credential,
            },
        })
    }

    /// Compares an answer with a passkey: origin, challenge, signature, that the person was verified, and that
    /// the counter has grown where the authenticator counts. The passkey with its new counter.
    ///
    /// # Errors
    /// [`AccountError::WrongPasskey`].
    pub(crate) fn compare(
        &self,
        answer: Answer,
        mut passkey: Passkey,
    ) -> Result<Passkey, AccountError> {
        let Answer { state, signed, .. } = answer;
        let result = self
            .0
            .finish_discoverable_authentication_v2(&signed, state, &passkey);
        let result = result.map_err(refused)?;
        if !result.user_verified() {
            return Err(AccountError::WrongPasskey);
        }
        passkey.update_credential(&result);
        Ok(passkey)
    }
}

/// By which a passkey is found.
pub(crate) fn credential_hash(id: &[u8]) -> TokenHash {
    blake3::derive_key(CREDENTIAL_PURPOSE, id)
}

fn begun_with(
    options: Value,
    of: Ceremony,
    ring: &KeyRing,
    now_ms: u64,
) -> Result<Begun, AccountError> {
    let remembered = Remembered {
        expires_at_ms: now_ms.saturating_add(CEREMONY_LIFE_MS),
        of,
    };
    let bytes = serde_json::to_vec(&remembered).map_err(defect)?;
    let id = Uuid::new_v4();
    let sealed = ring.seal_bytes(sealed_columns::ceremony(id), &bytes);
    let ceremony = URL_SAFE_NO_PAD.encode([id.as_bytes().as_slice(), sealed.as_bytes()].concat());
    Ok(Begun { ceremony, options })
}

fn remembered(
    ceremony: &Private,
    ring: &KeyRing,
    now_ms: u64,
) -> Result<Ended<Ceremony>, AccountError> {
    let gone = || AccountError::ChallengeGone;
    let bytes = URL_SAFE_NO_PAD.decode(ceremony.expose());
    let bytes = bytes.map_err(|_no_base64| gone())?;
    let (id, sealed) = bytes.split_first_chunk::<ID_BYTES>().ok_or_else(gone)?;
    let id = Uuid::from_bytes(*id);
    let sealed = Sealed::from_stored(sealed.to_vec());
    let opened = ring.open_bytes(sealed_columns::ceremony(id), &sealed);
    let opened = opened.map_err(|_guessed| gone())?;
    let remembered: Remembered = serde_json::from_slice(&opened).map_err(defect)?;
    if now_ms >= remembered.expires_at_ms {
        return Err(gone());
    }
    Ok(Ended {
        ceremony_id: id,
        expires_at_ms: remembered.expires_at_ms,
        value: remembered.of,
    })
}

fn read<T: serde::de::DeserializeOwned>(credential: Value) -> Result<T, AccountError> {
    serde_json::from_value(credential).map_err(|_error| AccountError::Invalid {
        field: "credential",
        expected: "what the browser answered, as JSON (`PublicKeyCredential.toJSON()`)",
    })
}

/// Why an answer is refused is for the log alone.
fn refused(error: impl std::fmt::Display) -> AccountError {
    tracing::debug!(%error, "a passkey is refused");
    AccountError::WrongPasskey
}

fn defect(error: impl std::fmt::Display) -> AccountError {
    AccountError::Internal(format!("passkeys: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ring() -> KeyRing {
        let secret = onsale_settings::Secret::new("k".repeat(32));
        KeyRing::new(&secret, &[]).unwrap()
    }

    #[test]
    fn passkeys_are_for_pages_that_browsers_have_them_for() {
        let is_at = |url: &str| Passkeys::at(url, "Opera").is_some();
        for url in [
            "https://tickets.example.test",
            "https://tickets.example.test:8443/shop/",
            "http://localhost:8080",
        ] {
            assert!(is_at(url), "{url}");
        }
        for url in [
            "http://tickets.example.test",
            "https://192.0.2.1",
            "http://127.0.0.1:8080",
            "tickets.example.test",
        ] {
            assert!(!is_at(url), "{url}");
        }
    }

    #[test]
    fn a_ceremony_is_for_its_kind_and_its_account_until_it_expires() {
        let passkeys = Passkeys::at("https://tickets.example.test", "Opera").unwrap();
        let (ring, now_ms) = (ring(), 1_800_000_000_000);
        let user = Uuid::from_u128(7);
        let email = Private::new("nobody@example.test");
        let begun = passkeys
            .begin_registration(user, &email, Vec::new(), &ring, now_ms)
            .unwrap();
        let selection = &begun.options["publicKey"]["authenticatorSelection"];
        assert_eq!(selection["residentKey"], "required");
        assert_eq!(selection["userVerification"], "required");
        assert_eq!(
            begun.options["publicKey"]["rp"]["id"],
            "tickets.example.test"
        );
        let ceremony = Private::new(begun.ceremony.clone());
        assert!(!begun.ceremony.contains("nobody"));
        let gone = |error: AccountError| matches!(error, AccountError::ChallengeGone);
        let end = |user, at_ms| {
            let ended = passkeys.end_registration(user, &ceremony, Value::Null, &ring, at_ms);
            ended.map(|ended| ended.ceremony_id).unwrap_err()
        };
        assert!(gone(end(Uuid::from_u128(8), now_ms)));
        assert!(gone(end(user, now_ms + CEREMONY_LIFE_MS)));
        let wrong = end(user, now_ms);
        assert!(
            matches!(
                wrong,
                AccountError::Invalid {
                    field: "credential",
                    ..
                }
            ),
            "{wrong}"
        );
        let answer = passkeys.answer(&ceremony, Value::Null, &ring, now_ms);
        assert!(answer.is_err_and(gone), "a registration is no sign-in");
        let guessed = Private::new("AAAA");
        let answer = passkeys.answer(&guessed, Value::Null, &ring, now_ms);
        assert!(answer.is_err_and(gone));
        let begun = passkeys.begin_sign_in(&ring, now_ms).unwrap();
        assert_eq!(begun.options["publicKey"]["userVerification"], "required");
        assert_eq!(
            begun.options["publicKey"]["allowCredentials"],
            serde_json::json!([])
        );
        assert_eq!(begun.options.get("mediation"), None);
    }
}
