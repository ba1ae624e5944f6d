//! People and sessions as clients read them.

use onsale_accounts::{Guest, OwnSession, Person, SignedIn};
use onsale_private::Private;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::values::Instant;

/// Someone who has signed in.
#[derive(Serialize, ToSchema)]
#[schema(as = SignedIn)]
pub(crate) struct SignedInBody {
    /// For `Authorization: Bearer …`.
    access_token: String,
    /// `Bearer`.
    token_type: &'static str,
    /// Life of the access token.
    expires_in: u64,
    /// For `POST /auth/refresh`, once.
    refresh_token: String,
    /// Life of the refresh token, in seconds; each use prolongs the session.
    refresh_expires_in: u64,
    user: PersonBody,
}

/// An account, as its person sees it.
#[derive(Serialize, ToSchema)]
#[schema(as = Person)]
pub(crate) struct PersonBody {
    user_id: Uuid,
    email: Option<String>,
    name: Option<String>,
    phone: Option<String>,
    /// The tag of a language.
    locale: Option<String>,
    /// `buyer`, `organizer`, `admin`, or `guest` for who buys without an account.
    role: &'static str,
    /// The tenant that the session acts for.
    tenant_id: Option<Uuid>,
    /// What the person is to it: `owner`, `manager`, `finance`, `box_office` or `scanner`.
    member: Option<&'static str>,
    /// Whether a link that was mailed to the address was followed, or a provider vouched for it.
    email_verified: bool,
    /// Whether it is known, beside that, that the account is the address's owner's: what belongs to that owner takes
    /// it (`CONFIRMATION_REQUIRED`).
    address_owned: bool,
    /// True for an admin or a member who has to set a second factor up first: until then tokens say the role
    /// of a buyer, and a refresh after it says the right one.
    second_factor_required: bool,
    created_at: Instant,
    /// Whether something of it is `null` because what is kept of it does not open: it is damaged, or its key is not
    /// configured.
    unreadable: bool,
}

/// A sign-in.
#[derive(Serialize, ToSchema)]
#[schema(as = Session)]
pub(crate) struct SessionBody {
    session_id: Uuid,
    /// Whether it is the one that asks.
    current: bool,
    created_at: Instant,
    last_used_at: Instant,
    /// When it ends unless it is used.
    expires_at: Instant,
    /// The program that it was opened with.
    user_agent: Option<String>,
    /// The address that it was opened from.
    address: Option<String>,
    /// Whether something of it is `null` because what is kept of it does not open: it is damaged, or its key is not
    /// configured.
    unreadable: bool,
}

/// What a call has done that has nothing else to say.
#[derive(Serialize, ToSchema)]
#[schema(as = Done)]
pub(crate) struct DoneBody {
    /// True.
    done: bool,
}

pub(in crate::routes) const DONE: DoneBody = DoneBody { done: true };

impl From<SignedIn> for SignedInBody {
    fn from(signed_in: SignedIn) -> Self {
        Self {
            access_token: signed_in.access_token.into_exposed(),
            token_type: "Bearer",
            expires_in: signed_in.expires_in_seconds,
            refresh_token: signed_in.refresh_token.expose(),
            refresh_expires_in: signed_in.refresh_expires_in_seconds,
            user: signed_in.person.into(),
        }
    }
}

impl From<Person> for PersonBody {
    fn from(person: Person) -> Self {
        let Person {
            user,
            profile,
            standing,
        } = person;
        let tenant = standing.tenant.0;
        let address_owned = user.owns_address();
        Self {
            user_id: user.user_id,
            email: profile.email.map(Private::into_exposed),
            name: profile.name.map(Private::into_exposed),
            phone: profile.phone.map(Private::into_exposed),
            locale: user.locale,
            role: standing.called,
            tenant_id: (!tenant.is_nil()).then_some(tenant),
            member: standing.member.map(|role| role.as_str()),
            email_verified: user.email_verified_at_ms.is_some(),
            address_owned,
            second_factor_required: standing.needs_factor,
            created_at: Instant(user.created_at_ms),
            unreadable: profile.is_unreadable,
        }
    }
}

impl From<Guest> for PersonBody {
    fn from(guest: Guest) -> Self {
        let Guest {
            row,
            email,
            is_unreadable,
        } = guest;
        Self {
            user_id: row.guest_id,
            email: email.map(Private::into_exposed),
            name: None,
            phone: None,
            locale: row.locale,
            role: "guest",
            tenant_id: None,
            member: None,
            email_verified: false,
            address_owned: false,
            second_factor_required: false,
            created_at: Instant(row.created_at_ms),
            unreadable: is_unreadable,
        }
    }
}

impl SessionBody {
    pub(super) fn of(session: OwnSession, current: Option<Uuid>) -> Self {
        Self {
            session_id: session.session_id,
            current: current == Some(session.session_id),
            created_at: Instant(session.created_at_ms),
            last_used_at: Instant(session.last_used_at_ms),
            expires_at: Instant(session.expires_at_ms),
            user_agent: session.agent.map(Private::into_exposed),
            address: session.address.map(Private::into_exposed),
            unreadable: session.is_unreadable,
        }
    }
}
