//! `GET /auth/me/export`

use axum::response::Response;
use http::StatusCode;
use onsale_accounts::{Export, ExportedLink, ExportedSession, FactorsOverview, Guest};
use onsale_private::Private;
use onsale_schemas::{MemberRole, UserId};
use onsale_store::account::{ApiKeyRow, IdentityRow, Membership, Requirement};
use onsale_store::audit::AuditRow;
use onsale_store::booking::BookingFilter;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use uuid::Uuid;

use super::account_call::AccountCall;
use super::body::PersonBody;
use super::exported_payments::payments;
use crate::auth::Caller;
use crate::envelope::{self, Problem, Success};
use crate::error::ApiError;
use crate::routes::bookings::body::BookingBody;
use crate::routes::factors::FactorsBody;
use crate::routes::payments::body::PaymentBody;
use crate::routes::refunds::body::RefundBody;
use crate::routes::still;
use crate::state::AppState;
use crate::values::Instant;

/// Bookings of one export, the newest ones.
const BOOKINGS_MAX: usize = 10_000;
/// Bookings that are read at once.
const BOOKINGS_PER_PAGE: u32 = 500;

/// Everything that is kept about a person.
#[derive(Serialize, ToSchema)]
#[schema(as = Export)]
pub(crate) struct ExportBody {
    account: PersonBody,
    /// Without what is secret of them.
    second_factors: FactorsBody,
    memberships: Vec<MembershipBody>,
    /// What was bought as a guest: what is the account's now, and where its address is verified, what was bought
    /// with that.
    guests: Vec<GuestPurchaseBody>,
    /// Accounts elsewhere by which it signs in.
    identities: Vec<ExportedIdentityBody>,
    /// Links that wait for it, and invitations to it and by it.
    links: Vec<ExportedLinkBody>,
    /// Keys of programs that it created, without what is secret of them.
    api_keys: Vec<ExportedApiKeyBody>,
    /// Live and ended ones, as long as they are kept.
    sessions: Vec<ExportedSessionBody>,
    /// What the account did and what was done to it.
    audit: Vec<EntryBody>,
    bookings: Vec<BookingBody>,
    payments: Vec<PaymentBody>,
    /// Of these payments.
    refunds: Vec<RefundBody>,
    /// False where there is more of something than one answer holds; then the newest are here.
    complete: bool,
}

/// A purchase as a guest.
#[derive(Serialize, ToSchema)]
#[schema(as = GuestPurchase)]
pub(crate) struct GuestPurchaseBody {
    guest_id: Uuid,
    /// As it was given; `null` once it is forgotten.
    email: Option<String>,
    /// The tag of a language.
    locale: Option<String>,
    created_at: Instant,
    taken_over_at: Option<Instant>,
    /// Whether something of it is `null` because what is kept of it does not open: it is damaged, or its key is not
    /// configured.
    unreadable: bool,
}

/// That a person belongs to a tenant.
#[derive(Serialize, ToSchema)]
#[schema(as = Membership)]
pub(crate) struct MembershipBody {
    tenant_id: Uuid,
    role: &'static str,
    since: Instant,
}

/// An account elsewhere as it is kept: whom the provider knows is a keyed hash.
#[derive(Serialize, ToSchema)]
#[schema(as = ExportedIdentity)]
pub(crate) struct ExportedIdentityBody {
    identity_id: Uuid,
    provider: String,
    linked_at: Instant,
    last_used_at: Instant,
}

/// A link or an invitation as it is kept: without what would open it.
#[derive(Serialize, ToSchema)]
#[schema(as = ExportedLink)]
pub(crate) struct ExportedLinkBody {
    /// `verify_email`, `reset_password`, `invitation`, `first_admin` or `change_email`.
    purpose: &'static str,
    /// Of an invitation.
    tenant_id: Option<Uuid>,
    /// Of an invitation.
    role: Option<&'static str>,
    /// Whether the person sent it to someone.
    by_you: bool,
    issued_at: Instant,
    expires_at: Instant,
    /// When it was used or withdrawn.
    used_at: Option<Instant>,
    /// Of `change_email`, as long as it waits: the new address.
    email: Option<String>,
    /// Whether the new address is `null` because what is kept of it does not open: it is damaged, or its key is not
    /// configured.
    unreadable: bool,
}

/// A key of a program as it is kept.
#[derive(Serialize, ToSchema)]
#[schema(as = ExportedApiKey)]
pub(crate) struct ExportedApiKeyBody {
    key_id: Uuid,
    tenant_id: Uuid,
    name: String,
    scopes: Vec<String>,
    created_at: Instant,
    expires_at: Option<Instant>,
    last_used_at: Option<Instant>,
    revoked_at: Option<Instant>,
}

