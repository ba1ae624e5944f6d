//! Chains: how entries of the audit trail are tied to those before them.
//!
//! Each tenant has a chain for what people did and one for what the log decided in each partition, so
//! that a projector never waits for a person nor for another projector. Nor do people wait for one another:
//! where someone is at the end of every chain of theirs, another one is begun, as far as [`PEOPLE_LANES`]
//! goes. (Thousands of guests and sign-ins a second belong to no tenant.) What one commit writes is one
//! *link*: it names its entries with their hashes, and the hash of the link before it. So whoever takes
//! an entry away or changes it has to change every link after it, and then the end of the chain, which
//! `onsale audit verify` writes down for a place outside of the database.
//!
//! The hash of an entry is 16 bytes of BLAKE3: nobody finds another entry for one (2^128 tries), and two
//! of their own choosing with one hash (2^64 tries) help nobody who cannot write both.

use uuid::Uuid;

/// Bytes of an entry's hash.
const ENTRY_HASH_BYTES: usize = 16;
/// Bytes of an entry in [`Link::members`]: its number, the most significant byte first, and its hash.
pub(crate) const MEMBER_BYTES: usize = 8 + ENTRY_HASH_BYTES;
/// Entries of one link. What one commit writes beyond it becomes another link.
pub(crate) const LINK_ENTRIES_MAX: usize = 8_192;
/// What the first link of a chain names as the hash before it.
pub(crate) const NO_HASH: [u8; 32] = [0; 32];

/// What an entry's hash begins with, so that no bytes mean one thing in two places.
const ENTRY: &[u8] = b"onsale audit entry 1";
/// What a link's hash begins with.
const LINK: &[u8] = b"onsale audit link 1";

/// Chains of a tenant for what people did: as many commits at once wait for none of the others.
const PEOPLE_LANES: i32 = 64;
/// The lane of the last partition. Behind it are further ones of people.
const LAST_OF_LOG: i32 = 65_536;

/// Which chain of a tenant.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct Lane(pub(crate) i32);

impl Lane {
    /// Entries of a version without chains, linked later.
    pub(crate) const OLDER: Self = Self(-1);
    /// What people did: the first chain of it.
    pub(crate) const PEOPLE: Self = Self(0);
    /// The second.
    pub(crate) const PEOPLE_SECOND: Self = Self(LAST_OF_LOG + 1);
    /// The last.
    pub(crate) const PEOPLE_LAST: Self = Self(LAST_OF_LOG + PEOPLE_LANES - 1);

    /// What the log decided in a partition.
    pub(crate) fn of_log(partition: onsale_schemas::PartitionId) -> Self {
        Self(i32::from(partition.0) + 1)
    }

    /// Whether it is about what people did.
    pub(crate) fn is_of_people(self) -> bool {
        self == Self::PEOPLE || self >= Self::PEOPLE_SECOND
    }

    /// As people and programs read it.
    pub(crate) fn name(self) -> String {
        match self {
            Self::OLDER => "older".to_owned(),
            Self::PEOPLE => "people".to_owned(),
            Self(lane) if self.is_of_people() => format!("people-{}", lane - LAST_OF_LOG),
            Self(lane) => format!("log-{}", lane - 1),
        }
    }
}

/// A chain: that of a tenant, or of [`INSTALLATION`], in a lane.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct ChainKey {
    pub(crate) tenant: Uuid,
    pub(crate) lane: Lane,
}

/// In the place of a tenant for entries that belong to none. (The nil UUID is one: that of organizers
/// without a membership.)
pub const INSTALLATION: Uuid = Uuid::max();

/// Whose chain an entry stands in.
pub(crate) fn owner(tenant: Option<Uuid>) -> Uuid {
    tenant.unwrap_or(INSTALLATION)
}

impl ChainKey {
    /// The tenant, as entries have it.
    pub(crate) fn tenant_id(self) -> Option<Uuid> {
        (self.tenant != INSTALLATION).then_some(self.tenant)
    }
}

/// An entry as it stands in the table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stored<'a> {
    pub(crate) audit_id: i64,
    pub(crate) at_ms: i64,
    pub(crate) actor_id: Option<Uuid>,
    pub(crate) actor_role: &'a str,
    pub(crate) actor_tenant_id: Option<Uuid>,
    pub(crate) request_id: Option<&'a str>,
    pub(crate) action: &'a str,
    pub(crate) subject_kind: &'a str,
    pub(crate) subject_id: &'a str,
    pub(crate) tenant_id: Option<Uuid>,
    pub(crate) detail: Option<&'a str>,
    pub(crate) origin: Option<&'a str>,
}

