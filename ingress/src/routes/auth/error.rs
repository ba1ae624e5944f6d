//! What goes wrong with accounts, as clients see it.

use onsale_accounts::sessions::Refusal;
use onsale_accounts::{AccountError, CONTRAST_MIN, ProviderError};
use onsale_store::account::{Purpose, SessionEnd};
use onsale_store::address_change::ADDRESS_CHANGES_PER_DAY_MAX;
use serde_json::{Value, json};

use crate::error::{ApiError, Code};
use crate::values::Instant;

/// When a provider that does not answer is worth another try, in seconds.
const PROVIDER_RETRY_AFTER_SECONDS: u64 = 30;

impl From<AccountError> for ApiError {
    #[expect(clippy::too_many_lines, reason = "a table: a row an error")]
    fn from(error: AccountError) -> Self {
        match error {
            // What was sent is personal, and is not repeated.
            AccountError::Invalid { field, expected } => {
                Self::invalid(field, Value::Null, expected)
            }
            AccountError::InvalidValue {
                field,
                value,
                expected,
            } => Self::invalid(field, value, expected),
            AccountError::Past { field, at_ms } => {
                Self::invalid(field, Instant(at_ms), "an instant that lies ahead")
            }
            AccountError::Weak { field, why } => {
                Self::invalid(field, Value::Null, &why.to_string())
            }
            AccountError::EmailTaken => Self::new(
                Code::EmailTaken,
                "There is an account with this e-mail address already: sign in, or reset its password.",
            ),
            AccountError::AddressTaken(purpose) => Self::new(Code::EmailTaken, taken_by(purpose)),
            AccountError::NotFollower => Self::new(
                Code::Unauthorized,
                "The link alone does not show that this is your account: sign in to it and follow the link again, \
                 or send the account's `password` along. The link stays good.",
            ),
            AccountError::InvalidCredentials => Self::new(
                Code::InvalidCredentials,
                "The password is wrong, or the e-mail address that you are signing in with.",
            ),
            AccountError::SecondFactor(step) => Self::new(
                Code::SecondFactorRequired,
                "This account has a second factor: answer the challenge with `POST \
                 /auth/login/second-factor`, or sign in with a passkey.",
            )
            .with_details(json!({
                "challenge": step.challenge.expose(),
                "expires_in": step.expires_in_seconds,
                "ways": step.ways,
            })),
            AccountError::StepUp { ways } => Self::new(
                Code::SecondFactorRequired,
                "Show the second factor of this account first, with `POST /auth/step-up`: it is then enough \
                 for 15 minutes.",
            )
            .with_details(json!({ "step_up": true, "ways": ways })),
            AccountError::WrongCode => Self::new(
                Code::InvalidCode,
                "The code is wrong, or was used before: use the next one of the app, or another recovery code.",
            ),
            AccountError::TooManyCodes {
                retry_after_seconds,
            } => Self::new(
                Code::RateLimited,
                "Too many codes of the authenticator app were tried on this account: use a recovery code or a \
                 passkey, or try again later.",
            )
            .retry_after(retry_after_seconds),
            AccountError::ChallengeGone => Self::new(
                Code::ChallengeExpired,
                "What is answered here was answered before, took too long, or took too many attempts: \
                 begin again.",
            ),
            AccountError::WrongPasskey => Self::new(
                Code::InvalidCredentials,
                "This passkey is not known here, or what it signed is not valid.",
            ),
            AccountError::PasskeyTaken => Self::new(
                Code::PasskeyTaken,
                "This passkey is registered already: use another.",
            ),
            AccountError::TooManyPasskeys => Self::new(
                Code::QuotaExceeded,
                "The account has as many passkeys as it may: remove one first.",
            ),
            AccountError::NoPasskeys => Self::new(
                Code::NotSupported,
                "Browsers have no passkeys at the address of the pages of this installation. (To have them, \
                 set http.public_url to one with TLS and a host name.)",
            ),
            AccountError::Disabled => Self::forbidden(
                "This account is disabled: ask the operators of this installation to enable it.",
            ),
            AccountError::Refresh(why) => refused(why),
            AccountError::BadLink(purpose) => Self::new(Code::LinkExpired, bad_link(purpose)),
            AccountError::LastOwner => Self::new(
                Code::LastOwner,
                "A tenant has at least one owner: make another member an owner first.",
            ),
            AccountError::Contrast {
                text,
                background,
                found,
            } => {
                let expected = format!("a contrast of at least {CONTRAST_MIN} with {background}");
                let what = format!(
                    "has a contrast of {found} with {background}; expected at least {CONTRAST_MIN}"
                );
                Self::wrong(text, Value::Null, &what, &expected)
                    .with_detail("contrast", json!(found.to_one()))
                    .with_detail("contrast_min", json!(CONTRAST_MIN.to_one()))
            }
            AccountError::SlugTaken => Self::new(
                Code::SlugTaken,
                "Another tenant has this slug: choose another.",
            ),
            AccountError::OtherAddress => Self::forbidden(
                "This invitation was sent to another e-mail address than that of your account: sign in \
                 with the account of that address.",
            ),
            AccountError::NotVerified => Self::new(
                Code::NotVerified,
                "Verify your e-mail address first: follow the link in the mail that was sent to it, or have \
                 another one sent (`POST /auth/verify-email/resend`).",
            ),
            AccountError::NotOwned => Self::new(
                Code::ConfirmationRequired,
                "The e-mail address is verified, but its owner need not be the person who created this account. \
                 Have another link sent (`POST /auth/verify-email/resend`) and follow it while you are signed in, \
                 or set the password anew by mail (`POST /auth/forgot-password`).",
            ),
            AccountError::OwnerUnknown => Self::new(
                Code::ConfirmationRequired,
                "Nobody has shown that this account is that of the owner of its e-mail address, so someone else \
                 may have registered it: let its person have another link sent (`POST \
                 /auth/verify-email/resend`) and follow it while signed in, or set the password anew by mail.",
            ),
            AccountError::TooManyInvitations => Self::new(
                Code::TooManyInvitations,
                "The tenant has as many open invitations as it may: wait until some are answered or expire.",
            ),
            AccountError::TooManyTenants => Self::new(
                Code::QuotaExceeded,
                "You own as many tenants as one person may: ask the operators for another.",
            ),
            AccountError::TooManyKeys => Self::new(
                Code::TooManyKeys,
                "The tenant has as many API keys as it may: revoke one first.",
            ),
            AccountError::BadSignIn => Self::new(
                Code::SignInExpired,
                "This sign-in was not begun in this browser, took too long, or has ended: begin it again.",
            ),
            AccountError::SignInAgain => Self::new(
                Code::SignInAgain,
                "The account has no password to confirm this with: sign in again, and do it within 15 minutes.",
            ),
            AccountError::NoPassword => Self::new(
                Code::NoPassword,
                "The account has no password yet: have a link sent that sets one (`POST /auth/forgot-password`).",
            ),
            AccountError::LastWayIn => Self::new(
                Code::LastWayIn,
                "Nobody could sign in to the account any more: set a password first (`POST \
                 /auth/forgot-password`), or link another account.",
            ),
            AccountError::Provider(ProviderError::Busy) => {
                Self::overloaded("Too many people are signing in. Nothing was changed; try again.")
            }
            AccountError::Provider(error) => {
                tracing::warn!(%error, "a sign-in could not be begun");
                Self::new(
                    Code::ProviderUnavailable,
                    "The provider of this sign-in does not answer as it should; try again later, or \
                     sign in another way.",
                )
                .retry_after(PROVIDER_RETRY_AFTER_SECONDS)
            }
            AccountError::NotFound(what) => Self::not_found(what),
            AccountError::RegistrationClosed => {
                Self::forbidden("Registration is closed: ask the operators for an account.")
            }
            AccountError::NoGuests => {
                Self::forbidden("Guests do not buy here: register, or sign in with an account.")
            }
            AccountError::Busy {
                retry_after_seconds,
            } => {
                Self::overloaded("Too many such requests are waiting. Nothing was changed; try again.")
                    .retry_after(retry_after_seconds)
            }
            AccountError::TooManyAddressChanges {
                retry_after_seconds,
            } => Self::new(
                Code::RateLimited,
                format!(
                    "This account has asked for another e-mail address {ADDRESS_CHANGES_PER_DAY_MAX} times within \
                     a day; try again in {retry_after_seconds} seconds."
                ),
            )
            .retry_after(retry_after_seconds),
            AccountError::TooManyMails {
                retry_after_seconds,
            } => Self::new(
                Code::RateLimited,
                format!(
                    "Too many mails were sent to this e-mail address; try again in {retry_after_seconds} seconds."
                ),
            )
            .retry_after(retry_after_seconds),
            AccountError::Store(error) => error.into(),
            other @ (AccountError::Open(_) | AccountError::Mint(_) | AccountError::Internal(_)) => {
                Self::internal(other)
            }
        }
    }
}

