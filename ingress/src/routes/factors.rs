//! Second factors of accounts: authenticator apps, recovery codes, passkeys, and showing one.

mod add_passkey;
mod begin_passkey;
mod body;
mod confirm_totp;
mod list;
mod passkey_options;
pub(super) mod passkey_sign_in;
mod recovery_codes;
mod remove_passkey;
mod remove_totp;
pub(super) mod second_step;
mod set_up_totp;
mod step_up;

use utoipa_axum::routes;
use uuid::Uuid;

pub(super) use body::FactorsBody;

use crate::auth::Caller;
use crate::bounds::Bound;
use crate::error::ApiError;
use crate::rate_limit::Class;
use crate::remembered::Remembers;
use crate::routes::endpoints::Endpoints;
use crate::rules::Rules;

/// What a code looks like, for the document: 6 digits, or a recovery code, with blanks and hyphens wherever people
/// type them.
const CODE_FORM: &str = r"^[-\s]*(([0-9][-\s]*){6}|([0-9A-TV-Za-tv-z][-\s]*){16})$";
/// The bound of a code.
pub(super) const CODE: Bound = Bound::Form(CODE_FORM, onsale_accounts::CODE_MAX_BYTES);

/// Of what is answered with secrets of a factor, or recovery codes.
const SECRET: Remembers = Remembers::OF_CALLERS.holding_secrets();

/// The endpoints with their rules.
pub(super) fn endpoints() -> Endpoints {
    // What confirms a password counts with the attempts to sign in.
    let confirming = Rules::DEFAULT.class(Class::Login);
    let open = Rules::DEFAULT.ignoring_bad_tokens();
    Endpoints::default()
        .with(
            // Guesses count against the challenge and the account, not the address.
            routes!(second_step::second_step),
            open.bounds(second_step::BOUNDS),
        )
        .with(routes!(passkey_options::passkey_options), open)
        .with(
            // Guesses cost what those of a password do.
            routes!(passkey_sign_in::passkey_sign_in),
            open.class(Class::Login),
        )
        .with(
            routes!(step_up::step_up),
            Rules::DEFAULT.bounds(step_up::BOUNDS),
        )
        .with(routes!(list::list), Rules::DEFAULT)
        .with(
            routes!(set_up_totp::set_up_totp),
            confirming.remembering(SECRET),
        )
        .with(
            routes!(confirm_totp::confirm_totp),
            Rules::DEFAULT
                .bounds(confirm_totp::BOUNDS)
                .remembering(SECRET),
        )
        .with(routes!(remove_totp::remove_totp), confirming.remembered())
        .with(
            routes!(recovery_codes::recovery_codes),
            confirming.remembering(SECRET),
        )
        .with(routes!(begin_passkey::begin_passkey), confirming)
        .with(
            routes!(add_passkey::add_passkey),
            Rules::DEFAULT
                .bounds(add_passkey::BOUNDS)
                .remembering(SECRET),
        )
        .with(
            routes!(remove_passkey::remove_passkey),
            confirming.remembered(),
        )
}

/// The session that a caller acts in.
fn session_of(caller: &Caller) -> Result<Uuid, ApiError> {
    caller.session.ok_or_else(|| {
        ApiError::forbidden("This takes a session of an account: sign in with `POST /auth/login`.")
    })
}