/// A session as it is kept.
#[derive(Serialize, ToSchema)]
#[schema(as = ExportedSession)]
pub(crate) struct ExportedSessionBody {
    session_id: Uuid,
    tenant_id: Option<Uuid>,
    created_at: Instant,
    last_used_at: Instant,
    expires_at: Instant,
    ended_at: Option<Instant>,
    ended_why: Option<&'static str>,
    user_agent: Option<String>,
    address: Option<String>,
    /// Whether something of it is `null` because what is kept of it does not open: it is damaged, or its key is not
    /// configured.
    unreadable: bool,
}

/// An entry of the audit trail. Who else acted is not said, only in which role.
#[derive(Serialize, ToSchema)]
#[schema(as = ExportedEntry)]
pub(crate) struct EntryBody {
    at: Instant,
    action: String,
    /// Whether the person did it.
    by_you: bool,
    role: String,
    subject_kind: String,
    subject_id: String,
    request_id: Option<String>,
    #[schema(value_type = Option<Object>)]
    detail: Value,
}

impl From<Membership> for MembershipBody {
    fn from(membership: Membership) -> Self {
        Self {
            tenant_id: membership.tenant_id,
            role: membership.role.as_str(),
            since: Instant(membership.created_at_ms),
        }
    }
}

impl From<Guest> for GuestPurchaseBody {
    fn from(guest: Guest) -> Self {
        let Guest {
            row,
            email,
            is_unreadable,
        } = guest;
        Self {
            guest_id: row.guest_id,
            email: email.map(Private::into_exposed),
            locale: row.locale,
            created_at: Instant(row.created_at_ms),
            taken_over_at: row.owner.map(|(_, at_ms)| Instant(at_ms)),
            unreadable: is_unreadable,
        }
    }
}

impl From<IdentityRow> for ExportedIdentityBody {
    fn from(identity: IdentityRow) -> Self {
        Self {
            identity_id: identity.identity_id,
            provider: identity.provider,
            linked_at: Instant(identity.linked_at_ms),
            last_used_at: Instant(identity.last_used_at_ms),
        }
    }
}

impl ExportedLinkBody {
    fn of(link: ExportedLink, user: Uuid) -> Self {
        let ExportedLink {
            link,
            email,
            is_unreadable,
        } = link;
        let (tenant_id, role) = link.invited.unzip();
        Self {
            purpose: link.purpose.as_str(),
            tenant_id,
            role: role.map(MemberRole::as_str),
            by_you: link.invited_by == Some(user),
            issued_at: Instant(link.issued_at_ms),
            expires_at: Instant(link.expires_at_ms),
            used_at: link.used_at_ms.map(Instant),
            email: email.map(Private::into_exposed),
            unreadable: is_unreadable,
        }
    }
}

impl From<ApiKeyRow> for ExportedApiKeyBody {
    fn from(key: ApiKeyRow) -> Self {
        Self {
            key_id: key.key_id,
            tenant_id: key.tenant_id,
            name: key.name,
            scopes: key.scopes.split(' ').map(str::to_owned).collect(),
            created_at: Instant(key.created_at_ms),
            expires_at: key.expires_at_ms.map(Instant),
            last_used_at: key.last_used_at_ms.map(Instant),
            revoked_at: key.revoked_at_ms.map(Instant),
        }
    }
}

impl From<ExportedSession> for ExportedSessionBody {
    fn from(session: ExportedSession) -> Self {
        let ExportedSession {
            row,
            agent,
            address,
            is_unreadable,
        } = session;
        Self {
            session_id: row.session_id,
            tenant_id: row.tenant_id,
            created_at: Instant(row.created_at_ms),
            last_used_at: Instant(row.rotated_at_ms),
            expires_at: Instant(row.expires_at_ms),
            ended_at: row.ended.map(|(at_ms, _)| Instant(at_ms)),
            ended_why: row.ended.map(|(_, why)| why.as_str()),
            user_agent: agent.map(Private::into_exposed),
            address: address.map(Private::into_exposed),
            unreadable: is_unreadable,
        }
    }
}

impl EntryBody {
    fn of(row: AuditRow, user: Uuid) -> Self {
        Self {
            at: Instant(row.at_ms),
            action: row.action,
            by_you: row.actor.id == Some(user),
            role: row.actor.role,
            subject_kind: row.subject_kind,
            subject_id: row.subject_id,
            request_id: row.actor.request_id,
            detail: row.detail,
        }
    }
}