/// What to do where a link is not good any more: each kind is had in another way.
fn bad_link(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::VerifyEmail => {
            "This link was used before, or is too old: sign in and have another one sent (`POST \
             /auth/verify-email/resend`)."
        }
        Purpose::ResetPassword => {
            "This link was used before, is too old, or the password was changed since: have another one sent \
             (`POST /auth/forgot-password`)."
        }
        Purpose::ChangeEmail => {
            "This link was used before, is too old, or another address or password was asked for since: sign in \
             and ask for the address again (`POST /auth/change-email`)."
        }
        Purpose::Invitation => {
            "This invitation was accepted before, is too old, or was withdrawn: ask who sent it for another one."
        }
        Purpose::FirstAdmin => {
            "This link was used before, is too old, or there is an admin by now. While there is none, start the \
             server again: it prints another link."
        }
    }
}

/// What to do where the address that a link gives to an account is another one's.
fn taken_by(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::FirstAdmin => {
            "There is an account with this e-mail address already: use another address here, or make that account \
             an admin at the command line (`onsale user role`). The link stays good."
        }
        Purpose::VerifyEmail
        | Purpose::ResetPassword
        | Purpose::Invitation
        | Purpose::ChangeEmail => {
            "Another account has this e-mail address, so yours stays where it is: ask for another address (`POST \
             /auth/change-email`), or erase that account (`DELETE /auth/me`) and follow this link again, which stays \
             good."
        }
    }
}

