//! Calls that come with an idempotency key, so that they can be repeated.
//!
//! What a call answers is remembered for a day ([`onsale_store::account_answer`]), sealed; who asked, by which key
//! and for what are kept as hashes that are keyed with the installation's key of look-ups, which no rotation
//! changes. Tokens are never kept: a call whose answer holds them is done again, and finds what it did before.
//!
//! A process may die after a call did what was asked and before its answer is remembered. So what a call creates has
//! an id that follows from who asks, by which key and for what ([`Repeat`]): the repeat finds it. The day is a part
//! of it, so neither an id nor a secret comes back when a key is used again much later.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use onsale_private::{LookupHash, Private, Sealed};
use onsale_schemas::derived::derived;
use onsale_schemas::limits::IDEMPOTENCY_WINDOW_MS;
use onsale_store::account::Mandate;
use onsale_store::account_answer::{
    ANSWER_MAX_BYTES, AccountAnswer, AnswerKey, Begun, LastAnswer, Turn,
};
use onsale_store::sealed_columns;
use uuid::Uuid;

use crate::accounts::Accounts;
use crate::email::Email;
use crate::error::AccountError;
use crate::vault::Vault;

/// The domain of hashes of who asks, and by which key.
const KEY: &str = "idempotency key";
/// The domain of hashes of who asks where nobody is signed in.
const OWNER: &str = "owner of an idempotency key";
/// The domain of hashes of what was asked.
const REQUEST: &str = "request of an idempotency key";
/// The domain of hashes of a day's repeats.
const SEED: &str = "repeat of a request";
/// What ids of what is created are derived for.
const ID_PURPOSE: &str = "onsale 2026 repeat of a request to id";
/// What secrets of what is created are derived for.
const SECRET_PURPOSE: &str = "onsale 2026 repeat of a request to secret";
const DAY_MS: u64 = 24 * 3_600 * 1_000;
/// Today and yesterday: a repeat within a day is of one of them.
const DAYS: usize = 2;

/// Who asks.
#[derive(Clone, Copy, Debug)]
pub enum Asker<'a> {
    /// Whose token it is, and what that says it is. Its keys are its own.
    Caller {
        /// The account, or the guest.
        user: Uuid,
        /// Role, tenant and the like. With another standing the same key is another key, so nobody gets an answer
        /// again that it got in a role which it no longer has.
        standing: &'a str,
    },
    /// Somebody who is not signed in.
    Nobody {
        /// The address or the token that the body shows. Keys that come with another one are others.
        shown: &'a Private,
        /// The network that it comes from, where nothing else in the body is a proof.
        network: Option<IpAddr>,
    },
}

/// What is asked, and by which key.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    /// The key.
    pub key: &'a str,
    /// Method and route.
    pub operation: &'a str,
    /// The path, with its query.
    pub target: &'a str,
    /// Who is signed in beside what the body shows.
    pub caller: Option<Uuid>,
    /// The body, as it was sent.
    pub body: &'a [u8],
}

/// A request that may be a repeat. Cheap to clone; clones tell each other what was found. `Debug` hides what ids
/// and secrets follow from.
#[derive(Clone)]
pub struct Repeat {
    /// Under which its answer is remembered.
    answer_id: Uuid,
    /// Of today, and of the day before.
    seeds: [LookupHash; DAYS],
    was_found: Arc<AtomicBool>,
}

/// What became of a request before.
#[derive(Debug)]
pub enum Started {
    /// Nothing: it is done now, by this turn.
    Now(Turn),
    /// Another call is doing it, for so much longer at most, in milliseconds.
    Running(u64),
    /// It is done. `None`: the answer held tokens, so it is made again.
    Done(u16, Option<Vec<u8>>),
    /// The key is of another request.
    OtherRequest,
    /// Its owner has as many keys as it may, until then, in milliseconds since 1970.
    TooMany(u64),
}

impl Repeat {
    /// The id of what is created now.
    pub(crate) fn id(&self, kind: &str) -> Uuid {
        let [today, _] = self.ids(kind);
        today
    }

    /// The ids under which it is, if it was created within a day.
    pub(crate) fn ids(&self, kind: &str) -> [Uuid; DAYS] {
        self.seeds
            .map(|seed| Uuid::new_v8(derived(ID_PURPOSE, &[seed.as_bytes(), kind.as_bytes()])))
    }

    /// The secrets of what is created, in the order of [`Repeat::ids`].
    pub(crate) fn secrets(&self) -> [[u8; 32]; DAYS] {
        self.seeds
            .map(|seed| blake3::derive_key(SECRET_PURPOSE, seed.as_bytes()))
    }

    /// What the recovery code of this number is made of, of those that are given out with what is created.
    pub(crate) fn code<const N: usize>(secret: &[u8; 32], number: u8) -> [u8; N] {
        let mut bytes = [0; N];
        let mut hasher = blake3::Hasher::new_keyed(secret);
        hasher.update(&[number]);
        hasher.finalize_xof().fill(&mut bytes);
        bytes
    }

    /// What is remembered of the call itself.
    pub(crate) fn answer_id(&self) -> Uuid {
        self.answer_id
    }