impl Stored<'_> {
    /// The entry in its link.
    pub(crate) fn member(&self) -> Member {
        let mut hasher = blake3::Hasher::new();
        hasher.update(ENTRY);
        hasher.update(&self.audit_id.to_be_bytes());
        hasher.update(&self.at_ms.to_be_bytes());
        for id in [self.actor_id, self.actor_tenant_id, self.tenant_id] {
            let bytes = id.map(Uuid::into_bytes);
            field(&mut hasher, bytes.as_ref().map(<[u8; 16]>::as_slice));
        }
        for text in [
            Some(self.actor_role),
            self.request_id,
            Some(self.action),
            Some(self.subject_kind),
            Some(self.subject_id),
            self.detail,
            self.origin,
        ] {
            field(&mut hasher, text.map(str::as_bytes));
        }
        let mut hash = [0; ENTRY_HASH_BYTES];
        hash.copy_from_slice(&hasher.finalize().as_bytes()[..ENTRY_HASH_BYTES]);
        Member {
            audit_id: self.audit_id,
            at_ms: self.at_ms,
            hash,
        }
    }
}

/// A value whose end cannot be mistaken: its length before it, or that there is none.
fn field(hasher: &mut blake3::Hasher, bytes: Option<&[u8]>) {
    match bytes {
        Some(bytes) => {
            hasher.update(&[1]);
            let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
            hasher.update(&length.to_be_bytes());
            hasher.update(bytes);
        }
        None => {
            hasher.update(&[0]);
        }
    }
}

/// An entry of a link.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Member {
    pub(crate) audit_id: i64,
    pub(crate) at_ms: i64,
    pub(crate) hash: [u8; ENTRY_HASH_BYTES],
}

/// A link of a chain.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Link {
    pub(crate) chain: ChainKey,
    pub(crate) number: i64,
    pub(crate) first_ms: i64,
    pub(crate) last_ms: i64,
    pub(crate) members: Vec<u8>,
    pub(crate) previous_hash: [u8; 32],
}

impl Link {
    /// The link behind `previous_hash` that covers these entries, of which there is at least one.
    pub(crate) fn of(
        chain: ChainKey,
        number: i64,
        members: &[Member],
        previous_hash: [u8; 32],
    ) -> Self {
        let times = || members.iter().map(|member| member.at_ms);
        let mut bytes = Vec::with_capacity(members.len() * MEMBER_BYTES);
        for member in members {
            bytes.extend_from_slice(&member.audit_id.to_be_bytes());
            bytes.extend_from_slice(&member.hash);
        }
        Self {
            chain,
            number,
            first_ms: times().min().unwrap_or_default(),
            last_ms: times().max().unwrap_or_default(),
            members: bytes,
            previous_hash,
        }
    }

