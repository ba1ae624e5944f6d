//! How many mails strangers may have sent to an address.
//!
//! Registering, erasing and registering again, or inviting again and again, would make this server fill a
//! mailbox of the attacker's choice, from as many addresses as it takes. So mails are counted by the
//! address that they go to as well, before there is an account to count for. Each process counts for
//! itself, in memory.
//!
//! What strangers ask for must not keep the owner of an address from having its account moved there, though. So where
//! the mails of an address are used up, an account whose own address is known to be its person's may still have a few
//! sent there, counted by account and address. All of these together have a limit, too: it takes many accounts, each with
//! a mailbox that its person reads, to use that up.

use std::collections::HashMap;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::{Mutex, PoisonError};

use onsale_private::LookupHash;
use onsale_store::account::Purpose;
use uuid::Uuid;

/// Mails of one purpose that an address is sent at once.
const BURST: u64 = 5;
/// After how long it may be sent another one, in milliseconds: 144 minutes, 10 a day.
const ONE_PER_MS: u64 = 144 * 60 * 1_000;
/// Mails to an address that one account with an address of its own may ask for at once, where those of all are used up.
const BURST_OF_OWNER: u64 = 2;
/// Such mails of all accounts together.
const BURST_OF_OWNERS: u64 = 20;
/// After how long there may be another one of these, in milliseconds: 36 minutes, 40 a day.
const ONE_OF_OWNERS_PER_MS: u64 = ONE_PER_MS / 4;
/// Addresses that are counted each for itself, about 100 bytes each; beyond them new ones share counts.
const ADDRESSES_MAX: usize = 100_000;
/// Counts that are shared.
const SHARED: u64 = 4_096;
/// How often a full table is searched for what is as good as new, in milliseconds.
const SWEEP_EVERY_MS: u64 = 60_000;

/// See the module.
#[derive(Default)]
pub(crate) struct MailPace {
    table: Mutex<Table>,
    hasher: RandomState,
}

#[derive(Default)]
struct Table {
    /// Until when what was sent is not forgotten, in milliseconds: [`ONE_PER_MS`] for each mail.
    until_ms: HashMap<Counted, u64>,
    swept_at_ms: u64,
}

/// What is counted.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Counted {
    Address(&'static str, [u8; 32]),
    /// For an account whose own address is its person's.
    Owner(Uuid, [u8; 32]),
    /// For all of these.
    Owners([u8; 32]),
    Shared(u64),
}

impl MailPace {
    /// Counts a mail to an address.
    ///
    /// # Errors
    /// How long to wait until another may be sent, in milliseconds.
    pub(crate) fn count(
        &self,
        purpose: Purpose,
        address: &LookupHash,
        now_ms: u64,
    ) -> Result<(), u64> {
        let counted = Counted::Address(purpose.as_str(), *address.as_bytes());
        self.count_as(counted, (BURST, ONE_PER_MS), now_ms)
    }

    /// Counts a mail that would give an account an address; `owner`: the account, where its own address is known to be
    /// its person's.
    ///
    /// # Errors
    /// How long to wait until another may be sent, in milliseconds.
    pub(crate) fn count_change(
        &self,
        owner: Option<Uuid>,
        address: &LookupHash,
        now_ms: u64,
    ) -> Result<(), u64> {
        let counted = self.count(Purpose::ChangeEmail, address, now_ms);
        let (Err(_wait_ms), Some(owner)) = (counted, owner) else {
            return counted;
        };
        let address = *address.as_bytes();
        // Who has asked too often takes nothing of what all have.
        let own = Counted::Owner(owner, address);
        self.count_as(own, (BURST_OF_OWNER, ONE_PER_MS), now_ms)?;
        let all = Counted::Owners(address);
        self.count_as(all, (BURST_OF_OWNERS, ONE_OF_OWNERS_PER_MS), now_ms)
    }

    /// Counts one of so many at once, of which there is another one after so many milliseconds.
    fn count_as(
        &self,
        counted: Counted,
        (burst, one_per_ms): (u64, u64),
        now_ms: u64,
    ) -> Result<(), u64> {
        // Nothing in here panics halfway.
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        let counted = if table.has_room_for(counted, now_ms) {
            counted
        } else {
            Counted::Shared(self.hasher.hash_one(counted) % SHARED)
        };
        let until_ms = table.until_ms.get(&counted).copied().unwrap_or(0);
        let next_ms = until_ms.max(now_ms).saturating_add(one_per_ms);
        let limit_ms = now_ms.saturating_add(burst * one_per_ms);
        if next_ms > limit_ms {
            return Err(next_ms - limit_ms);
        }
        table.until_ms.insert(counted, next_ms);
        Ok(())
    }
}

