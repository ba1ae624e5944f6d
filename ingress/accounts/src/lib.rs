//! People: accounts, tenants and who belongs to them, how they sign in and stay signed in.
//!
//! # Which fact lies where
//!
//! | Fact | Table | Changed by |
//! |---|---|---|
//! | an account: address, name, number (sealed), password (hashed), role in the installation | `users` | the person; operators |
//! | an organizer's house | `tenants` | operators, later its owner |
//! | who bought without an account: the address (sealed), and the account that took it over | `guests` | the guest; that account |
//! | who belongs to it, as what | `memberships` | its owners |
//! | one sign-in and its refresh tokens | `sessions` | each refresh; its person; whatever ends it |
//! | an account elsewhere by which a person signs in | `identities` | its person; another password |
//! | a sign-in by it that came back, once | `federated_sign_ins` | the return; who brings its code |
//! | second factors: authenticator app, passkeys (sealed), recovery codes (hashed) | `totp_factors`, `passkeys`, `recovery_codes` | their person; operators, who reset them |
//! | a sign-in that waits for a second factor | `sign_in_challenges` | whoever knows the password |
//! | what a mailed link allows, once | `one_time_tokens` | whoever follows the link; whoever withdraws an invitation |
//! | another address that an account asked for (sealed), until its link is followed | `address_changes` | the person; whoever follows the link |
//! | what was answered under an idempotency key, sealed, for a day | `account_answers` | the call that was answered |
//! | the key of hashes for look-ups, sealed | `lookup_keys` | made once; sealed again with the rest |
//! | who did it | `audit` | the transaction of the fact |
//!
//! Rows name a person by its UUID alone; what is personal is sealed ([`onsale_private`], [`Vault`]). The
//! log knows nothing of all this: buyers there are the same UUIDs.
//!
//! # Roles
//!
//! A token says one role and one tenant, and follows from the rows each time one is minted
//! ([`Standing`]), so a change of role takes effect with the next refresh; and because it also ends the
//! sessions, that is within the life of an access token.
//!
//! | Account | `role` | `tenant` | `member` |
//! |---|---|---|---|
//! | of a buyer | `buyer` | nil | – |
//! | in a session for a tenant it belongs to | `organizer` | that one | `owner`, `manager`, `finance`, `box_office` or `scanner` |
//! | of an admin of the installation | `operator` | nil | – |
//!
//! What each member may do for its tenant is [`Action::allowed`], a table. Tokens that operators or
//! another issuer mint go on as they were: they have neither `member` nor `session`, and an organizer's
//! token without `member` is what it was before, the organizer of its own events.
//!
//! # Signing in
//!
//! A password is hashed by bcrypt, over all of its bytes ([`passwords`]), on threads of its own. A wrong
//! address is compared with a hash that nobody has, so it takes as long as a wrong password.
//! [`passwords::weakness`] refuses what is tried first.
//!
//! A session is one sign-in. It has one good refresh token at a time ([`sessions`]): using it gives the
//! next. Using an old one ends the session, except within seconds, when it gives the same answer again.
//! Access tokens are not looked up anywhere, so they outlive their session by at most their own life. What
//! would outlive the token itself, as members, invitations and keys of a tenant, compares session, account
//! and membership in its transaction ([`Acting`]).
//!
//! Who signs in with an account elsewhere (`providers`, `flows/federated.rs`) comes to the same place, behind
//! the same sessions. An account is found by the hash of issuer and subject; by its address only where both
//! the provider and we know that the address is the person's.
//!
//! # Second factors
//!
//! Whichever way a person signs in, [`Accounts`] opens the session in one place (`open`), which asks for the
//! second factor of an account that has one; and the store opens no session of such an account without a
//! proof. A proof is used up in the transaction of what it allows: a time step of an authenticator app, a
//! recovery code, the ceremony of a passkey. What is sensitive wants one that was shown in the session lately
//! (`step_up`). Where an installation requires a second factor, the token of a person without one says the
//! role of a buyer until there is one ([`Standing::without_rights`]).
//!
//! # Guests
//!
//! Who buys without an account is a row of `guests`, not of `users`: nothing that looks for an account finds
//! one. A guest is one purchase with an id of its own, so two with the same address know nothing of each
//! other, and asking for a token looks for nobody: the answer says nothing about an address. The token is an
//! access token alone, of no session. It says that it is a guest's, and only what buys, reads and gives back
//! that purchase takes it. What was bought becomes an account's when its person has shown by a mailed link
//! that the address is theirs, and asks for it. The log keeps the guest's id; `guests.owner_id` says whose
//! it is now, and whatever reads or cancels bookings for their buyers asks it.
//!
//! # Links
//!
//! A link in a mail holds a random token that is kept hashed, is good for one purpose, once, and for the
//! address that it was sent to. It is used up in the transaction of what it allows. The mail is a job of
//! the same transaction ([`onsale_store::mail`]), with the token sealed in it.
//! Who forgot a password is looked for by a worker ([`onsale_store::reset`]), so asking takes the same for every
//! address. A link that verifies an address takes a session of the account or its password beside it: whoever reads the
//! mail need not have created the account.

mod accounts;
mod acting;
mod answer_count;
mod api_key;
mod branding;
mod buyers;
mod config;
mod directory;
mod email;
mod error;
mod factors;
mod fields;
mod flows;
mod mail_pace;
mod masked;
mod office;
pub mod passwords;
mod permissions;
mod providers;
mod repeat;
mod rotation;
mod secret;
pub mod sessions;
mod standing;
mod unreadable;
mod vault;

pub use accounts::{Accounts, Origin, Person, SignedIn, StartError};
pub use acting::Acting;
pub use api_key::{API_KEY_NAME_MAX_CHARS, API_KEY_SCOPES, ApiKeyScopes};
pub use branding::{CONTRAST_MIN, Contrast, IMPRINT_MAX_CHARS, TERMS_MAX_CHARS, WEBSITE_MAX_BYTES};
pub use config::{AccountsConfig, KeysError, SecondFactorRule};
pub use directory::{AccountQuery, AccountsPage, ListedAccount};
pub use email::{EMAIL_MAX_BYTES, Email};
pub use error::AccountError;
pub use factors::CODE_MAX_BYTES;
pub use fields::{LOCALE_MAX_BYTES, NAME_MAX_CHARS, SLUG_MAX_BYTES, TENANT_NAME_MAX_CHARS};
pub use flows::{
    Confirmation, Export, ExportedLink, ExportedSession, FactorsOverview, Follower, Guest,
    GuestSignedIn, JOURNEY_COOKIE_SECONDS, Landing, LinkRequest, Login, OpenInvitation,
    OwnIdentities, OwnIdentity, OwnPasskey, OwnSession, PasskeyAnswer, PasskeyCeremony,
    ProfileUpdate, ProviderReturn, RegisteredPasskey, Registration, SIGN_IN_CODE_MAX_BYTES,
    SecondStep, SignInStart, TeamMember, TenantsPage, TotpSetup,
};
pub use office::{NewPerson, Office};
pub use permissions::{Action, Actions, may};
pub use providers::{
    PROVIDER_NAME_MAX_BYTES, Preset, ProviderConfig, ProviderError, ProviderInfo,
    RETURN_TO_MAX_BYTES, try_issuers,
};
pub use repeat::{Asked, Asker, KeyBounds, Repeat, Started};
pub use rotation::{Pace, Rotated};
pub use secret::{ApiKey, ApiKeySecret, OneTime, OneTimeSecret, OpaqueSecret, SecretKind};
pub use standing::Standing;
pub use vault::{Profile, Vault, VaultError};
