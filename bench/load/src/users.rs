//! Who the requests come from.

use uuid::Uuid;

use crate::draft::Who;
use crate::error::LoadError;
use crate::minter::Minter;

/// Accounts of the payment service: a server limits each of them, and no request of a run should
/// wait for that.
const SERVICES: usize = 1_000;

/// Users with their credentials, ready to be copied into requests.
#[derive(Debug)]
pub struct Users {
    ids: Vec<Uuid>,
    headers: Vec<Box<str>>,
    services: Vec<(Uuid, Box<str>)>,
}

impl Users {
    /// Buyers and accounts of the payment service, with tokens that are valid for `ttl_s` seconds.
    /// Their ids are new in every run.
    ///
    /// # Errors
    /// When a token cannot be signed.
    pub fn mint(minter: &Minter, count: usize, ttl_s: u64) -> Result<Self, LoadError> {
        let header = |user: Uuid, role: &str| -> Result<Box<str>, LoadError> {
            let token = minter.mint(user, role, ttl_s)?;
            Ok(format!("authorization: Bearer {token}\r\n").into())
        };
        let ids: Vec<Uuid> = (0..count).map(|_| Uuid::new_v4()).collect();
        let headers = ids
            .iter()
            .map(|id| header(*id, "buyer"))
            .collect::<Result<_, _>>()?;
        let services = (0..SERVICES)
            .map(|_| {
                let id = Uuid::new_v4();
                Ok((id, header(id, "service")?))
            })
            .collect::<Result<_, LoadError>>()?;
        Ok(Self {
            ids,
            headers,
            services,
        })
    }

    /// Users that only name themselves, in a header of this name, for servers that check no tokens.
    #[must_use]
    pub fn plain(count: usize, header: &str) -> Self {
        let ids: Vec<Uuid> = (0..count).map(|_| Uuid::new_v4()).collect();
        let headers = ids
            .iter()
            .map(|id| format!("{header}: {id}\r\n").into())
            .collect();
        Self {
            ids,
            headers,
            services: Vec::new(),
        }
    }

    /// No users.
    #[must_use]
    pub fn nobody() -> Self {
        Self {
            ids: Vec::new(),
            headers: Vec::new(),
            services: Vec::new(),
        }
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.ids.len()
    }

    /// The id of a user.
    #[must_use]
    pub fn id(&self, who: Who) -> Option<Uuid> {
        match who {
            Who::Nobody => None,
            Who::User(number) => self.ids.get(number).copied(),
            Who::Service(account) => self.service(account).map(|(id, _)| *id),
        }
    }

    fn service(&self, account: usize) -> Option<&(Uuid, Box<str>)> {
        self.services.get(account.checked_rem(self.services.len())?)
    }

    /// The header line that names the user; empty without one.
    pub(crate) fn header(&self, who: Who) -> &str {
        match who {
            Who::Nobody => "",
            Who::User(number) => self.headers.get(number).map_or("", |header| header),
            Who::Service(account) => self.service(account).map_or("", |(_, header)| header),
        }
    }
}