/// Everything that is kept about the caller, be it an account or a guest.
#[utoipa::path(
    get, path = "/api/v1/auth/me/export", operation_id = "export_me", tag = "accounts",
    security(("bearer" = [])),
    responses(
        (status = 200, description = "What is kept about the caller", body = Success<ExportBody>),
        (status = 401, description = "`UNAUTHORIZED`: the session has ended", body = Problem),
        (status = 404, description = "`NOT_FOUND`: the token is of no account here", body = Problem),
        (status = 501, description = "`NOT_SUPPORTED`: tokens come from elsewhere", body = Problem),
    ),
)]
pub(crate) async fn export_me(caller: Caller, call: AccountCall) -> Result<Response, ApiError> {
    if caller.guest.is_some() {
        return of_guest(&caller, &call).await;
    }
    still::check(&call.state, &caller, Requirement::Account).await?;
    let user = caller.user.0;
    let export = call.accounts.export(user, call.now_ms).await?;
    let guests = export.guests.iter();
    let guests: Vec<UserId> = guests.map(|guest| UserId(guest.row.guest_id)).collect();
    let (bookings, are_all) = bookings(&call.state, caller.user, &guests).await?;
    let paid = payments(&call.state, caller.user, &guests).await?;
    let Export {
        person,
        factors,
        memberships,
        guests,
        identities,
        links,
        api_keys,
        sessions,
        audit,
        is_cut,
    } = export;
    let body = ExportBody {
        account: person.into(),
        second_factors: factors.into(),
        memberships: memberships.into_iter().map(MembershipBody::from).collect(),
        guests: guests.into_iter().map(GuestPurchaseBody::from).collect(),
        identities: identities
            .into_iter()
            .map(ExportedIdentityBody::from)
            .collect(),
        links: links
            .into_iter()
            .map(|link| ExportedLinkBody::of(link, user))
            .collect(),
        api_keys: api_keys.into_iter().map(ExportedApiKeyBody::from).collect(),
        sessions: sessions
            .into_iter()
            .map(ExportedSessionBody::from)
            .collect(),
        audit: audit
            .into_iter()
            .map(|row| EntryBody::of(row, user))
            .collect(),
        bookings,
        payments: paid.payments,
        refunds: paid.refunds,
        complete: are_all && !paid.is_cut && !is_cut,
    };
    envelope::success(&call.context, StatusCode::OK, &body)
}

/// As [`export_me`], for a guest.
async fn of_guest(caller: &Caller, call: &AccountCall) -> Result<Response, ApiError> {
    let user = caller.user.0;
    let (guest, audit, is_all_audit) = call.accounts.export_guest(user, call.now_ms).await?;
    let (bookings, are_all) = bookings(&call.state, caller.user, &[]).await?;
    let paid = payments(&call.state, caller.user, &[]).await?;
    let body = ExportBody {
        account: guest.into(),
        second_factors: FactorsOverview::default().into(),
        memberships: Vec::new(),
        guests: Vec::new(),
        identities: Vec::new(),
        links: Vec::new(),
        api_keys: Vec::new(),
        sessions: Vec::new(),
        audit: audit
            .into_iter()
            .map(|row| EntryBody::of(row, user))
            .collect(),
        bookings,
        payments: paid.payments,
        refunds: paid.refunds,
        complete: are_all && !paid.is_cut && is_all_audit,
    };
    envelope::success(&call.context, StatusCode::OK, &body)
}

/// The bookings of an account and of its purchases as a guest, newest first, and whether these are all.
async fn bookings(
    state: &AppState,
    user: UserId,
    guests: &[UserId],
) -> Result<(Vec<BookingBody>, bool), ApiError> {
    let mut bodies = Vec::new();
    let mut filter = BookingFilter {
        user_id: user,
        status: None,
        expires_after_ms: None,
        after: None,
        limit: BOOKINGS_PER_PAGE,
    };
    loop {
        // The database shows a caller its own and what it has taken over alone.
        let of_person = state.installation.bookings_together(&filter, guests);
        let rows = of_person.await?;
        let Some(last) = rows.last() else {
            return Ok((bodies, true));
        };
        filter.after = Some((last.reserved_at_ms, last.booking_id));
        for row in rows {
            if bodies.len() >= BOOKINGS_MAX {
                return Ok((bodies, false));
            }
            bodies.push(BookingBody::of(state, row).await?);
        }
    }
}
