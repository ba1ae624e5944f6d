//! What is remembered of the calls of an endpoint, as its rules say it.

/// What is remembered of the calls of an endpoint, and for whom.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Remembers {
    /// Whose the keys are.
    pub(crate) by: By,
    /// Whether its answers hold tokens. Those are not kept: it is done again, and finds what it created.
    pub(crate) gives_tokens: bool,
    /// Whether it ends the session that it is called with, or the account. Its answer says nothing that a right is
    /// needed for, so it is repeated without that session.
    pub(crate) ends_session: bool,
    /// Whether its answers hold secrets that last: who is told them again shows what who created them had to show.
    pub(crate) holds_secrets: bool,
    /// Whether it is done without being remembered where the owner has as many keys as it may: what protects an account
    /// is not held up by a stolen session that has used them up.
    pub(crate) runs_at_quota: bool,
}

/// Whose the keys are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum By {
    /// The caller's. Without one nothing is remembered.
    Caller,
    /// Those of whoever shows the address or the token in this field of the body, signed in or not.
    Shown(&'static str),
    /// As `Shown`, from the same network: nothing in the body is a proof.
    ShownFromNetwork(&'static str),
}

impl Remembers {
    /// The answers to callers.
    pub(crate) const OF_CALLERS: Self = Self {
        by: By::Caller,
        gives_tokens: false,
        ends_session: false,
        holds_secrets: false,
        runs_at_quota: false,
    };

    /// The answers to whoever shows what is in a field of the body.
    pub(crate) const fn of(by: By) -> Self {
        Self {
            by,
            ..Self::OF_CALLERS
        }
    }

    /// Its answers hold tokens.
    pub(crate) const fn giving_tokens(self) -> Self {
        Self {
            gives_tokens: true,
            ..self
        }
    }

    /// It ends the session that it is called with.
    pub(crate) const fn ending_sessions(self) -> Self {
        Self {
            ends_session: true,
            ..self
        }
    }

    /// Its answers hold secrets that last.
    pub(crate) const fn holding_secrets(self) -> Self {
        Self {
            holds_secrets: true,
            ..self
        }
    }

    /// It is done without being remembered rather than refused for a quota.
    pub(crate) const fn whatever_the_quota(self) -> Self {
        Self {
            runs_at_quota: true,
            ..self
        }
    }
}
