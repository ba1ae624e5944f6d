//! Hand-written decoding of the most frequent commands.
//!
//! The general decoder takes longer than the engine needs to decide. This one reads the same bytes
//! of those commands; whatever it does not recognise at once (another command, a long record,
//! damage) it leaves to the general one, so that only one decoder says what is an error.

use uuid::Uuid;

use super::Record;
use crate::command::{Actor, Command, Confirm, ConfirmV2, Currency, Pick, Reserve};
use crate::envelope::{Envelope, TraceContext};
use crate::ids::{CodeHash, RequestId, ShowId, TicketTypeId, UserId};
use crate::limits::{ITEMS_PER_ORDER_MAX, TYPES_PER_SHOW_MAX};
use crate::order::{Item, PickV2, ReserveV2};
use crate::seat_list::SeatList;
use crate::seating::SeatKind;

/// Longer records are rare, and their limits are the general decoder's business, in bytes.
const RECORD_SIZE_COMMON_MAX_BYTES: usize = 4_096;

/// Layout of the records of an on-sale: buyers' commands, which name no staff.
const VERSION_COMMON: u8 = 1;

/// Numbers below this are one byte.
const VARINT_SINGLE_MAX: u8 = 250;
const VARINT_U16: u8 = 251;
const VARINT_U32: u8 = 252;
const VARINT_U64: u8 = 253;

// Places of the variants in their enums, which are wire format.
const COMMAND_RESERVE: u8 = 4;
const COMMAND_CONFIRM: u8 = 5;
const COMMAND_RELEASE: u8 = 6;
const COMMAND_TICK: u8 = 11;
const COMMAND_CONFIRM_V2: u8 = 17;
const COMMAND_RESERVE_V2: u8 = 26;
const PICK_SEATS: u8 = 0;
const PICK_BEST_AVAILABLE: u8 = 1;
const PICK_GENERAL: u8 = 2;
const KIND_ORDINARY: u8 = 0;
const KIND_ACCESSIBLE: u8 = 1;
const KIND_COMPANION: u8 = 2;
const ACTOR_BUYER: u8 = 0;
const ACTOR_STAFF: u8 = 1;

/// The envelope that all of `bytes` hold; `None` when the general decoder has to say.
#[inline(always)]
pub(super) fn decode_common(bytes: &[u8]) -> Option<Envelope> {
    if bytes.len() > RECORD_SIZE_COMMON_MAX_BYTES {
        return None;
    }
    let mut bytes = Bytes(bytes);
    if bytes.array()? != [Envelope::KIND, VERSION_COMMON] {
        return None;
    }
    let request_id = if bytes.flag()? {
        Some(RequestId(bytes.uuid()?))
    } else {
        None
    };
    let idempotency = if bytes.flag()? {
        Some(bytes.u64()?)
    } else {
        None
    };
    let trace = if bytes.flag()? {
        Some(TraceContext {
            trace_id: bytes.array()?,
            span_id: bytes.array()?,
            flags: bytes.byte()?,
        })
    } else {
        None
    };
    let command = match bytes.byte()? {
        COMMAND_RESERVE => Command::Reserve(bytes.reserve()?),
        COMMAND_RESERVE_V2 => Command::ReserveV2(bytes.reserve_v2()?),
        COMMAND_CONFIRM => Command::Confirm(bytes.confirm()?),
        COMMAND_CONFIRM_V2 => Command::ConfirmV2(ConfirmV2 {
            confirm: bytes.confirm()?,
            paid: if bytes.flag()? {
                Some((bytes.i64()?, Currency(bytes.array()?)))
            } else {
                None
            },
        }),
        COMMAND_RELEASE => Command::Release {
            booking: bytes.u64()?,
            by: bytes.actor()?,
        },
        COMMAND_TICK => Command::Tick {
            epoch: bytes.u64()?,
        },
        _ => return None,
    };
    bytes.0.is_empty().then_some(Envelope {
        request_id,
        idempotency,
        trace,
        command,
        by: None,
    })
}

