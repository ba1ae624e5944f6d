//! Idempotency keys.

use axum::extract::FromRequestParts;
use http::request::Parts;
use http::{HeaderMap, HeaderName};
use onsale_schemas::derived::derived;
use onsale_schemas::envelope::{fingerprint, idempotent_request_id, staff_request_id};
use onsale_schemas::{RequestId, TenantId};
use utoipa::IntoParams;
use utoipa::openapi::Required;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};
use uuid::Uuid;

use crate::auth::{Caller, Role};
use crate::bounds::VISIBLE;
use crate::error::ApiError;
use crate::ids;

pub(crate) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
pub(crate) const X_IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("x-idempotency-key");
/// Marks an answer as that of an earlier request with the same key.
pub(crate) const IDEMPOTENT_REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
/// Longest key, in bytes.
const KEY_MAX_BYTES: usize = 255;

/// The key that a client gave, if it gave one.
#[derive(Clone)]
pub(crate) struct IdempotencyKey(Option<String>);

/// The id under which a request goes into the log, and the fingerprint of its meaning.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Identity {
    pub(crate) request_id: RequestId,
    /// Set when the client gave a key.
    pub(crate) fingerprint: Option<u64>,
}

impl Identity {
    /// The id of another command that the same request submits: the same when it is repeated.
    pub(crate) fn derived(&self, purpose: &str) -> RequestId {
        let name = "onsale 2026 request id to request id";
        let bytes = derived(name, &[purpose.as_bytes(), self.request_id.as_bytes()]);
        RequestId(Uuid::new_v8(bytes))
    }
}

impl IdempotencyKey {
    /// Whether a request has a key, valid or not.
    pub(crate) fn is_in(headers: &HeaderMap) -> bool {
        [IDEMPOTENCY_KEY, X_IDEMPOTENCY_KEY]
            .iter()
            .any(|name| headers.contains_key(name))
    }

    /// The key itself.
    pub(crate) fn text(&self) -> Option<&str> {
        self.0.as_deref()
    }

    /// The identity of the request `operation` on `target` with this body.
    pub(crate) fn identity(
        &self,
        caller: &Caller,
        operation: &str,
        target: &str,
        body: &[u8],
    ) -> Identity {
        match &self.0 {
            Some(key) => Identity {
                request_id: match caller.role {
                    // Buyers are the same people in every tenant.
                    Role::Buyer => idempotent_request_id(caller.user, key),
                    _ => {
                        let tenant = caller.scope().one().map(TenantId);
                        staff_request_id(tenant, caller.user, key)
                    }
                },
                fingerprint: Some(fingerprint(operation, target, body)),
            },
            None => Identity {
                // Ordered by time: the database has an index on it, and a new entry then goes
                // beside the last one instead of anywhere.
                request_id: RequestId(ids::by_time()),
                fingerprint: None,
            },
        }
    }
}

impl IntoParams for IdempotencyKey {
    fn into_params(_place: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        let text = ObjectBuilder::new()
            .schema_type(SchemaType::from_iter([Type::String, Type::Null]))
            .pattern(Some(VISIBLE))
            .min_length(Some(1))
            .max_length(Some(KEY_MAX_BYTES));
        let parameter = ParameterBuilder::new()
            .name("Idempotency-Key")
            .parameter_in(ParameterIn::Header)
            .required(Required::False)
            .description(Some("Same key and body: same answer, for 24 hours"))
            .schema(Some(text));
        vec![parameter.build()]
    }
}

impl<S: Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, ApiError> {
        let mut key: Option<String> = None;
        for name in [IDEMPOTENCY_KEY, X_IDEMPOTENCY_KEY] {
            for value in parts.headers.get_all(&name) {
                let bytes = value.as_bytes();
                let text = std::str::from_utf8(bytes)
                    .ok()
                    .filter(|_| {
                        (1..=KEY_MAX_BYTES).contains(&bytes.len())
                            && bytes.iter().all(u8::is_ascii_graphic)
                    })
                    .ok_or_else(|| {
                        ApiError::invalid(
                            "Idempotency-Key",
                            String::from_utf8_lossy(bytes),
                            "1 to 255 visible ASCII characters",
                        )
                    })?;
                if key.as_deref().is_some_and(|key| key != text) {
                    return Err(ApiError::invalid(
                        "Idempotency-Key",
                        text,
                        "one key, not two different ones",
                    ));
                }
                key = Some(text.to_owned());
            }
        }
        Ok(Self(key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ids in logs were derived so.
    #[test]
    fn derived_ids_stay_what_they_are() {
        let identity = Identity {
            request_id: RequestId::from_bytes([3; 16]),
            fingerprint: None,
        };
        assert_eq!(
            identity.derived("release").0.to_string(),
            "9eb83197-63d6-885d-8761-29ffd5f731c1"
        );
    }
}
