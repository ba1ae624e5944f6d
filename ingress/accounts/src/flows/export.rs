//! Everything that is kept about a person, beside its bookings.

use onsale_private::Private;
use onsale_store::account::{
    ApiKeyRow, GUESTS_PER_ACCOUNT_MAX, IdentityRow, KeptLink, Membership, Purpose, SessionRow,
};
use onsale_store::address_change::KeptChange;
use onsale_store::audit::{AuditFilter, AuditRow};
use uuid::Uuid;

use crate::accounts::{Accounts, Person};
use crate::error::AccountError;
use crate::flows::FactorsOverview;
use crate::flows::guests::Guest;
use crate::vault::Vault;

/// Sessions of one export, the newest ones: more than a month has, within which they are kept.
const SESSIONS_MAX: u32 = 1_000;
/// Purchases as a guest of one export: all that an account may take over, and as many of its address.
const GUESTS_MAX: u32 = 2 * GUESTS_PER_ACCOUNT_MAX;
/// Links and invitations of one export, the newest ones.
const LINKS_MAX: u32 = 1_000;
/// Keys of programs of one export, the newest ones.
const API_KEYS_MAX: u32 = 1_000;
/// Entries of the audit trail in one export, the newest ones.
const ENTRIES_MAX: u32 = 10_000;

/// What is kept about a person.
#[derive(Debug)]
pub struct Export {
    /// The account.
    pub person: Person,
    /// Its second factors.
    pub factors: FactorsOverview,
    /// The tenants that it belongs to.
    pub memberships: Vec<Membership>,
    /// What it bought as a guest and has taken over, and what was bought with its address where that is
    /// verified.
    pub guests: Vec<Guest>,
    /// The accounts elsewhere by which it signs in.
    pub identities: Vec<IdentityRow>,
    /// Links that wait for it, and invitations to it and by it.
    pub links: Vec<ExportedLink>,
    /// The keys of programs that it created.
    pub api_keys: Vec<ApiKeyRow>,
    /// Its sessions, live or ended, with program and address.
    pub sessions: Vec<ExportedSession>,
    /// What it did and what was done to it, also as the guests that it has taken over, newest first.
    pub audit: Vec<AuditRow>,
    /// Whether there is more than fits.
    pub is_cut: bool,
}

/// A link or an invitation as it is kept.
#[derive(Debug)]
pub struct ExportedLink {
    /// What it is for, and its times.
    pub link: KeptLink,
    /// The new address that it would give the account, as long as that waits.
    pub email: Option<Private>,
    /// The address does not open, and is left out.
    pub is_unreadable: bool,
}

/// A session as it is kept.
#[derive(Debug)]
pub struct ExportedSession {
    /// The row.
    pub row: SessionRow,
    /// The program that it was opened with.
    pub agent: Option<Private>,
    /// The address that it was opened from.
    pub address: Option<Private>,
    /// Something of it does not open, and is left out.
    pub is_unreadable: bool,
}

impl From<KeptLink> for ExportedLink {
    fn from(link: KeptLink) -> Self {
        Self {
            link,
            email: None,
            is_unreadable: false,
        }
    }
}

impl ExportedLink {
    fn of_change(vault: &Vault, change: &KeptChange) -> Self {
        let mut is_unreadable = false;
        let email = vault.shown(vault.open_new_email(change), &mut is_unreadable);
        Self {
            link: KeptLink {
                purpose: Purpose::ChangeEmail,
                invited: None,
                invited_by: None,
                issued_at_ms: change.issued_at_ms,
                expires_at_ms: change.expires_at_ms,
                used_at_ms: change.used_at_ms,
            },
            email,
            is_unreadable,
        }
    }
}

impl Accounts {
    /// Everything that is kept about a person, beside its bookings.
    ///
    /// # Errors
    /// [`AccountError::NotFound`] for a token's user that has no account here.
    pub async fn export(&self, user: Uuid, now_ms: u64) -> Result<Export, AccountError> {
        let person = self.me(user, None, now_ms).await?;
        let factors = self.factors(user, now_ms).await?;
        let vault = self.vault(now_ms).await?;
        let memberships = self.store.memberships_of(user).await?;
        let identities = self.store.identities_of(user).await?;
        let rows = self.store.kept_sessions_of(user, SESSIONS_MAX).await?;
        let sessions: Vec<ExportedSession> = rows
            .into_iter()
            .map(|row| {
                let mut is_unreadable = false;
                let (agent, address) = vault.show_origin(&row, &mut is_unreadable);
                ExportedSession {
                    row,
                    agent,
                    address,
                    is_unreadable,
                }
            })
            .collect();
        let row = self.store.user(user).await?;
        let row = row.ok_or(AccountError::NotFound("account"))?;
        let guests = self.store.guests_of_person(&row, GUESTS_MAX).await?;
        let guests: Vec<Guest> = guests
            .into_iter()
            .map(|row| Guest::open(vault, row))
            .collect();
        let links = self.store.links_of_person(&row, LINKS_MAX).await?;
        let mut links: Vec<ExportedLink> = links.into_iter().map(ExportedLink::from).collect();
        let changes = self.store.address_changes_of(user).await?;
        links.extend(
            changes
                .iter()
                .map(|change| ExportedLink::of_change(vault, change)),
        );
        let api_keys = self.store.api_keys_of_person(user, API_KEYS_MAX).await?;
        let (mut audit, mut is_audit_cut) = self.entries_about("user", user).await?;
        // What it did before it took them over is its own, too.
        let is_owned = |guest: &&Guest| guest.row.owner.is_some_and(|(owner, _)| owner == user);
        for guest in guests.iter().filter(is_owned) {
            let (entries, is_cut) = self.entries_about("guest", guest.row.guest_id).await?;
            audit.extend(entries);
            is_audit_cut |= newest(&mut audit) || is_cut;
        }
        let is_cut = is_audit_cut
            || sessions.len() >= count(SESSIONS_MAX)
            || guests.len() >= count(GUESTS_MAX)
            || links.len() >= count(LINKS_MAX)
            || api_keys.len() >= count(API_KEYS_MAX);
        Ok(Export {
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
        })
    }

    /// What an account or a guest did and what was done to it, newest first, and whether there is more.
    pub(crate) async fn entries_about(
        &self,
        kind: &str,
        user: Uuid,
    ) -> Result<(Vec<AuditRow>, bool), AccountError> {
        let by = AuditFilter {
            actor_id: Some(user),
            limit: ENTRIES_MAX,
            ..AuditFilter::default()
        };
        let about = AuditFilter {
            subject_kind: Some(kind.to_owned()),
            subject_id: Some(user.to_string()),
            limit: ENTRIES_MAX,
            ..AuditFilter::default()
        };
        let mut entries = self.store.audit(&by).await?;
        let mut is_cut = entries.len() >= count(ENTRIES_MAX);
        let about = self.store.audit(&about).await?;
        is_cut |= about.len() >= count(ENTRIES_MAX);
        entries.extend(about);
        is_cut |= newest(&mut entries);
        Ok((entries, is_cut))
    }
}

/// Leaves each entry once, the newest first, as many as an export has; whether there were more.
fn newest(entries: &mut Vec<AuditRow>) -> bool {
    entries.sort_by_key(|entry| std::cmp::Reverse(entry.audit_id));
    entries.dedup_by_key(|entry| entry.audit_id);
    let is_cut = entries.len() > count(ENTRIES_MAX);
    entries.truncate(count(ENTRIES_MAX));
    is_cut
}

fn count(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