fn refused(why: Refusal) -> ApiError {
    match why {
        Refusal::Expired => ApiError::new(
            Code::TokenExpired,
            "The session was not used for too long; sign in again.",
        ),
        Refusal::Reused | Refusal::Ended(SessionEnd::Reuse) => ApiError::new(
            Code::TokenReused,
            "This refresh token was used before, so someone else may have it: the session has ended. \
             Sign in again.",
        ),
        Refusal::Unknown | Refusal::Ended(_) => ApiError::new(
            Code::Unauthorized,
            "The refresh token is not valid, or its session has ended; sign in again.",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_that_is_not_good_says_how_the_next_one_is_had() {
        let ways = [
            (Purpose::VerifyEmail, "POST /auth/verify-email/resend"),
            (Purpose::ResetPassword, "POST /auth/forgot-password"),
            (Purpose::ChangeEmail, "POST /auth/change-email"),
            (Purpose::Invitation, "ask who sent it"),
            (Purpose::FirstAdmin, "start the server again"),
        ];
        for (purpose, _) in ways {
            let says = bad_link(purpose);
            for (other, way) in ways {
                assert_eq!(says.contains(way), other == purpose, "{purpose:?}: {says}");
            }
        }
    }

    #[test]
    fn a_taken_address_says_what_to_do_about_the_link() {
        for (purpose, way) in [
            (Purpose::ChangeEmail, "POST /auth/change-email"),
            (Purpose::FirstAdmin, "onsale user role"),
        ] {
            let says = taken_by(purpose);
            assert!(says.contains(way), "{purpose:?}: {says}");
            assert!(says.contains("stays good"), "{purpose:?}: {says}");
        }
    }
}
