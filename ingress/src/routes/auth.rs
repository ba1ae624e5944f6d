//! Accounts: register, sign in, go on, profile, sessions.

pub(super) mod account_call;
pub(super) mod body;
mod change_email;
mod change_password;
mod confirm_email;
mod cookie;
pub(super) mod delivery;
mod end_session;
mod erase_me;
mod error;
mod export_me;
mod exported_payments;
mod first_admin;
mod forgot_password;
mod guest;
mod identities;
mod jwks;
mod link_identity;
mod login;
mod logout;
mod logout_all;
mod me;
mod oauth_callback;
mod oauth_session;
mod oauth_start;
mod providers;
mod redirect;
mod refresh;
mod register;
mod registration;
mod resend_verification;
mod reset_password;
mod sessions;
mod take_over_guests;
mod unlink_identity;
mod update_me;
mod verify_email;
mod withdraw_email;

use utoipa_axum::routes;

use crate::rate_limit::Class;
use crate::remembered::{By, Remembers};
use crate::routes::endpoints::Endpoints;
use crate::routes::factors::second_step;
use crate::rules::Rules;

/// Of who registers. What it does again takes the password.
const REGISTRATION: Remembers = Remembers::of(By::Shown("email")).giving_tokens();
/// Of a guest. Whoever knows address and key gets another token of it, so the network has to be the same, too.
const GUEST: Remembers = Remembers::of(By::ShownFromNetwork("email")).giving_tokens();
/// Of who ends sessions or an account, which is done whatever else that person has asked for.
const ENDING: Remembers = Remembers::OF_CALLERS.ending_sessions().whatever_the_quota();

/// The endpoints with their rules.
pub(super) fn endpoints() -> Endpoints {
    let open = Rules::DEFAULT.ignoring_bad_tokens();
    Endpoints::default()
        .with(
            routes!(register::register),
            open.class(Class::Register)
                .bounds(register::BOUNDS)
                .remembering(REGISTRATION),
        )
        .with(
            routes!(first_admin::first_admin),
            open.class(Class::Register)
                .bounds(first_admin::BOUNDS)
                .remembering(Remembers::of(By::Shown("token")).giving_tokens()),
        )
        .with(
            routes!(login::login),
            open.class(Class::Login).bounds(login::BOUNDS),
        )
        .with(
            routes!(guest::guest),
            open.class(Class::Guest)
                .bounds(guest::BOUNDS)
                .remembering(GUEST),
        )
        .with(routes!(refresh::refresh), open)
        .with(
            routes!(logout::logout),
            // By a refresh token it answers the same whatever there is to end, so there is nothing to remember.
            open.for_guests().remembering(ENDING),
        )
        .with(
            routes!(logout_all::logout_all),
            Rules::DEFAULT.remembering(ENDING),
        )
        .with(
            routes!(change_password::change_password),
            Rules::DEFAULT
                .class(Class::Login)
                .bounds(change_password::BOUNDS)
                .remembering(Remembers::OF_CALLERS.whatever_the_quota()),
        )
        .with(routes!(me::me), Rules::DEFAULT.for_guests())
        .with(
            routes!(update_me::update_me),
            Rules::DEFAULT.bounds(update_me::BOUNDS).remembered(),
        )
        .with(
            routes!(erase_me::erase_me),
            Rules::DEFAULT
                .class(Class::Login)
                .for_guests()
                .remembering(ENDING),
        )
        .with(routes!(export_me::export_me), Rules::DEFAULT.for_guests())
        .with(
            routes!(take_over_guests::take_over_guests),
            Rules::DEFAULT.remembered(),
        )
        .with(routes!(sessions::sessions), Rules::DEFAULT)
        .with(
            routes!(end_session::end_session),
            // It may be that of the call.
            Rules::DEFAULT.remembering(ENDING),
        )
        .with(routes!(providers::providers), open)
        .with(
            routes!(oauth_start::oauth_start),
            open.class(Class::Login).bounds(oauth_start::BOUNDS),
        )
        .with(routes!(oauth_callback::oauth_callback), open)
        .with(
            routes!(oauth_session::oauth_session),
            open.bounds(oauth_session::BOUNDS),
        )
        .with(routes!(identities::identities), Rules::DEFAULT)
        .with(
            routes!(link_identity::link_identity),
            Rules::DEFAULT
                .class(Class::Login)
                .bounds(link_identity::BOUNDS),
        )
        .with(
            routes!(unlink_identity::unlink_identity),
            Rules::DEFAULT.class(Class::Login).remembered(),
        )
        .with(routes!(jwks::jwks), Rules::UNLIMITED)
        .and(by_mail())
        .and(in_browsers())
}

/// Those that keep tokens in cookies.
fn in_browsers() -> Endpoints {
    let pages = Rules::DEFAULT.ignoring_bad_tokens().with_cookies();
    Endpoints::default()
        .with(
            routes!(cookie::guest::cookie_guest),
            pages
                .class(Class::Guest)
                .bounds(guest::BOUNDS)
                .remembering(GUEST),
        )
        .with(
            routes!(cookie::register::cookie_register),
            pages
                .class(Class::Register)
                .bounds(register::BOUNDS)
                .remembering(REGISTRATION),
        )
        .with(
            routes!(cookie::login::cookie_login),
            pages.class(Class::Login).bounds(login::BOUNDS),
        )
        .with(
            routes!(cookie::second_factor::cookie_second_factor),
            pages.bounds(second_step::BOUNDS),
        )
        .with(
            routes!(cookie::passkey::cookie_passkey),
            pages.class(Class::Login),
        )
        .with(
            routes!(cookie::oauth_session::cookie_finish_sign_in),
            pages.bounds(oauth_session::BOUNDS),
        )
        .with(routes!(cookie::refresh::cookie_refresh), pages)
        .with(
            routes!(cookie::logout::cookie_logout),
            pages.remembering(ENDING),
        )
}

/// Those about mailed links.
fn by_mail() -> Endpoints {
    let open = Rules::DEFAULT.ignoring_bad_tokens();
    Endpoints::default()
        .with(
            // A password is checked where one comes along.
            routes!(verify_email::verify_email),
            open.class(Class::Login)
                .bounds(verify_email::BOUNDS)
                .remembering(Remembers::of(By::Shown("token"))),
        )
        .with(
            routes!(resend_verification::resend_verification),
            Rules::DEFAULT.class(Class::Reset).remembered(),
        )
        .with(
            routes!(forgot_password::forgot_password),
            open.class(Class::Reset)
                .remembering(Remembers::of(By::ShownFromNetwork("email"))),
        )
        .with(
            routes!(change_email::change_email),
            Rules::DEFAULT
                .class(Class::Reset)
                .bounds(change_email::BOUNDS)
                .remembered(),
        )
        .with(
            routes!(withdraw_email::withdraw_email),
            Rules::DEFAULT.remembering(Remembers::OF_CALLERS.whatever_the_quota()),
        )
        .with(
            // As with `verify_email`.
            routes!(confirm_email::confirm_email),
            open.class(Class::Login)
                .bounds(confirm_email::BOUNDS)
                .remembering(Remembers::of(By::Shown("token"))),
        )
        .with(
            routes!(reset_password::reset_password),
            open.bounds(reset_password::BOUNDS)
                .remembering(Remembers::of(By::Shown("token")).whatever_the_quota()),
        )
}
