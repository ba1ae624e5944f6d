//! Who gets what: a row for each endpoint.

use super::*;

pub(super) struct Row {
    pub(super) method: &'static str,
    /// As the document has it, with the query that this row is about.
    pub(super) route: &'static str,
    pub(super) gets: [Gets; 12],
    pub(super) members: [Gets; 6],
}

pub(super) const fn row(
    method: &'static str,
    route: &'static str,
    gets: [Gets; 12],
    members: [Gets; 6],
) -> Row {
    Row {
        method,
        route,
        gets,
        members,
    }
}

pub(super) const EVERYBODY: [Gets; 12] = [K; 12];
pub(super) const SIGNED_IN: [Gets; 12] = [U, K, K, K, K, K, K, K, K, K, K, K];
pub(super) const ADMINS: [Gets; 12] = [U, F, F, F, F, F, K, F, K, F, K, F];
pub(super) const OPERATORS: [Gets; 12] = [U, F, F, F, F, F, F, F, F, F, K, F];
pub(super) const SERVICES: [Gets; 12] = [U, F, F, F, F, F, F, K, F, H, F, K];
pub(super) const BUYERS: [Gets; 12] = [U, K, K, F, F, F, F, F, F, F, F, F];
pub(super) const ORGANIZERS: [Gets; 12] = [U, F, F, K, K, K, K, F, K, F, K, F];
pub(super) const ITS_ORGANIZER: [Gets; 12] = [U, F, F, K, F, F, K, F, F, F, K, F];
pub(super) const ITS_BUYER_ONLY: [Gets; 12] = [U, K, H, H, H, H, H, H, H, H, H, H];
/// A draft.
pub(super) const UNPUBLISHED: [Gets; 12] = [H, H, H, K, H, H, K, H, H, H, K, H];

pub(super) const ALL: [Gets; 6] = [K; 6];
pub(super) const NONE: [Gets; 6] = [F; 6];
/// Of its tenant, owner and manager alone.
pub(super) const MANAGE: [Gets; 6] = [K, K, F, F, F, F];
/// As above, each in its own tenant.
pub(super) const MANAGE_OWN: [Gets; 6] = [K, K, F, F, F, K];
pub(super) const READ_SALES: [Gets; 6] = [K, K, K, K, F, K];
pub(super) const SEE_DRAFTS: [Gets; 6] = [K, K, K, K, H, H];
pub(super) const BOOKINGS: [Gets; 6] = [K, K, F, K, F, H];
/// Who reads payments and decides about refunds.
pub(super) const FINANCE: [Gets; 6] = [K, K, K, F, F, H];
/// What is the tenant's own, for those who see its drafts, and who manages its events.
pub(super) const ITS_STAFF: [Gets; 12] = [H, H, H, K, K, H, K, H, H, H, K, H];
pub(super) const ITS_STAFF_SIGNED_IN: [Gets; 12] = [U, H, H, K, K, H, K, H, H, H, K, H];
pub(super) const ITS_MANAGERS: [Gets; 12] = [U, F, F, K, K, H, K, F, H, F, K, F];
pub(super) const MANAGE_HIDDEN: [Gets; 6] = [K, K, F, F, F, H];

