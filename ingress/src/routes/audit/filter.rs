//! Which entries of the audit trail are asked for, and by whom.

use onsale_accounts::Action;
use onsale_store::audit::{AuditFilter, SUBJECT_KINDS, is_action};
use onsale_store::catalog::TenantScope;
use uuid::Uuid;

use crate::auth::{Caller, Right, Role};
use crate::error::{ApiError, Code};
use crate::values::Instant;

/// Longest name of an action or an id of a thing, in characters.
pub(super) const NAME_MAX_CHARS: usize = 64;
/// What an action is.
const ACTION_EXPECTED: &str = "what was done to a kind of thing, as event.change";
/// The form of it.
pub(super) const ACTION_FORM: &str = r"^[a-z_]+\.[a-z_]+$";

/// To read what was done for a tenant, and in it.
pub(super) const READ_AUDIT: Right = Right::of_members_alone(
    &[Role::Organizer, Role::Admin, Role::Operator],
    Action::ReadAudit,
    "The audit trail is read by the managers of a tenant, by admins and by operators. (Where staff needs a \
     second factor, its rights begin once that is set up.)",
);

/// What a query says of the entries.
pub(super) struct Wanted {
    pub(super) tenant: Option<Uuid>,
    pub(super) actor: Option<Uuid>,
    pub(super) action: Option<String>,
    pub(super) kind: Option<String>,
    pub(super) entity: Option<String>,
    pub(super) from: Option<Instant>,
    pub(super) to: Option<Instant>,
}

impl Wanted {
    /// For the store, of those that the caller may read.
    ///
    /// # Errors
    /// `VALIDATION_ERROR`, and `FORBIDDEN` for another tenant than the caller's.
    pub(super) fn filter(self, caller: &Caller) -> Result<AuditFilter, ApiError> {
        if let Some(entity) = &self.entity
            && (entity.chars().count() > NAME_MAX_CHARS || entity.chars().any(char::is_control))
        {
            let expected = format!("at most {NAME_MAX_CHARS} characters on one line");
            return Err(ApiError::invalid("entity", entity, &expected));
        }
        // A typing error would look like an empty trail.
        if let Some(kind) = &self.kind
            && !SUBJECT_KINDS.contains(&kind.as_str())
        {
            let expected = format!("one of {}", SUBJECT_KINDS.join(", "));
            return Err(ApiError::invalid("kind", kind, &expected));
        }
        if let Some(action) = &self.action
            && !is_action(action)
        {
            return Err(ApiError::invalid("action", action, ACTION_EXPECTED));
        }
        let tenant_id = match (caller.scope(), self.tenant) {
            // Who reaches all of them may look at one.
            (TenantScope::All, wanted) => wanted,
            // From the token, never from the request.
            (TenantScope::One(own), wanted) if wanted.is_none_or(|wanted| wanted == own) => {
                Some(own)
            }
            (TenantScope::One(_), _) => {
                return Err(ApiError::new(
                    Code::Forbidden,
                    "The audit trail of another tenant is read by operators.",
                ));
            }
        };
        Ok(AuditFilter {
            subject_kind: self.kind,
            subject_id: self.entity,
            tenant_id,
            actor_id: self.actor,
            action: self.action,
            from_ms: self.from.map(|from| from.0),
            until_ms: self.to.map(|to| to.0),
            before: None,
            limit: 0,
        })
    }
}
