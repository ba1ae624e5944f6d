//! Invitations to tenants, by mail.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use onsale_private::Private;
use onsale_schemas::MemberRole;
use onsale_store::account::{
    Acceptance, InvitationRow, Membership, NewInvitation, OneTimeToken, Purpose,
};
use onsale_store::mail::{Invitation, LinkMail};
use onsale_store::sealed_columns;
use serde_json::json;
use uuid::Uuid;

use crate::accounts::{Accounts, Origin};
use crate::acting::Acting;
use crate::error::AccountError;
use crate::fields;
use crate::repeat::Repeat;
use crate::secret::OneTimeSecret;

/// What ids of invitations are derived as.
const INVITATION: &str = "invitation";

/// An invitation that waits for an answer, as those see it who may withdraw it.
#[derive(Debug)]
pub struct OpenInvitation {
    /// Role, times and who invited.
    pub row: InvitationRow,
    /// The address that it was sent to; `None` where it does not open.
    pub email: Option<Private>,
}

impl Accounts {
    /// Sends an invitation to an address, whether or not there is an account of it; which of the two is
    /// not said.
    ///
    /// # Errors
    /// [`AccountError::StepUp`], [`AccountError::TooManyInvitations`], [`AccountError::TooManyMails`] and
    /// others.
    pub async fn invite(
        &self,
        tenant: Uuid,
        email: &Private,
        role: MemberRole,
        locale: Option<String>,
        by: &Acting,
        now_ms: u64,
    ) -> Result<(), AccountError> {
        let email = fields::email(email)?;
        let locale = locale.map(fields::locale).transpose()?;
        let tenant = self.tenant(tenant).await?;
        self.require_recent_factor_of(by, now_ms).await?;
        if self.invited_before(tenant.tenant_id, by).await? {
            return Ok(());
        }
        let vault = self.vault(now_ms).await?;
        let address = vault.email_hash(&email);
        let locale = match locale {
            Some(locale) => Some(locale),
            // Its person reads the mail, and nobody else learns that there is an account.
            None => {
                let user = self.store.user_by_email(address).await?;
                user.and_then(|user| user.locale)
            }
        };
        let secret = OneTimeSecret::random();
        let life_ms = self.config.invitation_seconds.saturating_mul(1_000);
        let token = OneTimeToken {
            token_hash: secret.hash(),
            purpose: Purpose::Invitation,
            user_id: None,
            email_hash: Some(address),
            invited: Some((tenant.tenant_id, role)),
            issued_at_ms: now_ms,
            expires_at_ms: now_ms.saturating_add(life_ms),
        };
        let new_id = |repeat: &Repeat| repeat.id(INVITATION);
        let mail_id = by.repeat.as_ref().map_or_else(Uuid::now_v7, new_id);
        let seal = |place, text: &Private| {
            URL_SAFE_NO_PAD.encode(vault.ring().seal(place, text).as_bytes())
        };
        let secret = Private::new(secret.expose());
        let mail = LinkMail {
            mail_id,
            purpose: token.purpose.as_str().to_owned(),
            user_id: None,
            invitation: Some(Invitation {
                address: seal(sealed_columns::mailed_address(mail_id), email.written()),
                tenant: tenant.name,
                tenant_id: Some(tenant.tenant_id),
                role: role.as_str().to_owned(),
                locale,
            }),
            address: None,
            expires_at_ms: token.expires_at_ms,
            token: seal(sealed_columns::mailed_token(mail_id), &secret),
        };
        self.count_mail(Purpose::Invitation, &address, now_ms)?;
        let id = tenant.tenant_id;
        let entry = by
            .did("member.invite", "tenant", id)
            .of_tenant(id)
            .with(json!({ "role": role.as_str(), "invitation": mail_id }));
        let invitation = NewInvitation {
            invitation_id: mail_id,
            token,
            address: vault.seal_invited(mail_id, &email),
            invited_by: by.actor.id,
        };
        let invited = self
            .tenants
            .invite(&invitation, mail.into_job()?, by.act(entry));
        if invited.await? {
            Ok(())
        } else {
            Err(AccountError::TooManyInvitations)
        }
    }

    /// Whether an earlier try of the same request has sent the invitation. Its id holds the day, so one of the day
    /// before yesterday is another.
    async fn invited_before(&self, tenant: Uuid, by: &Acting) -> Result<bool, AccountError> {
        let Some(repeat) = &by.repeat else {
            return Ok(false);
        };
        for id in repeat.ids(INVITATION) {
            if self.tenants.has_invitation(tenant, id).await?
                && self.still_holds(by.mandate).await?
            {
                repeat.note_found();
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The invitations of a tenant that wait for an answer, the oldest first.
    ///
    /// # Errors
    /// When the database cannot be used.
    pub async fn invitations(
        &self,
        tenant: Uuid,
        now_ms: u64,
    ) -> Result<Vec<OpenInvitation>, AccountError> {
        let vault = self.vault(now_ms).await?;
        let rows = self.tenants.invitations_of(tenant, now_ms).await?;
        let open = rows
            .into_iter()
            .map(|row| {
                let email = vault.open_invited(row.invitation_id, &row.address);
                let email = vault.shown(email.map(Some), &mut false);
                OpenInvitation { row, email }
            })
            .collect();
        Ok(open)
    }

    /// Withdraws an invitation of a tenant.
    ///
    /// # Errors
    /// [`AccountError::NotFound`] where none such waits for an answer.
    pub async fn withdraw_invitation(
        &self,
        tenant: Uuid,
        invitation: Uuid,
        by: &Acting,
        now_ms: u64,
    ) -> Result<(), AccountError> {
        let entry = by
            .did("member.uninvite", "tenant", tenant)
            .of_tenant(tenant)
            .with(json!({ "invitation": invitation }));
        let withdrawn = self
            .tenants
            .withdraw_invitation(tenant, invitation, now_ms, by.act(entry));
        if withdrawn.await? {
            Ok(())
        } else {
            Err(AccountError::NotFound("invitation"))
        }
    }

    /// Makes a person a member by an invitation to its address.
    ///
    /// # Errors
    /// [`AccountError::BadLink`], [`AccountError::OtherAddress`] and others.
    pub async fn accept_invitation(
        &self,
        token: &Private,
        user: Uuid,
        origin: &Origin,
        now_ms: u64,
    ) -> Result<Membership, AccountError> {
        let secret = OneTimeSecret::parse(token.expose())
            .ok_or(AccountError::BadLink(Purpose::Invitation))?;
        let origin = origin.clone();
        let audit = move |membership: &Membership| {
            origin
                .own(membership.user_id, "member.join")
                .of_tenant(membership.tenant_id)
                .with(json!({ "role": membership.role.as_str() }))
        };
        let hash = secret.hash();
        match self
            .store
            .accept_invitation(hash, user, now_ms, audit)
            .await?
        {
            Acceptance::Accepted(membership) => Ok(membership),
            Acceptance::NotGood => Err(AccountError::BadLink(Purpose::Invitation)),
            Acceptance::OtherAddress => Err(AccountError::OtherAddress),
            Acceptance::LastOwner => Err(AccountError::LastOwner),
        }
    }
}
