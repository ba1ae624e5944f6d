//! What a shown refresh token does: a step without I/O, which the store takes under the lock of the
//! session's row.
//!
//! A token is good once. Who shows one that was used before has either lost a race with another tab,
//! within seconds, or shows what somebody else has used, or has used what somebody else shows: then it
//! is not known which of the two is the thief, and the whole session ends.

use onsale_store::account::{SessionEnd, SessionRow, SessionStep, SuccessorSalt};

use super::token::{FamilyTokens, RefreshToken};

/// How long things last.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Policy {
    /// How long a session lasts that nobody uses, in milliseconds.
    pub life_ms: u64,
    /// For how long a used token gives the same answer again, in milliseconds.
    pub grace_ms: u64,
}

/// Why a token gives nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// It never was one of this session.
    Unknown,
    /// The session was not used for too long.
    Expired,
    /// The session has ended before.
    Ended(SessionEnd),
    /// It was used before: the session ends with this.
    Reused,
}

/// What a shown token gives.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// The token that is good from now on.
    Next(RefreshToken),
    /// The token that is good already: the answer of a moment ago once more.
    Again(RefreshToken),
    /// Nothing.
    Refused(Refusal),
}

/// What `token` gives at `now_ms`, and what becomes of the session. `salt` is random.
pub fn shown(
    session: &SessionRow,
    token: &RefreshToken,
    tokens: &FamilyTokens,
    salt: SuccessorSalt,
    policy: Policy,
    now_ms: u64,
) -> (Verdict, SessionStep) {
    let refused = |why| (Verdict::Refused(why), SessionStep::Keep);
    if token.session() != session.session_id || token.family_hash() != session.family_hash {
        return refused(Refusal::Unknown);
    }
    if let Some((_at_ms, why)) = session.ended {
        return refused(Refusal::Ended(why));
    }
    if now_ms >= session.expires_at_ms {
        return refused(Refusal::Expired);
    }
    let hash = token.token_hash();
    if hash == session.token_hash {
        let next = tokens.successor(token, &salt);
        let step = SessionStep::Rotate {
            token_hash: next.token_hash(),
            salt,
            expires_at_ms: now_ms.saturating_add(policy.life_ms),
        };
        return (Verdict::Next(next), step);
    }
    if let Some((previous, salt)) = &session.previous
        && hash == *previous
        // By the clocks of two nodes, it may seem to have been used in the future.
        && now_ms.saturating_sub(session.rotated_at_ms) <= policy.grace_ms
        // None where the key that it was used with is not configured here any more.
        && let Some(next) = tokens.successor_of_hash(token, salt, &session.token_hash)
    {
        return (Verdict::Again(next), SessionStep::Keep);
    }
    let step = SessionStep::End(SessionEnd::Reuse);
    (Verdict::Refused(Refusal::Reused), step)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    const NOW_MS: u64 = 1_800_000_000_000;
    const POLICY: Policy = Policy {
        life_ms: 1_000_000,
        grace_ms: 10_000,
    };

    fn tokens() -> FamilyTokens {
        FamilyTokens::new([9; 32], Vec::new())
    }

    fn opened() -> (SessionRow, RefreshToken) {
        let token = RefreshToken::first(Uuid::from_u128(1));
        let session = SessionRow {
            session_id: token.session(),
            user_id: Uuid::from_u128(2),
            tenant_id: None,
            family_hash: token.family_hash(),
            token_hash: token.token_hash(),
            previous: None,
            rotated_at_ms: NOW_MS,
            created_at_ms: NOW_MS,
            expires_at_ms: NOW_MS + POLICY.life_ms,
            ended: None,
            agent: None,
            address: None,
            address_hash: None,
        };
        (session, token)
    }

    /// As the store takes a step.
    fn take(session: &mut SessionRow, step: SessionStep, now_ms: u64) {
        match step {
            SessionStep::Keep => {}
            SessionStep::Rotate {
                token_hash,
                salt,
                expires_at_ms,
            } => {
                session.previous = Some((session.token_hash, salt));
                session.token_hash = token_hash;
                session.rotated_at_ms = now_ms;
                session.expires_at_ms = expires_at_ms;
            }
            SessionStep::End(why) => session.ended = Some((now_ms, why)),
        }
    }

    fn show(session: &mut SessionRow, token: &RefreshToken, salt: u8, now_ms: u64) -> Verdict {
        let (verdict, step) = shown(session, token, &tokens(), [salt; 16], POLICY, now_ms);
        take(session, step, now_ms);
        verdict
    }

    fn next(verdict: Verdict) -> RefreshToken {
        match verdict {
            Verdict::Next(token) | Verdict::Again(token) => token,
            Verdict::Refused(why) => panic!("{why:?}"),
        }
    }

    #[test]
    fn each_use_gives_another_token_and_prolongs_the_session() {
        let (mut session, first) = opened();
        let second = next(show(&mut session, &first, 1, NOW_MS + 5));
        assert_eq!(session.token_hash, second.token_hash());
        assert_eq!(session.expires_at_ms, NOW_MS + 5 + POLICY.life_ms);
        let third = next(show(&mut session, &second, 2, NOW_MS + 6));
        assert_ne!(second, third);
    }

    #[test]
    fn two_tabs_at_once_get_the_same_token() {
        let (mut session, first) = opened();
        let one = show(&mut session, &first, 1, NOW_MS);
        let other = show(&mut session, &first, 2, NOW_MS + POLICY.grace_ms);
        assert_eq!(Verdict::Again(next(one)), other);
        // By a clock that is behind, too.
        let behind = show(&mut session, &first, 3, NOW_MS - 5_000);
        assert_eq!(behind, other);
        assert!(session.ended.is_none());
    }

    #[test]
    fn a_token_that_is_used_again_later_ends_the_session() {
        let (mut session, first) = opened();
        let second = next(show(&mut session, &first, 1, NOW_MS));
        let late = NOW_MS + POLICY.grace_ms + 1;
        let reused = show(&mut session, &first, 2, late);
        assert_eq!(reused, Verdict::Refused(Refusal::Reused));
        assert_eq!(session.ended, Some((late, SessionEnd::Reuse)));
        let ended = Verdict::Refused(Refusal::Ended(SessionEnd::Reuse));
        assert_eq!(
            show(&mut session, &second, 3, late),
            ended,
            "whoever has it"
        );
    }

    #[test]
    fn a_token_from_before_the_last_one_ends_the_session_at_once() {
        let (mut session, first) = opened();
        let second = next(show(&mut session, &first, 1, NOW_MS));
        let _third = next(show(&mut session, &second, 2, NOW_MS + 1));
        let reused = show(&mut session, &first, 3, NOW_MS + 2);
        assert_eq!(reused, Verdict::Refused(Refusal::Reused));
    }

    #[test]
    fn who_only_knows_the_session_changes_nothing() {
        let (mut session, _first) = opened();
        let before = session.clone();
        let guessed = RefreshToken::first(session.session_id);
        let unknown = Verdict::Refused(Refusal::Unknown);
        assert_eq!(show(&mut session, &guessed, 1, NOW_MS), unknown);
        let (_, elsewhere) = opened();
        assert_eq!(show(&mut session, &elsewhere, 1, NOW_MS), unknown);
        assert_eq!(session, before);
    }

    #[test]
    fn a_session_that_nobody_used_for_too_long_is_over() {
        let (mut session, first) = opened();
        let over = session.expires_at_ms;
        let expired = Verdict::Refused(Refusal::Expired);
        assert_eq!(show(&mut session, &first, 1, over), expired);
        assert!(session.ended.is_none());
        assert!(matches!(
            show(&mut session, &first, 1, over - 1),
            Verdict::Next(_)
        ));
    }

    #[test]
    fn a_changed_key_of_the_server_gives_no_wrong_successor() {
        let (mut session, first) = opened();
        show(&mut session, &first, 1, NOW_MS);
        let changed = FamilyTokens::new([8; 32], Vec::new());
        let (verdict, _) = shown(&session, &first, &changed, [2; 16], POLICY, NOW_MS + 1);
        assert_eq!(verdict, Verdict::Refused(Refusal::Reused));
    }

    #[test]
    fn two_tabs_on_nodes_with_different_current_keys_get_the_same_token() {
        let (mut session, first) = opened();
        let second = next(show(&mut session, &first, 1, NOW_MS));
        let other_node = FamilyTokens::new([8; 32], vec![[9; 32]]);
        let (verdict, step) = shown(&session, &first, &other_node, [2; 16], POLICY, NOW_MS + 1);
        assert_eq!(verdict, Verdict::Again(second.clone()));
        take(&mut session, step, NOW_MS + 1);
        let (verdict, step) = shown(&session, &second, &other_node, [3; 16], POLICY, NOW_MS + 2);
        take(&mut session, step, NOW_MS + 2);
        let third = next(verdict);
        let this_node = FamilyTokens::new([9; 32], vec![[8; 32]]);
        let (verdict, _) = shown(&session, &second, &this_node, [4; 16], POLICY, NOW_MS + 3);
        assert_eq!(verdict, Verdict::Again(third));
    }

    proptest! {
        /// However tokens are shown, one is good at a time; a token that was used gives nothing new;
        /// and a session that has ended stays so.
        #[test]
        fn one_token_is_good_at_a_time(shows in prop::collection::vec((0usize..8, 0u64..15_000), 1..40)) {
            let (mut session, first) = opened();
            let mut known = vec![first];
            let mut now_ms = NOW_MS;
            for (which, pause_ms) in shows {
                now_ms += pause_ms;
                let which = which.min(known.len() - 1);
                let token = known[known.len() - 1 - which].clone();
                let before = session.clone();
                let verdict = show(&mut session, &token, u8::try_from(known.len() % 256).unwrap(), now_ms);
                match verdict {
                    Verdict::Next(next) => {
                        prop_assert_eq!(which, 0, "only the newest is good");
                        prop_assert!(before.ended.is_none());
                        prop_assert!(!known.contains(&next));
                        known.push(next);
                    }
                    Verdict::Again(next) => {
                        prop_assert_eq!(which, 1);
                        prop_assert_eq!(&next, known.last().unwrap());
                        prop_assert_eq!(&session, &before);
                        prop_assert!(now_ms - session.rotated_at_ms <= POLICY.grace_ms);
                    }
                    Verdict::Refused(Refusal::Reused) => {
                        prop_assert!(which > 0);
                        prop_assert!(session.ended.is_some());
                    }
                    Verdict::Refused(Refusal::Ended(_)) => {
                        prop_assert!(before.ended.is_some());
                        prop_assert_eq!(&session, &before);
                    }
                    Verdict::Refused(Refusal::Expired) => {
                        prop_assert!(now_ms >= before.expires_at_ms);
                    }
                    Verdict::Refused(Refusal::Unknown) => {
                        return Err(TestCaseError::fail("all are of the session"));
                    }
                }
                let good = known.iter().filter(|token| token.token_hash() == session.token_hash);
                prop_assert_eq!(good.count(), 1);
            }
        }
    }
}
