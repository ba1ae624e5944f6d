//! For whom statements work, and so what of the tenants' data they may see and change.
//!
//! Handlers compare tenants themselves; that is the first layer. The second one is in PostgreSQL: policies on
//! every table with data of tenants (migration 0016) show and change only what lies within the scope of the
//! connection, and nothing where there is none. SQLite has no such policies.
//!
//! A handle of the store either has a scope of its own, [`Store::for_installation`] or
//! [`Store::within`](crate::Store::within), or takes that of the task that calls it, which the HTTP edge sets
//! from the caller's token with [`Scope::cover`]. So an endpoint need not think of it and cannot forget it, and
//! work that no caller asked for sees nothing unless it says that it is the installation's.
//!
//! The scope is a setting of the connection's session. It is set each time a connection is lent, in the place
//! of the look whether it is alive: that costs no round trip, covers statements outside a transaction too, and
//! what the connection was used for before is overwritten by the same answer without which it is not lent.
//! (`SET LOCAL` ends with its transaction, so each single statement would need one: three round trips for one.)
//! For the same reason a pooler between Onsale and PostgreSQL has to give each client a session of its own.
//!
//! [`Store::for_installation`]: crate::Store::for_installation

use uuid::Uuid;

tokio::task_local! {
    static CURRENT: Scope;
}

/// See the module.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Scope {
    /// Nobody said for whom: nothing is seen.
    #[default]
    Nothing,
    /// A caller: what is public, what is of its tenant, and what is its own.
    Caller {
        /// The tenant that its token names, the nil one included.
        tenant: Option<Uuid>,
        /// The account or the API key.
        user: Option<Uuid>,
    },
    /// The program itself, and operators: everything.
    Installation,
}

impl Scope {
    /// Somebody without a token: what is public.
    pub const PUBLIC: Self = Self::Caller {
        tenant: None,
        user: None,
    };

    /// That of the task that asks.
    pub fn current() -> Self {
        CURRENT.try_with(|scope| *scope).unwrap_or_default()
    }

    /// Does `work` within this scope. Tasks that it starts are not within it, unless they are covered too.
    pub async fn cover<F: Future>(self, work: F) -> F::Output {
        CURRENT.scope(self, work).await
    }

    /// The statements that set it for a session of PostgreSQL's.
    pub(crate) fn statements(self) -> String {
        let text = |id: Option<Uuid>| id.map(|id| id.to_string()).unwrap_or_default();
        let (scope, tenant, user) = match self {
            Self::Nothing => (NOTHING, String::new(), String::new()),
            Self::Caller { tenant, user } => ("caller", text(tenant), text(user)),
            Self::Installation => (INSTALLATION, String::new(), String::new()),
        };
        format!(
            "SET {SCOPE} = '{scope}'; SET onsale.tenant_id = '{tenant}'; \
             SET onsale.user_id = '{user}'"
        )
    }
}

/// The setting that says what kind of scope a session has.
pub(crate) const SCOPE: &str = "onsale.scope";
/// Its value where nothing is seen.
pub(crate) const NOTHING: &str = "nothing";
/// Its value where everything is.
pub(crate) const INSTALLATION: &str = "installation";

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_task_is_within_what_covers_it_and_one_that_it_starts_is_not() {
        assert_eq!(Scope::current(), Scope::Nothing);
        Scope::PUBLIC
            .cover(async {
                assert_eq!(Scope::current(), Scope::PUBLIC);
                let inner = async { Scope::current() };
                let inner = Scope::Installation.cover(inner).await;
                assert_eq!(inner, Scope::Installation);
                assert_eq!(Scope::current(), Scope::PUBLIC);
                let started = tokio::spawn(async { Scope::current() }).await;
                assert_eq!(started.unwrap(), Scope::Nothing);
            })
            .await;
    }

    #[test]
    fn every_scope_sets_all_there_is() {
        let caller = Scope::Caller {
            tenant: Some(Uuid::nil()),
            user: None,
        };
        assert_eq!(
            caller.statements(),
            "SET onsale.scope = 'caller'; \
             SET onsale.tenant_id = '00000000-0000-0000-0000-000000000000'; \
             SET onsale.user_id = ''"
        );
        for (scope, said) in [
            (Scope::Nothing, "nothing"),
            (Scope::Installation, "installation"),
        ] {
            assert_eq!(
                scope.statements(),
                format!(
                    "SET onsale.scope = '{said}'; SET onsale.tenant_id = ''; \
                     SET onsale.user_id = ''"
                )
            );
        }
    }
}