    /// Whether something was created so lately that the key is of it still.
    pub(crate) fn is_recent(created_at_ms: u64, now_ms: u64) -> bool {
        now_ms < created_at_ms.saturating_add(IDEMPOTENCY_WINDOW_MS)
    }

    /// What the call creates is there already.
    pub(crate) fn note_found(&self) {
        self.was_found.store(true, Ordering::Release);
    }

    /// Whether the call found what an earlier one had created.
    pub fn was_found(&self) -> bool {
        self.was_found.load(Ordering::Acquire)
    }
}

impl PartialEq for Repeat {
    fn eq(&self, other: &Self) -> bool {
        self.seeds == other.seeds
    }
}

impl Eq for Repeat {}

impl fmt::Debug for Repeat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Repeat(hidden)")
    }
}

impl fmt::Debug for Asked<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Asked({})", self.operation)
    }
}

impl Vault {
    /// A request as it is looked for.
    pub fn answer_key(&self, asker: Asker<'_>, asked: Asked<'_>) -> AnswerKey {
        let (owner_id, of_key) = match asker {
            Asker::Caller { user, standing } => (
                user,
                self.keyed(
                    KEY,
                    &[
                        b"caller",
                        user.as_bytes(),
                        standing.as_bytes(),
                        asked.key.as_bytes(),
                    ],
                ),
            ),
            Asker::Nobody { shown, network } => {
                let email = Email::parse(shown);
                let shown = email.as_ref().map_or(shown, Email::folded);
                let network = network.map(|address| self.address_hash(address));
                let network = network
                    .as_ref()
                    .map_or(&[][..], |hash| hash.as_bytes().as_slice());
                let owner = self.keyed(
                    OWNER,
                    &[
                        asked.operation.as_bytes(),
                        shown.expose().as_bytes(),
                        network,
                    ],
                );
                let of_key = self.keyed(KEY, &[b"nobody", owner.as_bytes(), asked.key.as_bytes()]);
                (as_id(&owner), of_key)
            }
        };
        let caller = asked.caller.unwrap_or_default();
        let parts = [
            asked.operation.as_bytes(),
            asked.target.as_bytes(),
            caller.as_bytes().as_slice(),
            asked.body,
        ];
        AnswerKey {
            answer_id: as_id(&of_key),
            owner_id,
            fingerprint: *self.keyed(REQUEST, &parts).as_bytes(),
        }
    }

    /// What ids follow from of what a request creates.
    pub(crate) fn repeat(&self, key: &AnswerKey, now_ms: u64) -> Repeat {
        let today = now_ms / DAY_MS;
        let seed = |day: u64| {
            let day = day.to_be_bytes();
            let parts = [
                key.answer_id.as_bytes().as_slice(),
                key.fingerprint.as_slice(),
                day.as_slice(),
            ];
            self.keyed(SEED, &parts)
        };
        Repeat {
            answer_id: key.answer_id,
            seeds: [seed(today), seed(today.saturating_sub(1))],
            was_found: Arc::default(),
        }
    }
}

/// The first half of a hash.
fn as_id(hash: &LookupHash) -> Uuid {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash.as_bytes()[..16]);
    Uuid::new_v8(bytes)
}

impl Accounts {
    /// Begins a request that came with a key, or says what became of it before.
    ///
    /// # Errors
    /// When the database cannot be used, or a value does not open.
    pub async fn begin_call(
        &self,
        asker: Asker<'_>,
        asked: Asked<'_>,
        keys_max: u32,
        now_ms: u64,
    ) -> Result<(Started, Repeat), AccountError> {
        let vault = self.vault(now_ms).await?;
        let key = vault.answer_key(asker, asked);
        let begun = self.store.begin_account_answer(key, keys_max, now_ms);
        let started = match begun.await? {
            Begun::Yours(turn) => Started::Now(turn),
            Begun::Running(left_ms) => Started::Running(left_ms),
            Begun::OtherRequest => Started::OtherRequest,
            Begun::TooMany(until_ms) => Started::TooMany(until_ms),
            Begun::Done(AccountAnswer { status, sealed }) => {
                let place = sealed_columns::account_answer(key.answer_id);
                let open = |sealed: Sealed| vault.ring().open_bytes(place, &sealed);
                Started::Done(status, sealed.map(open).transpose()?)
            }
        };
        Ok((started, vault.repeat(&key, now_ms)))
    }

    /// What is to be remembered of a call by which a person is erased, which is written down with the erasure. Nothing
    /// in it may be the person's.
    pub(crate) async fn last_answer(
        &self,
        repeat: &Repeat,
        (status, answer): (u16, &[u8]),
        now_ms: u64,
    ) -> Result<LastAnswer, AccountError> {
        let answer_id = repeat.answer_id();
        let place = sealed_columns::account_answer(answer_id);
        let sealed = self.vault(now_ms).await?.ring().seal_bytes(place, answer);
        Ok(LastAnswer {
            answer_id,
            answer: AccountAnswer {
                status,
                sealed: Some(sealed),
            },
        })
    }