/// What is left to read.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    #[inline(always)]
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*array)
    }

    #[inline(always)]
    fn byte(&mut self) -> Option<u8> {
        let (&byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(byte)
    }

    #[inline(always)]
    fn flag(&mut self) -> Option<bool> {
        match self.byte()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }

    #[inline(always)]
    fn uuid(&mut self) -> Option<Uuid> {
        self.array().map(Uuid::from_bytes)
    }

    #[inline(always)]
    fn u64(&mut self) -> Option<u64> {
        match self.byte()? {
            single @ ..=VARINT_SINGLE_MAX => Some(u64::from(single)),
            VARINT_U16 => self
                .array()
                .map(|bytes| u64::from(u16::from_le_bytes(bytes))),
            VARINT_U32 => self
                .array()
                .map(|bytes| u64::from(u32::from_le_bytes(bytes))),
            VARINT_U64 => self.array().map(u64::from_le_bytes),
            _ => None,
        }
    }

    #[inline(always)]
    fn u32(&mut self) -> Option<u32> {
        match self.byte()? {
            single @ ..=VARINT_SINGLE_MAX => Some(u32::from(single)),
            VARINT_U16 => self
                .array()
                .map(|bytes| u32::from(u16::from_le_bytes(bytes))),
            VARINT_U32 => self.array().map(u32::from_le_bytes),
            _ => None,
        }
    }

    #[inline(always)]
    fn u16(&mut self) -> Option<u16> {
        match self.byte()? {
            single @ ..=VARINT_SINGLE_MAX => Some(u16::from(single)),
            VARINT_U16 => self.array().map(u16::from_le_bytes),
            _ => None,
        }
    }

    /// A signed number, zigzag.
    #[inline(always)]
    fn i64(&mut self) -> Option<i64> {
        let number = self.u64()?;
        Some((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
    }

    #[inline(always)]
    fn text(&mut self) -> Option<&'a str> {
        let length = usize::try_from(self.u64()?).ok()?;
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        std::str::from_utf8(text).ok()
    }

    #[inline(always)]
    fn actor(&mut self) -> Option<Actor> {
        match self.byte()? {
            ACTOR_BUYER => self.uuid().map(|user| Actor::Buyer(UserId(user))),
            ACTOR_STAFF => Some(Actor::Staff),
            _ => None,
        }
    }

    #[inline(always)]
    fn reserve(&mut self) -> Option<Reserve> {
        Some(Reserve {
            show: ShowId(self.uuid()?),
            user: UserId(self.uuid()?),
            zone: self.u16()?,
            pick: match self.byte()? {
                PICK_SEATS => Pick::Seats(self.seats()?),
                PICK_BEST_AVAILABLE => Pick::BestAvailable {
                    quantity: self.u32()?,
                    together: self.flag()?,
                },
                PICK_GENERAL => Pick::General {
                    quantity: self.u32()?,
                },
                _ => return None,
            },
            expected_unit_price: if self.flag()? {
                Some(self.i64()?)
            } else {
                None
            },
        })
    }

    #[inline(always)]
    fn confirm(&mut self) -> Option<Confirm> {
        Some(Confirm {
            booking: self.u64()?,
            by: self.actor()?,
            payment_reference: self.text()?.to_owned(),
        })
    }

    #[inline(always)]
    fn reserve_v2(&mut self) -> Option<ReserveV2> {
        Some(ReserveV2 {
            show: ShowId(self.uuid()?),
            user: UserId(self.uuid()?),
            items: self.list(ITEMS_PER_ORDER_MAX, Self::item)?,
            code: if self.flag()? {
                Some(CodeHash(self.uuid()?))
            } else {
                None
            },
            expected_total: if self.flag()? {
                Some(self.i64()?)
            } else {
                None
            },
        })
    }

    #[inline(always)]
    fn item(&mut self) -> Option<Item> {
        Some(Item {
            zone: self.u16()?,
            pick: match self.byte()? {
                PICK_SEATS => PickV2::Seats(self.seats()?),
                PICK_BEST_AVAILABLE => PickV2::BestAvailable {
                    quantity: self.u32()?,
                    together: self.flag()?,
                    kind: match self.byte()? {
                        KIND_ORDINARY => SeatKind::Ordinary,
                        KIND_ACCESSIBLE => SeatKind::Accessible,
                        KIND_COMPANION => SeatKind::Companion,
                        _ => return None,
                    },
                },
                PICK_GENERAL => PickV2::General {
                    quantity: self.u32()?,
                },
                _ => return None,
            },
            types: self.list(TYPES_PER_SHOW_MAX, Self::places_of_type)?,
        })
    }

    #[inline(always)]
    fn places_of_type(&mut self) -> Option<(TicketTypeId, u32)> {
        Some((self.byte()?, self.u32()?))
    }

    /// A list that an order may have. A longer one is refused anyway, and not frequent.
    #[inline(always)]
    fn list<T>(
        &mut self,
        most: usize,
        mut one: impl FnMut(&mut Self) -> Option<T>,
    ) -> Option<Vec<T>> {
        let count = usize::try_from(self.u64()?).ok()?;
        if count > most {
            return None;
        }
        let mut list = Vec::with_capacity(count);
        for _ in 0..count {
            list.push(one(self)?);
        }
        Some(list)
    }

    #[inline(always)]
    fn seats(&mut self) -> Option<SeatList> {
        let count = self.u64()?;
        // A seat is a byte at least: a forged count makes no long loop.
        if count > self.0.len() as u64 {
            return None;
        }
        let mut seats = SeatList::new();
        for _ in 0..count {
            seats.push(self.u32()?);
        }
        Some(seats)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::codec::{decode, encode};

    fn uuid() -> impl Strategy<Value = Uuid> {
        any::<[u8; 16]>().prop_map(Uuid::from_bytes)
    }

    /// Numbers around the borders of their encodings.
    fn number() -> impl Strategy<Value = u64> {
        prop_oneof![
            0u64..300,
            65_000u64..66_000,
            (u64::from(u32::MAX) - 5)..(u64::from(u32::MAX) + 5),
            any::<u64>()
        ]
    }

    fn number_u32() -> impl Strategy<Value = u32> {
        number().prop_map(|n| u32::try_from(n & u64::from(u32::MAX)).unwrap())
    }

    fn actor() -> impl Strategy<Value = Actor> {
        prop_oneof![
            uuid().prop_map(|user| Actor::Buyer(UserId(user))),
            Just(Actor::Staff)
        ]
    }

    fn pick() -> impl Strategy<Value = Pick> {
        prop_oneof![
            proptest::collection::vec(number_u32(), 0..12)
                .prop_map(|seats| Pick::Seats(seats.into_iter().collect())),
            (number_u32(), any::<bool>())
                .prop_map(|(quantity, together)| Pick::BestAvailable { quantity, together }),
            number_u32().prop_map(|quantity| Pick::General { quantity }),
        ]
    }

    fn pick_v2() -> impl Strategy<Value = PickV2> {
        let kind = prop_oneof![
            Just(SeatKind::Ordinary),
            Just(SeatKind::Accessible),
            Just(SeatKind::Companion)
        ];
        prop_oneof![
            proptest::collection::vec(number_u32(), 0..12)
                .prop_map(|seats| PickV2::Seats(seats.into_iter().collect())),
            (number_u32(), any::<bool>(), kind).prop_map(|(quantity, together, kind)| {
                PickV2::BestAvailable {
                    quantity,
                    together,
                    kind,
                }
            }),
            number_u32().prop_map(|quantity| PickV2::General { quantity }),
        ]
    }

    fn item(types_max: usize) -> impl Strategy<Value = Item> {
        let types = proptest::collection::vec((any::<u8>(), number_u32()), 0..=types_max);
        (any::<u16>(), pick_v2(), types).prop_map(|(zone, pick, types)| Item { zone, pick, types })
    }

    fn reserve_v2(items: impl Strategy<Value = Vec<Item>>) -> impl Strategy<Value = Command> {
        let code = proptest::option::of(uuid().prop_map(CodeHash));
        (uuid(), uuid(), items, code, any::<Option<i64>>()).prop_map(
            |(show, user, items, code, expected_total)| {
                Command::ReserveV2(ReserveV2 {
                    show: ShowId(show),
                    user: UserId(user),
                    items,
                    code,
                    expected_total,
                })
            },
        )
    }

    fn command() -> impl Strategy<Value = Command> {
        let items = prop_oneof![
            proptest::collection::vec(item(3), 0..4),
            proptest::collection::vec(item(TYPES_PER_SHOW_MAX), 1..3),
            proptest::collection::vec(item(0), ITEMS_PER_ORDER_MAX),
        ];
        prop_oneof![
            reserve_v2(items),
            (
                number(),
                actor(),
                ".{0,20}",
                any::<Option<(i64, [u8; 3])>>()
            )
                .prop_map(|(booking, by, payment_reference, paid)| {
                    Command::ConfirmV2(ConfirmV2 {
                        confirm: Confirm {
                            booking,
                            by,
                            payment_reference,
                        },
                        paid: paid.map(|(amount, currency)| (amount, Currency(currency))),
                    })
                }),
            (uuid(), uuid(), any::<u16>(), pick(), any::<Option<i64>>()).prop_map(
                |(show, user, zone, pick, expected_unit_price)| Command::Reserve(Reserve {
                    show: ShowId(show),
                    user: UserId(user),
                    zone,
                    pick,
                    expected_unit_price,
                })
            ),
            (number(), actor(), ".{0,20}").prop_map(|(booking, by, payment_reference)| {
                Command::Confirm(Confirm {
                    booking,
                    by,
                    payment_reference,
                })
            }),
            (number(), actor()).prop_map(|(booking, by)| Command::Release { booking, by }),
            number().prop_map(|epoch| Command::Tick { epoch }),
        ]
    }

    fn envelope() -> impl Strategy<Value = Envelope> {
        (
            proptest::option::of(uuid().prop_map(RequestId)),
            proptest::option::of(number()),
            proptest::option::of((any::<[u8; 16]>(), any::<[u8; 8]>(), any::<u8>()).prop_map(
                |(trace_id, span_id, flags)| TraceContext {
                    trace_id,
                    span_id,
                    flags,
                },
            )),
            command(),
        )
            .prop_map(|(request_id, idempotency, trace, command)| Envelope {
                request_id,
                idempotency,
                trace,
                command,
                by: None,
            })
    }

    proptest! {
        #[test]
        fn reads_what_the_general_decoder_reads(envelope in envelope()) {
            let bytes = encode(&envelope).unwrap();
            prop_assert_eq!(decode_common(&bytes), Some(envelope));
        }

        /// Lists that no order may have are left to the general decoder.
        #[test]
        fn longer_lists_are_not_frequent(
            items in prop_oneof![
                proptest::collection::vec(
                    item(0),
                    ITEMS_PER_ORDER_MAX + 1..ITEMS_PER_ORDER_MAX + 9,
                ),
                (item(0), TYPES_PER_SHOW_MAX + 1..TYPES_PER_SHOW_MAX + 9).prop_map(
                    |(mut item, types)| {
                        item.types = vec![(0, 1); types];
                        vec![item]
                    },
                ),
            ]
            .prop_flat_map(|items| reserve_v2(Just(items))),
        ) {
            let envelope = Envelope::machine(items);
            let bytes = encode(&envelope).unwrap();
            prop_assert_eq!(decode_common(&bytes), None);
            let mut place = None;
            crate::codec::decode_envelope_into(&bytes, &mut place);
            prop_assert_eq!(place, Some(envelope));
        }

        /// However the bytes are changed: what this decoder accepts, the general one reads in the
        /// same way.
        #[test]
        fn accepts_nothing_that_the_general_decoder_refuses(
            envelope in envelope(),
            changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
            cut in any::<prop::sample::Index>(),
            more in proptest::collection::vec(any::<u8>(), 0..3),
        ) {
            let mut bytes = encode(&envelope).unwrap();
            for (at, byte) in changes {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            let mut longer = bytes.clone();
            longer.extend(more);
            let shorter = &bytes[..cut.index(bytes.len())];
            for bytes in [&bytes[..], &longer[..], shorter] {
                if let Some(read) = decode_common(bytes) {
                    prop_assert_eq!(decode::<Envelope>(bytes).ok(), Some(read));
                }
            }
        }
    }
}
