//! What people do with their accounts, one flow a file.

mod api_keys;
mod branding;
mod change_email;
mod consent;
mod directory;
mod erasure;
mod export;
mod factors;
mod federated;
mod first_admin;
mod guests;
mod identities;
mod invitations;
mod link_tries;
mod login;
mod logout;
mod own_sessions;
mod passkeys;
mod passwords;
mod profile;
mod refresh;
mod register;
mod second_step;
mod step_up;
mod tenants;
mod verify;
mod withdraw_email;

pub use consent::Confirmation;
pub use directory::TenantsPage;
pub use export::{Export, ExportedLink, ExportedSession};
pub use factors::{FactorsOverview, OwnPasskey, TotpSetup};
pub use federated::{
    JOURNEY_COOKIE_SECONDS, Landing, ProviderReturn, SIGN_IN_CODE_MAX_BYTES, SignInStart,
};
pub use guests::{Guest, GuestSignedIn};
pub use identities::{LinkRequest, OwnIdentities, OwnIdentity};
pub use invitations::OpenInvitation;
pub use login::Login;
pub use own_sessions::OwnSession;
pub use passkeys::{PasskeyAnswer, PasskeyCeremony, RegisteredPasskey};
pub use profile::ProfileUpdate;
pub use register::Registration;
pub(crate) use register::taken;
pub use second_step::SecondStep;
pub use tenants::TeamMember;
pub use verify::Follower;