    /// Remembers what a turn has answered; `None` for what holds tokens. What is too large to be remembered is not.
    ///
    /// # Errors
    /// When the database cannot be used.
    pub async fn keep_answer(
        &self,
        turn: Turn,
        status: u16,
        answer: Option<&[u8]>,
        now_ms: u64,
    ) -> Result<(), AccountError> {
        let vault = self.vault(now_ms).await?;
        let place = sealed_columns::account_answer(turn.answer_id);
        let sealed = answer.map(|answer| vault.ring().seal_bytes(place, answer));
        if let Some(sealed) = &sealed
            && sealed.as_bytes().len() > ANSWER_MAX_BYTES
        {
            return self.give_back(turn).await;
        }
        let answer = AccountAnswer { status, sealed };
        // Where the turn has passed on, the other one's answer is the one to remember.
        self.store.keep_account_answer(turn, &answer).await?;
        Ok(())
    }

    /// Gives back a turn in which nothing was done.
    ///
    /// # Errors
    /// When the database cannot be used.
    pub async fn give_back(&self, turn: Turn) -> Result<(), AccountError> {
        Ok(self.store.drop_account_turn(turn).await?)
    }

    /// Whether somebody who asks for an earlier answer still has the right by which it was given.
    ///
    /// # Errors
    /// When the database cannot be used.
    pub async fn still_holds(&self, right: Option<Mandate>) -> Result<bool, AccountError> {
        match right {
            Some(right) => Ok(self.store.still_holds(right).await?),
            None => Ok(true),
        }
    }
}

#[cfg(test)]
mod tests {
    use onsale_private::{KeyRing, LookupKey};
    use onsale_settings::Secret;

    use super::*;

    const NOON_MS: u64 = 100 * DAY_MS + DAY_MS / 2;

    fn vault() -> Vault {
        let ring = KeyRing::new(&Secret::new("k".repeat(32)), []).unwrap();
        let lookup = LookupKey::from_bytes(&[7; 32]).unwrap();
        Vault::with(Arc::new(ring), lookup)
    }

    fn asked<'a>(key: &'a str, body: &'a [u8]) -> Asked<'a> {
        Asked {
            key,
            operation: "POST /tenants",
            target: "/tenants",
            caller: None,
            body,
        }
    }

    #[test]
    fn keys_are_their_owners_and_of_one_request() {
        let vault = vault();
        let by = |user, standing| Asker::Caller {
            user: Uuid::from_u128(user),
            standing,
        };
        let first = vault.answer_key(by(1, "owner"), asked("k", b"{}"));
        assert_eq!(first, vault.answer_key(by(1, "owner"), asked("k", b"{}")));
        for (asker, key) in [
            (by(2, "owner"), "k"),
            (by(1, "scanner"), "k"),
            (by(1, "owner"), "l"),
        ] {
            let other = vault.answer_key(asker, asked(key, b"{}"));
            assert_ne!(other.answer_id, first.answer_id, "{asker:?} {key}");
            assert_eq!(other.fingerprint, first.fingerprint);
        }
        let other = vault.answer_key(by(1, "owner"), asked("k", b"[]"));
        assert_eq!(other.answer_id, first.answer_id);
        assert_ne!(other.fingerprint, first.fingerprint);
    }

    #[test]
    fn whom_nobody_knows_has_keys_by_what_it_shows() {
        let vault = vault();
        let of = |shown: &str, network: Option<&str>| {
            let shown = Private::new(shown);
            let network = network.map(|network| network.parse().unwrap());
            let asker = Asker::Nobody {
                shown: &shown,
                network,
            };
            vault.answer_key(asker, asked("k", b"{}"))
        };
        let first = of("nobody@example.test", None);
        assert_eq!(first, of("Nobody@Example.Test", None));
        for other in [
            of("someone@example.test", None),
            of("nobody@example.test", Some("192.0.2.1")),
        ] {
            assert_ne!(other.answer_id, first.answer_id);
            assert_ne!(other.owner_id, first.owner_id);
        }
    }

    #[test]
    fn a_repeat_finds_what_was_created_today_and_yesterday_and_nothing_older() {
        let vault = vault();
        let asker = Asker::Caller {
            user: Uuid::from_u128(1),
            standing: "owner",
        };
        let key = vault.answer_key(asker, asked("k", b"{}"));
        let at = |now_ms| vault.repeat(&key, now_ms);
        let made = at(NOON_MS).id("tenant");
        assert_eq!(at(NOON_MS + DAY_MS / 4).ids("tenant")[0], made);
        assert_eq!(at(NOON_MS + DAY_MS).ids("tenant")[1], made);
        assert!(!at(NOON_MS + 2 * DAY_MS).ids("tenant").contains(&made));
        assert_ne!(at(NOON_MS).id("API key"), made);
        let [today, yesterday] = at(NOON_MS).secrets();
        assert_ne!(today, yesterday);
        assert!(Repeat::is_recent(NOON_MS, NOON_MS + DAY_MS - 1));
        assert!(!Repeat::is_recent(NOON_MS, NOON_MS + DAY_MS));
    }
}