impl Table {
    fn has_room_for(&mut self, counted: Counted, now_ms: u64) -> bool {
        if self.until_ms.contains_key(&counted) || self.until_ms.len() < ADDRESSES_MAX {
            return true;
        }
        if now_ms.saturating_sub(self.swept_at_ms) >= SWEEP_EVERY_MS {
            self.swept_at_ms = now_ms;
            self.until_ms.retain(|_, until_ms| *until_ms > now_ms);
        }
        self.until_ms.len() < ADDRESSES_MAX
    }
}

#[cfg(test)]
mod tests {
    use onsale_private::LookupKey;

    use super::*;

    const NOW_MS: u64 = 1_800_000_000_000;

    fn address(number: u64) -> LookupHash {
        let key = LookupKey::from_bytes(&[7; 32]).unwrap();
        key.hash("email", &number.to_be_bytes())
    }

    #[test]
    fn an_address_is_sent_a_few_at_once_and_ten_a_day() {
        let pace = MailPace::default();
        let send = |number, now_ms| pace.count(Purpose::Invitation, &address(number), now_ms);
        for _ in 0..BURST {
            assert_eq!(send(1, NOW_MS), Ok(()));
        }
        assert_eq!(send(1, NOW_MS), Err(ONE_PER_MS));
        assert_eq!(send(1, NOW_MS + ONE_PER_MS - 1), Err(1));
        assert_eq!(send(1, NOW_MS + ONE_PER_MS), Ok(()));
        assert!(send(1, NOW_MS + ONE_PER_MS).is_err());
        assert_eq!(send(2, NOW_MS), Ok(()), "another address");
        let other = pace.count(Purpose::VerifyEmail, &address(1), NOW_MS);
        assert_eq!(other, Ok(()), "another purpose");
    }

    #[test]
    fn what_strangers_ask_for_keeps_no_owner_from_moving() {
        let pace = MailPace::default();
        let ask = |owner: Option<u128>, now_ms| {
            let owner = owner.map(Uuid::from_u128);
            pace.count_change(owner, &address(1), now_ms)
        };
        for _ in 0..BURST {
            assert_eq!(ask(None, NOW_MS), Ok(()));
        }
        assert_eq!(ask(None, NOW_MS), Err(ONE_PER_MS));
        for _ in 0..BURST_OF_OWNER {
            assert_eq!(ask(Some(1), NOW_MS), Ok(()));
        }
        assert_eq!(ask(Some(1), NOW_MS), Err(ONE_PER_MS));
        // All of them together have a limit.
        let others = 2..=u128::from(BURST_OF_OWNERS / BURST_OF_OWNER);
        for owner in others {
            for _ in 0..BURST_OF_OWNER {
                assert_eq!(ask(Some(owner), NOW_MS), Ok(()), "{owner}");
            }
        }
        assert_eq!(ask(Some(100), NOW_MS), Err(ONE_OF_OWNERS_PER_MS));
        let later_ms = NOW_MS + ONE_OF_OWNERS_PER_MS;
        assert_eq!(ask(Some(101), later_ms), Ok(()));
        let elsewhere = pace.count_change(None, &address(2), NOW_MS);
        assert_eq!(elsewhere, Ok(()), "another address");
    }

    #[test]
    fn the_table_is_bounded() {
        let pace = MailPace::default();
        let purpose = Purpose::VerifyEmail;
        for number in 0..110_000 {
            let _may = pace.count(purpose, &address(number), NOW_MS);
        }
        let count = || pace.table.lock().unwrap().until_ms.len();
        let shared = usize::try_from(SHARED).unwrap();
        assert!(count() <= ADDRESSES_MAX + shared, "{}", count());
        // What is as good as new makes room.
        let later_ms = NOW_MS + BURST * ONE_PER_MS;
        assert_eq!(pace.count(purpose, &address(200_000), later_ms), Ok(()));
        assert_eq!(count(), 1);
    }
}