    /// Its hash, of everything that it says.
    pub(crate) fn hash(&self) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new();
        hasher.update(LINK);
        hasher.update(self.chain.tenant.as_bytes());
        hasher.update(&self.chain.lane.0.to_be_bytes());
        hasher.update(&self.number.to_be_bytes());
        hasher.update(&self.first_ms.to_be_bytes());
        hasher.update(&self.last_ms.to_be_bytes());
        hasher.update(&self.previous_hash);
        hasher.update(&self.members);
        *hasher.finalize().as_bytes()
    }

    /// Number and hash of each of its entries.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (i64, [u8; ENTRY_HASH_BYTES])> {
        let (members, _rest) = self.members.as_chunks::<MEMBER_BYTES>();
        members.iter().map(|member| {
            let (mut number, mut hash) = ([0; 8], [0; ENTRY_HASH_BYTES]);
            number.copy_from_slice(&member[..8]);
            hash.copy_from_slice(&member[8..]);
            (i64::from_be_bytes(number), hash)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry() -> Stored<'static> {
        Stored {
            audit_id: 7,
            at_ms: 1_000,
            actor_id: None,
            actor_role: "operator",
            actor_tenant_id: None,
            request_id: Some("r"),
            action: "event.create",
            subject_kind: "event",
            subject_id: "1",
            tenant_id: None,
            detail: None,
            origin: None,
        }
    }

    #[test]
    fn each_lane_has_a_name_of_its_own() {
        let of_log = |partition| Lane::of_log(onsale_schemas::PartitionId(partition));
        for (lane, name) in [
            (Lane::OLDER, "older"),
            (Lane::PEOPLE, "people"),
            (Lane::PEOPLE_SECOND, "people-1"),
            (Lane::PEOPLE_LAST, "people-63"),
            (of_log(0), "log-0"),
            (of_log(u16::MAX), "log-65535"),
        ] {
            assert_eq!(lane.name(), name);
            assert_eq!(lane.is_of_people(), name.starts_with("people"), "{name}");
        }
        // What the columns of both databases take.
        assert_eq!(Lane::PEOPLE_LAST, Lane(65_599));
    }

    #[test]
    fn every_field_is_in_the_hash_and_no_value_passes_for_another() {
        let plain = entry();
        let nil = Some(Uuid::nil());
        let others = [
            Stored {
                audit_id: 8,
                ..plain
            },
            Stored {
                at_ms: 1_001,
                ..plain
            },
            Stored {
                actor_id: nil,
                ..plain
            },
            Stored {
                actor_tenant_id: nil,
                ..plain
            },
            Stored {
                tenant_id: nil,
                ..plain
            },
            Stored {
                actor_role: "operato",
                ..plain
            },
            Stored {
                request_id: None,
                ..plain
            },
            Stored {
                request_id: Some(""),
                ..plain
            },
            Stored {
                action: "event.creat",
                ..plain
            },
            Stored {
                subject_kind: "even",
                ..plain
            },
            Stored {
                subject_kind: "event1",
                subject_id: "",
                ..plain
            },
            Stored {
                subject_id: "2",
                ..plain
            },
            Stored {
                detail: Some(""),
                ..plain
            },
            Stored {
                origin: Some(""),
                ..plain
            },
        ];
        let mut seen: Vec<_> = others.iter().map(|other| other.member().hash).collect();
        seen.push(plain.member().hash);
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), others.len() + 1);
        assert_eq!(plain.member(), entry().member());
    }

    /// Links that were written stay valid: these bytes never change.
    #[test]
    fn a_hash_stays_what_it_is() {
        let chain = ChainKey {
            tenant: Uuid::nil(),
            lane: Lane::PEOPLE,
        };
        let members = [entry().member()];
        let link = Link::of(chain, 1, &members, NO_HASH);
        let again = Link { ..link.clone() };
        assert_eq!(link.hash(), again.hash());
        assert_eq!(link.members.len(), MEMBER_BYTES);
        assert_eq!(link.entries().collect::<Vec<_>>(), [(7, members[0].hash)]);
        let hex = |bytes: &[u8]| {
            bytes
                .iter()
                .fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
        };
        assert_eq!(hex(&members[0].hash), GOLDEN_ENTRY);
        assert_eq!(hex(&link.hash()), GOLDEN_LINK);
    }

    const GOLDEN_ENTRY: &str = "a55361c1f1e715321e91c3b995f0b8b7";
    const GOLDEN_LINK: &str = "14113eec1e8f3a7596194bd6d5970435ae004baf90c91c0ca8098cc6d01be923";

    #[test]
    fn whatever_a_link_says_is_in_its_hash() {
        let chain = ChainKey {
            tenant: Uuid::nil(),
            lane: Lane::PEOPLE,
        };
        let link = Link::of(chain, 1, &[entry().member()], NO_HASH);
        let others = [
            Link {
                number: 2,
                ..link.clone()
            },
            Link {
                first_ms: 0,
                ..link.clone()
            },
            Link {
                last_ms: 2_000,
                ..link.clone()
            },
            Link {
                previous_hash: [1; 32],
                ..link.clone()
            },
            Link {
                members: vec![0; MEMBER_BYTES],
                ..link.clone()
            },
            Link {
                chain: ChainKey {
                    lane: Lane::OLDER,
                    ..chain
                },
                ..link.clone()
            },
            Link {
                chain: ChainKey {
                    tenant: Uuid::from_u128(1),
                    ..chain
                },
                ..link.clone()
            },
        ];
        for other in others {
            assert_ne!(other.hash(), link.hash(), "{other:?}");
        }
    }
}
