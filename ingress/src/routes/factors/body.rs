//! Second factors as clients read them, and what several of their endpoints take.

use onsale_accounts::{FactorsOverview, OwnPasskey, PasskeyCeremony};
use onsale_private::Private;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::auth::Caller;
use crate::error::ApiError;
use crate::extract::RequestBody;
use crate::state::AppState;
use crate::values::Instant;

/// The account's password, so that a token that was left open somewhere is not enough.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FactorRequest {
    /// Of an account that has one.
    #[schema(value_type = Option<String>)]
    pub(super) password: Option<Private>,
}

impl RequestBody for FactorRequest {
    const OPTIONAL: bool = true;
    const SECRET: bool = true;

    fn admit(_caller: &Caller, _state: &AppState) -> Result<(), ApiError> {
        Ok(())
    }
}

/// The second factors of an account.
#[derive(Serialize, ToSchema)]
#[schema(as = Factors)]
pub(crate) struct FactorsBody {
    /// Since when an authenticator app is in use.
    totp_since: Option<Instant>,
    passkeys: Vec<PasskeyBody>,
    /// Recovery codes that were not used.
    recovery_codes_left: u32,
}

/// A passkey.
#[derive(Serialize, ToSchema)]
#[schema(as = Passkey)]
pub(crate) struct PasskeyBody {
    passkey_id: Uuid,
    name: Option<String>,
    created_at: Instant,
    last_used_at: Option<Instant>,
    /// Whether something of it is `null` because what is kept of it does not open: it is damaged, or its key is not
    /// configured.
    unreadable: bool,
}

/// Recovery codes, each of which is good once in the place of a code of an authenticator app.
#[derive(Serialize, ToSchema)]
#[schema(as = RecoveryCodes)]
pub(crate) struct RecoveryCodesBody {
    /// They are not shown again. `null`: those that were given out before are still good.
    recovery_codes: Option<Vec<String>>,
}

/// The first half of a ceremony.
#[derive(Serialize, ToSchema)]
#[schema(as = PasskeyCeremony)]
pub(crate) struct CeremonyBody {
    /// To be sent back with what the browser answers.
    ceremony: String,
    /// What `navigator.credentials.create()` or `.get()` takes, with bytes as base64url (as
    /// `PublicKeyCredential.parseCreationOptionsFromJSON()` and `parseRequestOptionsFromJSON()` read
    /// `options.publicKey`).
    #[schema(value_type = Object)]
    options: Value,
}

impl From<FactorsOverview> for FactorsBody {
    fn from(factors: FactorsOverview) -> Self {
        Self {
            totp_since: factors.totp_since_ms.map(Instant),
            passkeys: factors
                .passkeys
                .into_iter()
                .map(PasskeyBody::from)
                .collect(),
            recovery_codes_left: factors.recovery_codes_left,
        }
    }
}

impl From<OwnPasskey> for PasskeyBody {
    fn from(passkey: OwnPasskey) -> Self {
        Self {
            passkey_id: passkey.passkey_id,
            name: passkey.name.map(Private::into_exposed),
            created_at: Instant(passkey.created_at_ms),
            last_used_at: passkey.last_used_at_ms.map(Instant),
            unreadable: passkey.is_unreadable,
        }
    }
}

impl From<Option<Vec<Private>>> for RecoveryCodesBody {
    fn from(codes: Option<Vec<Private>>) -> Self {
        Self {
            recovery_codes: codes.map(exposed),
        }
    }
}

impl From<PasskeyCeremony> for CeremonyBody {
    fn from(ceremony: PasskeyCeremony) -> Self {
        Self {
            ceremony: ceremony.ceremony.into_exposed(),
            options: ceremony.options,
        }
    }
}

pub(super) fn exposed(codes: Vec<Private>) -> Vec<String> {
    codes.into_iter().map(Private::into_exposed).collect()
}