#[rustfmt::skip]
pub(super) const MATRIX: &[Row] = &[
    //                                             nobody, buyer, other, organizer, other, other tenant, admin, service,
    //                                             both of another tenant, operator, service of the installation;
    //                                             then members: owner, manager, finance, box office, scanner, owner elsewhere
    // Most of these callers have tokens of no account and no session here: that they may ask is then said by
    // an answer about what they sent, or about what there is not (`let_in`).
    row("POST", "/api/v1/auth/register", EVERYBODY, ALL),
    row("POST", "/api/v1/auth/first-admin", EVERYBODY, ALL),
    row("POST", "/api/v1/auth/login", EVERYBODY, ALL),
    row("POST", "/api/v1/auth/refresh", EVERYBODY, ALL),
    row("POST", "/api/v1/auth/guest", EVERYBODY, ALL),
    row("POST", "/api/v1/auth/cookie/register", EVERYBODY, ALL),
    row("POST", "/api/v1/auth/cookie/login", EVERYBODY, ALL),
    row("POST", "/api/v1/auth/cookie/login/second-factor", EVERYBODY, ALL),
    row("POST", "/api/v1/auth/cookie/passkey", EVERYBODY, ALL),
    row("POST", "/api/v1/auth/cookie/oauth/session", EVERYBODY, ALL),
    row("POST", "/api/v1/auth/cookie/refresh", EVERYBODY, ALL),
    row("POST", "/api/v1/auth/cookie/logout", EVERYBODY, ALL),
    row("POST", "/api/v1/auth/cookie/guest", EVERYBODY, ALL),
    row("POST", "/api/v1/auth/verify-email", EVERYBODY, ALL),
    row("POST", "/api/v1/auth/verify-email/resend", SIGNED_IN, ALL),
    row("POST", "/api/v1/auth/forgot-password", EVERYBODY, ALL),
    row("POST", "/api/v1/auth/reset-password", EVERYBODY, ALL),
    row("POST", "/api/v1/auth/logout", SIGNED_IN, ALL),
    row("POST", "/api/v1/auth/logout-all", SIGNED_IN, ALL),
    row("POST", "/api/v1/auth/change-password", SIGNED_IN, ALL),
    row("POST", "/api/v1/auth/change-email", SIGNED_IN, ALL),
    row("DELETE", "/api/v1/auth/change-email", SIGNED_IN, ALL),
    row("POST", "/api/v1/auth/confirm-email", EVERYBODY, ALL),
    row("GET", "/api/v1/auth/me", SIGNED_IN, ALL),
    row("PUT", "/api/v1/auth/me", SIGNED_IN, ALL),
    row("DELETE", "/api/v1/auth/me", SIGNED_IN, ALL),
    row("GET", "/api/v1/auth/me/export", SIGNED_IN, ALL),
    row("POST", "/api/v1/auth/me/guest-bookings", SIGNED_IN, ALL),
    row("GET", "/api/v1/auth/sessions", SIGNED_IN, ALL),
    row("DELETE", "/api/v1/auth/sessions/{id}", SIGNED_IN, ALL),
    row("GET", "/api/v1/auth/providers", EVERYBODY, ALL),
    row("GET", "/api/v1/auth/oauth/{provider}/start", EVERYBODY, ALL),
    row("GET", "/api/v1/auth/oauth/{provider}/callback", EVERYBODY, ALL),
    row("POST", "/api/v1/auth/oauth/session", EVERYBODY, ALL),
    row("GET", "/api/v1/auth/me/identities", SIGNED_IN, ALL),
    row("POST", "/api/v1/auth/me/identities", SIGNED_IN, ALL),
    row("DELETE", "/api/v1/auth/me/identities/{id}", SIGNED_IN, ALL),
    row("POST", "/api/v1/auth/login/second-factor", EVERYBODY, ALL),
    row("POST", "/api/v1/auth/passkeys/options", EVERYBODY, ALL),
    row("POST", "/api/v1/auth/passkeys/sign-in", EVERYBODY, ALL),
    row("POST", "/api/v1/auth/step-up", SIGNED_IN, ALL),
    row("GET", "/api/v1/auth/factors", SIGNED_IN, ALL),
    row("POST", "/api/v1/auth/factors/totp", SIGNED_IN, ALL),
    row("POST", "/api/v1/auth/factors/totp/confirm", SIGNED_IN, ALL),
    row("DELETE", "/api/v1/auth/factors/totp", SIGNED_IN, ALL),
    row("POST", "/api/v1/auth/factors/recovery-codes", SIGNED_IN, ALL),
    row("POST", "/api/v1/auth/factors/passkeys/options", SIGNED_IN, ALL),
    row("POST", "/api/v1/auth/factors/passkeys", SIGNED_IN, ALL),
    row("DELETE", "/api/v1/auth/factors/passkeys/{id}", SIGNED_IN, ALL),
    row("POST", "/api/v1/tenants", OPERATORS, NONE),
    row("GET", "/api/v1/tenants", SIGNED_IN, ALL),
    row("GET", "/api/v1/tenants/{id}", [U, H, H, H, H, H, K, H, H, H, K, H], [K, K, K, K, K, H]),
    row("PATCH", "/api/v1/tenants/{id}", [U, F, F, F, F, F, K, F, H, F, K, F], [K, K, F, F, F, H]),
    row("GET", "/api/v1/tenants/{id}/branding", [U, H, H, H, H, H, K, H, H, H, K, H], [K, K, K, K, K, H]),
    row("PUT", "/api/v1/tenants/{id}/branding", [U, F, F, F, F, F, K, F, H, F, K, F], [K, K, F, F, F, H]),
    row("GET", "/api/v1/tenants/{id}/logo", [U, H, H, H, H, H, K, H, H, H, K, H], [K, K, K, K, K, H]),
    row("PUT", "/api/v1/tenants/{id}/logo", [U, F, F, F, F, F, K, F, H, F, K, F], [K, K, F, F, F, H]),
    row("DELETE", "/api/v1/tenants/{id}/logo", [U, F, F, F, F, F, K, F, H, F, K, F], [K, K, F, F, F, H]),
    row("GET", "/api/v1/branding/{slug}", EVERYBODY, ALL),
    row("GET", "/api/v1/logos/{id}", EVERYBODY, ALL),
    row("GET", "/api/v1/tenants/{id}/members", [U, F, F, F, F, F, K, F, H, F, K, F], [K, F, F, F, F, H]),
    row("POST", "/api/v1/tenants/{id}/members", [U, F, F, F, F, F, K, F, H, F, K, F], [K, F, F, F, F, H]),
    row("PATCH", "/api/v1/tenants/{id}/members/{user}", [U, F, F, F, F, F, K, F, H, F, K, F], [K, F, F, F, F, H]),
    row("DELETE", "/api/v1/tenants/{id}/members/{user}", [U, F, F, F, F, F, K, F, H, F, K, F], [K, F, F, F, F, H]),
    row("GET", "/api/v1/tenants/{id}/invitations", [U, F, F, F, F, F, K, F, H, F, K, F], [K, F, F, F, F, H]),
    row("DELETE", "/api/v1/tenants/{id}/invitations/{invitation}", [U, F, F, F, F, F, K, F, H, F, K, F], [K, F, F, F, F, H]),
    row("GET", "/api/v1/tenants/{id}/api-keys", [U, F, F, F, F, F, K, F, H, F, K, F], [K, K, F, F, F, H]),
    row("POST", "/api/v1/tenants/{id}/api-keys", [U, F, F, F, F, F, K, F, H, F, K, F], [K, K, F, F, F, H]),
    row("DELETE", "/api/v1/tenants/{id}/api-keys/{key}", [U, F, F, F, F, F, K, F, H, F, K, F], [K, K, F, F, F, H]),
    row("GET", "/api/v1/users", OPERATORS, NONE),
    row("GET", "/api/v1/users/{id}", OPERATORS, NONE),
    row("POST", "/api/v1/users/{id}/disable", OPERATORS, NONE),
    row("POST", "/api/v1/users/{id}/enable", OPERATORS, NONE),
    row("POST", "/api/v1/users/{id}/end-sessions", OPERATORS, NONE),
    row("PUT", "/api/v1/users/{id}/role", OPERATORS, NONE),
    row("GET", "/api/v1/audit", [U, F, F, F, F, F, K, F, K, F, K, F], [K, K, F, F, F, K]),
    row("GET", "/api/v1/audit/export", [U, F, F, F, F, F, K, F, K, F, K, F], [K, K, F, F, F, K]),
    row("POST", "/api/v1/invitations/{token}/accept", SIGNED_IN, ALL),
    row("GET", "/.well-known/jwks.json", EVERYBODY, ALL),
    row("POST", "/api/v1/bookings/reserve", BUYERS, NONE),
    row("POST", "/api/v1/bookings/{id}/confirm", SERVICES, NONE),
    row("POST", "/api/v1/bookings/{id}/cancel", [U, K, H, K, H, H, K, K, H, H, K, K], BOOKINGS),
    row("POST", "/api/v1/bookings/{id}/return", [U, F, F, K, H, H, K, K, H, H, K, K], BOOKINGS),
    row("POST", "/api/v1/bookings/{id}/extend", SERVICES, NONE),
    row("GET", "/api/v1/bookings", SIGNED_IN, ALL),
    row("GET", "/api/v1/bookings/pending", SIGNED_IN, ALL),
    row("GET", "/api/v1/bookings/{id}", [U, K, H, K, H, H, K, K, H, H, K, K], BOOKINGS),
    row("GET", "/api/v1/bookings/{id}/receipt", [U, K, H, K, H, H, K, K, H, H, K, K], BOOKINGS),
    row("POST", "/api/v1/payments", [U, K, H, K, H, H, K, K, H, H, K, K], BOOKINGS),
    row("GET", "/api/v1/payments?tenant=00000000-0000-0000-0000-000000000007", [U, F, F, F, F, F, K, F, F, F, K, F], [K, K, K, F, F, F]),
    row("GET", "/api/v1/payments/{id}", [U, K, H, K, H, H, K, K, H, H, K, K], FINANCE),
    row("POST", "/api/v1/payments/{id}/cancel", [U, K, H, F, F, F, F, F, F, F, F, F], NONE),
    row("POST", "/api/v1/payments/{id}/refund", [U, K, H, K, H, H, K, F, H, F, K, F], FINANCE),
    row("GET", "/api/v1/payments/{id}/refunds", [U, K, H, K, H, H, K, K, H, H, K, K], FINANCE),
    row("GET", "/api/v1/refunds?tenant=00000000-0000-0000-0000-000000000007", [U, F, F, F, F, F, K, F, F, F, K, F], [K, K, K, F, F, F]),
    row("POST", "/api/v1/refunds/{id}/approve", [U, F, F, K, H, H, K, F, H, F, K, F], FINANCE),
    row("POST", "/api/v1/refunds/{id}/refuse", [U, F, F, K, H, H, K, F, H, F, K, F], FINANCE),
    row("POST", "/api/v1/webhooks/{gateway}", EVERYBODY, ALL),
    row("GET", "/api/v1/requests/{id}", ITS_BUYER_ONLY, [H; 6]),
    row("GET", "/api/v1/requests/{id}/explanation", [U, K, H, F, F, F, K, F, H, F, K, F], NONE),
    row("GET", "/api/v1/events", EVERYBODY, ALL),
    row("GET", "/api/v1/events?mine=true", ORGANIZERS, READ_SALES),
    row("GET", "/api/v1/events/suggest?q=opera", EVERYBODY, ALL),
    row("POST", "/api/v1/events", ORGANIZERS, MANAGE_OWN),
    row("GET", "/api/v1/events/{id}", EVERYBODY, ALL),
    row("GET", "/api/v1/events/{draft}", UNPUBLISHED, SEE_DRAFTS),
    row("GET", "/api/v1/events/{id}?include=shows", EVERYBODY, ALL),
    row("GET", "/api/v1/events/{draft}?include=shows", UNPUBLISHED, SEE_DRAFTS),
    row("GET", "/api/v1/events/by-slug/{slug}", EVERYBODY, ALL),
    row("GET", "/api/v1/events/calendar.ics?tenant=00000000-0000-0000-0000-000000000007", EVERYBODY, ALL),
    row("GET", "/api/v1/events/{id}/calendar.ics", EVERYBODY, ALL),
    row("GET", "/api/v1/events/{draft}/calendar.ics", UNPUBLISHED, SEE_DRAFTS),
    row("GET", "/api/v1/events/{id}/schema.json", EVERYBODY, ALL),
    row("GET", "/api/v1/events/{draft}/schema.json", UNPUBLISHED, SEE_DRAFTS),
    row("GET", "/api/v1/events/{id}/orders", ITS_ORGANIZER, [K, K, F, K, F, F]),
    row("GET", "/api/v1/events/{id}/orders/export", ITS_ORGANIZER, [K, K, F, K, F, F]),
    row("PUT", "/api/v1/events/{id}", ITS_ORGANIZER, MANAGE),
    row("PATCH", "/api/v1/events/{id}", ITS_ORGANIZER, MANAGE),
    row("DELETE", "/api/v1/events/{id}", ITS_ORGANIZER, MANAGE),
    row("POST", "/api/v1/events/{id}/copy", ITS_ORGANIZER, MANAGE),
    row("PUT", "/api/v1/events/{id}/picture", ITS_ORGANIZER, MANAGE),
    row("DELETE", "/api/v1/events/{id}/picture", ITS_ORGANIZER, MANAGE),
    row("GET", "/api/v1/pictures/{id}/{width}", EVERYBODY, ALL),
    row("GET", "/api/v1/categories", EVERYBODY, ALL),
    row("POST", "/api/v1/categories", OPERATORS, NONE),
    row("PATCH", "/api/v1/categories/{id}", OPERATORS, NONE),
    row("DELETE", "/api/v1/categories/{id}", OPERATORS, NONE),
    row("GET", "/api/v1/events/{id}/shows", EVERYBODY, ALL),
    row("GET", "/api/v1/events/{draft}/shows", UNPUBLISHED, SEE_DRAFTS),
    row("POST", "/api/v1/events/{id}/shows", ITS_ORGANIZER, MANAGE),
    row("GET", "/api/v1/shows/{id}", EVERYBODY, ALL),
    row("PATCH", "/api/v1/shows/{id}", ITS_ORGANIZER, MANAGE),
    row("DELETE", "/api/v1/shows/{id}", ITS_ORGANIZER, MANAGE),
    row("GET", "/api/v1/shows/{id}/zones", EVERYBODY, ALL),
    row("GET", "/api/v1/shows/{id}/seats", EVERYBODY, ALL),
    row("GET", "/api/v1/shows/{id}/offer", EVERYBODY, ALL),
    row("PUT", "/api/v1/shows/{id}/offer", ITS_ORGANIZER, MANAGE),
    row("POST", "/api/v1/shows/{id}/quote", EVERYBODY, ALL),
    row("GET", "/api/v1/shows/{id}/availability", EVERYBODY, ALL),
    row("GET", "/api/v1/shows/{id}/availability/stream", EVERYBODY, ALL),
    row("POST", "/api/v1/shows/{id}/close", ITS_ORGANIZER, MANAGE),
    row("POST", "/api/v1/shows/{id}/cancel", ITS_ORGANIZER, MANAGE),
    row("POST", "/api/v1/shows/{id}/block", ITS_ORGANIZER, MANAGE),
    row("POST", "/api/v1/shows/{id}/unblock", ITS_ORGANIZER, MANAGE),
    row("POST", "/api/v1/shows/{id}/zones", ITS_ORGANIZER, MANAGE),
    row("POST", "/api/v1/shows/{id}/zones/{zone_id}/seats", ITS_ORGANIZER, MANAGE),
    row("DELETE", "/api/v1/shows/{id}/zones/{zone_id}/seats", ITS_ORGANIZER, MANAGE),
    row("GET", "/api/v1/shows/{id}/codes", ITS_ORGANIZER, MANAGE),
    row("POST", "/api/v1/shows/{id}/codes", ITS_ORGANIZER, MANAGE),
    row("GET", "/api/v1/shows/{id}/codes/{group}", ITS_ORGANIZER, MANAGE),
    row("PATCH", "/api/v1/shows/{id}/codes/{group}", ITS_ORGANIZER, MANAGE),
    row("DELETE", "/api/v1/shows/{id}/codes/{group}", ITS_ORGANIZER, MANAGE),
    row("GET", "/api/v1/shows/{id}/codes/{group}/export", ITS_ORGANIZER, MANAGE),
    row("DELETE", "/api/v1/shows/{id}/codes/{group}/{code}", ITS_ORGANIZER, MANAGE),
    row("GET", "/api/v1/venues", ORGANIZERS, READ_SALES),
    row("POST", "/api/v1/venues", ORGANIZERS, MANAGE_OWN),
    row("GET", "/api/v1/venues/{id}", EVERYBODY, ALL),
    row("GET", "/api/v1/venues/{draft}", ITS_STAFF, SEE_DRAFTS),
    row("PUT", "/api/v1/venues/{id}", ITS_MANAGERS, MANAGE_HIDDEN),
    row("DELETE", "/api/v1/venues/{id}", ITS_MANAGERS, MANAGE_HIDDEN),
    row("GET", "/api/v1/venues/{id}/maps", ITS_STAFF_SIGNED_IN, SEE_DRAFTS),
    row("POST", "/api/v1/venues/{id}/maps", ITS_MANAGERS, MANAGE_HIDDEN),
    row("POST", "/api/v1/venues/{id}/maps/import", ITS_MANAGERS, MANAGE_HIDDEN),
    row("POST", "/api/v1/venues/{id}/maps/generate", ITS_MANAGERS, MANAGE_HIDDEN),
    row("GET", "/api/v1/venues/{id}/maps/{map_id}", ITS_STAFF_SIGNED_IN, SEE_DRAFTS),
    row("PUT", "/api/v1/venues/{id}/maps/{map_id}", ITS_MANAGERS, MANAGE_HIDDEN),
    row("GET", "/api/v1/charts/{address}", EVERYBODY, ALL),
    row("GET", "/api/v1/schemas/hall.json", EVERYBODY, ALL),
    row("GET", "/api/v1/partitions", ADMINS, NONE),
    row("GET", "/api/v1/admin/snapshots", OPERATORS, NONE),
    row("POST", "/api/v1/admin/snapshots", OPERATORS, NONE),
    row("POST", "/api/v1/admin/reconcile", OPERATORS, NONE),
    row("POST", "/api/v1/admin/reconcile/apply", OPERATORS, NONE),
    row("POST", "/api/v1/admin/failover", OPERATORS, NONE),
    row("GET", "/api/v1/admin/clock", OPERATORS, NONE),
    row("POST", "/api/v1/admin/clock/reset", OPERATORS, NONE),
    row("GET", "/health/live", EVERYBODY, ALL),
    row("GET", "/health/ready", EVERYBODY, ALL),
];
