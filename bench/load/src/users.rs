//! Who the requests come from.

use uuid::Uuid;

use crate::draft::Who;
use crate::error::LoadError;
use crate::minter::Minter;

/// Users with their credentials, ready to be copied into requests.
#[derive(Debug)]
pub struct Users {
    ids: Vec<Uuid>,
    headers: Vec<Box<str>>,
    service: Option<(Uuid, Box<str>)>,
}

impl Users {
    /// So many buyers and the payment service, with tokens that are good for `ttl_s` seconds. Their
    /// ids are new in every run.
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
        let service = Uuid::new_v4();
        let of_service = header(service, "service")?;
        Ok(Self {
            ids,
            headers,
            service: Some((service, of_service)),
        })
    }

    /// So many users that only say who they are, in a header of this name; for servers that do not
    /// check who asks.
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
            service: None,
        }
    }

    /// No users.
    #[must_use]
    pub fn nobody() -> Self {
        Self {
            ids: Vec::new(),
            headers: Vec::new(),
            service: None,
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
            Who::Service => self.service.as_ref().map(|(id, _)| *id),
        }
    }

    /// The header line that says who asks; empty when nobody does.
    pub(crate) fn header(&self, who: Who) -> &str {
        match who {
            Who::Nobody => "",
            Who::User(number) => self.headers.get(number).map_or("", |header| header),
            Who::Service => self.service.as_ref().map_or("", |(_, header)| header),
        }
    }
}
