//! The quote beside the machine: what it says of a basket is what the log decides of it at the same moment.

mod dice;
mod kinds;

use onsale_engine::{BookingState, Limits, Partition};
use onsale_schemas::code::CreateCodes;
use onsale_schemas::command::{Actor, Admission, Confirm, OpenShow, OpenShowV2, ZoneLayout};
use onsale_schemas::offer::{Phase, PhasePrice, Scope, SetOffer, TicketType};
use onsale_schemas::order::ReserveV2;
use onsale_schemas::outcome::Line;
use onsale_schemas::seating::OpenShowV3;
use onsale_schemas::{
    CodeHash, Command, Entry, Envelope, EventId, Outcome, OutcomeRecord, PartitionId, RequestId,
    ShowId, TenantId, UserId, codec,
};
use onsale_store::catalog::{OfferRow, ZoneAdmission};

use self::dice::Dice;
use super::*;

const ID: PartitionId = PartitionId(0);
const SHOW: ShowId = ShowId::from_bytes([1; 16]);
const JPY: Currency = Currency(*b"JPY");
/// The machine knows version 3.
const LIMITS: Limits = Limits {
    shows_max: 2,
    bookings_max: 4_000,
    remembered_answers_max: 10,
    references_max: 1_000,
    documents_max_bytes: 1_000,
    codes_max: 100,
    machine_version_known: 3,
};
/// Longest hold.
const HOLD_MS: u32 = 30_000;
/// Named seats lie in rows of a seated zone of the whole hall.
const ROWS: [u16; 3] = [90, 90, 90];

/// A machine that is fed by hand.
struct Machine {
    partition: Partition,
    now_ms: u64,
}

impl Machine {
    fn run(&mut self, command: Command) -> Outcome {
        let envelope = Envelope {
            request_id: Some(RequestId::from_bytes([9; 16])),
            idempotency: None,
            trace: None,
            command,
            by: None,
        };
        let payload = codec::encode(&envelope).unwrap();
        let mut outcomes: Vec<OutcomeRecord> = Vec::new();
        let entry = Entry {
            offset: self.partition.next_offset(),
            log_time_ms: self.now_ms,
            payload: &payload,
        };
        self.partition.apply(entry, &mut outcomes);
        outcomes
            .pop()
            .map_or(Outcome::Nothing, |record| record.outcome)
    }

    /// Live bookings of a user that carry the code.
    fn uses_of(&self, user: UserId, code: CodeHash) -> u32 {
        let live = self.partition.bookings().filter(|view| {
            matches!(view.state, BookingState::Reserved | BookingState::Confirmed)
                && view.user == user
        });
        let with_code = live.filter(|view| {
            let order = self.partition.order(view.booking);
            order.is_some_and(|order| order.code == Some(code))
        });
        u32::try_from(with_code.count()).unwrap()
    }
}

fn opening(offer: Offer) -> OpenShowV3 {
    let zone = |unit_price, admission| ZoneLayout {
        unit_price,
        currency: JPY,
        admission,
    };
    OpenShowV3 {
        show: OpenShowV2 {
            show: OpenShow {
                show: SHOW,
                event: EventId::from_bytes([2; 16]),
                max_tickets_per_user: 0,
                sale_opens_at_ms: 20_000,
                sale_closes_at_ms: 250_000,
                hold_ms: HOLD_MS,
                zones: vec![
                    zone(
                        1_005,
                        Admission::Seated {
                            rows: ROWS.to_vec(),
                        },
                    ),
                    zone(333, Admission::General { capacity: 5_000 }),
                ],
            },
            tenant: TenantId::from_bytes([3; 16]),
            cooldown_ms: 0,
        },
        plans: Vec::new(),
        companions_per_accessible: 0,
        offer,
    }
}

/// The show as the catalog has it.
fn row(open: &OpenShowV3, offer: &Offer) -> ShowRow {
    let floor = ZoneAdmission::General { capacity: 1 };
    let mut row = crate::charts::show_of(vec![floor.clone(), floor]);
    let show = &open.show.show;
    row.sale_opens_at_ms = show.sale_opens_at_ms;
    row.sale_closes_at_ms = show.sale_closes_at_ms;
    for (zone, layout) in row.zones.iter_mut().zip(&show.zones) {
        zone.unit_price = layout.unit_price;
        zone.currency = layout.currency.as_str().to_owned();
    }
    row.offer = Some(OfferRow {
        offer: offer.clone(),
        ..OfferRow::default()
    });
    row
}

/// Refusals that a quote says nothing of: they follow from places that others have.
fn is_of_places(why: &Rejection) -> bool {
    matches!(
        why,
        Rejection::SeatUnavailable { .. }
            | Rejection::SeatInOwnHold { .. }
            | Rejection::InsufficientStock { .. }
            | Rejection::InsufficientStockOf { .. }
    )
}

fn without_seats(lines: &[Line]) -> Vec<Line> {
    let lines = lines.iter().cloned();
    lines
        .map(|line| Line {
            seats: SeatList::new(),
            ..line
        })
        .collect()
}

/// How often both granted an order and how often they refused it.
#[derive(Default)]
struct Agreed {
    orders: u32,
    plain: u32,
    refused: u32,
}

/// Compares what the quote says with what the machine decided.
fn compare(what: &str, quoted: Result<Quoted, Rejection>, decided: &Outcome, agreed: &mut Agreed) {
    match (quoted, decided) {
        (Ok(quoted), Outcome::ReservedV2(order)) => {
            let lines = onsale_prices::lines(&quoted.price, &[]).to_vec();
            assert_eq!(lines, without_seats(&order.lines), "{what}");
            let sums = (order.order_fee, order.order_fee_tax, order.total, order.tax);
            let price = &quoted.price;
            let said = (price.order_fee, price.order_fee_tax, price.total, price.tax);
            assert_eq!(said, sums, "{what}");
            assert_eq!(quoted.currency, order.currency);
            agreed.orders += 1;
        }
        (Ok(quoted), Outcome::Reserved(plain)) => {
            let total = plain.unit_price * i64::from(plain.quantity);
            assert_eq!((quoted.price.total, quoted.price.tax), (total, 0), "{what}");
            agreed.plain += 1;
        }
        (Ok(_), Outcome::Rejected(why)) if is_of_places(why) => {}
        (Err(said), Outcome::Rejected(why)) => {
            assert_eq!(&said, why, "{what}");
            agreed.refused += 1;
        }
        (quoted, decided) => panic!("{what}: {quoted:?}, and the machine: {decided:?}"),
    }
}

fn run(seed: u64, agreed: &mut Agreed) {
    let mut dice = Dice(seed);
    let mut machine = Machine {
        partition: Partition::new(ID, LIMITS),
        now_ms: 0,
    };
    machine.run(Command::Barrier { machine_version: 3 });
    let mut offer = dice.offer();
    let open = opening(offer.clone());
    let opened = machine.run(Command::OpenShowV3(Box::new(open.clone())));
    assert!(matches!(opened, Outcome::ShowOpened { .. }), "{opened:?}");
    let codes = [0, 1, 2].map(|n| CodeHash::from_bytes([n; 16]));
    // Of the third nobody has heard.
    for (group, code) in (0..).zip(&codes[..2]) {
        let created = machine.run(Command::CreateCodes(Box::new(CreateCodes {
            show: SHOW,
            group,
            terms: dice.terms(),
            codes: vec![*code],
        })));
        assert!(
            matches!(created, Outcome::CodesCreated { .. }),
            "{created:?}"
        );
    }
    let (mut held, mut taken) = (Vec::new(), 0);
    for step in 0..120 {
        machine.now_ms += 1_000 * dice.roll(6);
        if dice.roll(40) == 0 {
            offer = dice.offer();
            let set = SetOffer {
                show: SHOW,
                offer: offer.clone(),
            };
            let outcome = machine.run(Command::SetOffer(Box::new(set)));
            assert_eq!(outcome, Outcome::OfferSet { show: SHOW });
        }
        // What is due has expired before anybody looks.
        machine.run(Command::Tick { epoch: 0 });
        let user = UserId::from_bytes([dice.small(3); 16]);
        let items: Vec<Item> = (0..=dice.small(3)).map(|_| dice.item(&mut taken)).collect();
        let code = dice.coin().then(|| codes[usize::from(dice.small(3))]);
        let tried = code.map(|code| match machine.partition.code(SHOW, &code) {
            None => Tried::Unknown,
            Some(known) => Tried::Known {
                terms: known.terms,
                uses: known.uses,
                uses_of_user: machine.uses_of(user, code),
            },
        });
        let phase_places = machine.partition.phase_places(SHOW).into_iter().collect();
        let row = row(&open, &offer);
        let standing = Standing {
            show: &row,
            phase_places: &phase_places,
            code: tried.as_ref(),
            seat_kind: &|_| Some(SeatKind::Ordinary),
            now_ms: machine.now_ms,
        };
        let valid_until_ms = standing.valid_until_ms();
        assert!(valid_until_ms > machine.now_ms);
        let quoted = price(&standing, &items);
        // While it is valid and nobody buys, time changes nothing.
        let later = Standing {
            now_ms: valid_until_ms - 1,
            ..standing
        };
        match (&quoted, price(&later, &items)) {
            (Ok(now), Ok(then)) => assert_eq!(now.price, then.price, "seed {seed}, step {step}"),
            (Err(now), Err(then)) => assert_eq!(*now, then, "seed {seed}, step {step}"),
            (now, then) => panic!("seed {seed}, step {step}: {now:?}, later {then:?}"),
        }
        let decided = machine.run(Command::ReserveV2(ReserveV2 {
            show: SHOW,
            user,
            items: items.clone(),
            code,
            expected_total: None,
        }));
        let what = format!("seed {seed}, step {step}: {items:?}");
        compare(&what, quoted, &decided, agreed);
        match decided {
            Outcome::Reserved(reserved) => held.push((reserved.booking, user)),
            Outcome::ReservedV2(reserved) => held.push((reserved.booking, user)),
            _ => {}
        }
        let Some((booking, user)) = held.pop().filter(|_| dice.coin()) else {
            continue;
        };
        machine.run(if dice.coin() {
            Command::Confirm(Confirm {
                booking,
                by: Actor::Staff,
                payment_reference: format!("pay-{booking}"),
            })
        } else {
            Command::Release {
                booking,
                by: Actor::Buyer(user),
            }
        });
    }
}

#[test]
fn a_quote_says_what_the_machine_decides() {
    let mut agreed = Agreed::default();
    for seed in 0..250 {
        run(seed, &mut agreed);
    }
    // Of each there was plenty to compare.
    let Agreed {
        orders,
        plain,
        refused,
    } = agreed;
    assert!(orders > 100, "{orders} orders");
    assert!(plain > 10, "{plain} plain bookings");
    assert!(refused > 500, "{refused} refusals");
}

#[test]
fn a_quote_is_good_until_the_next_window_and_for_a_minute_at_most() {
    let open = opening(Offer::default());
    let mut row = row(&open, &Offer::default());
    let nothing = HashMap::new();
    let until = |row: &ShowRow, code: Option<&Tried>, now_ms: u64| {
        let standing = Standing {
            show: row,
            phase_places: &nothing,
            code,
            seat_kind: &|_| None,
            now_ms,
        };
        standing.valid_until_ms()
    };
    for (now_ms, valid_until_ms) in [
        (0, 20_000),
        (19_999, 20_000),
        (20_000, 80_000),
        (249_000, 250_000),
        (250_000, 310_000),
    ] {
        assert_eq!(until(&row, None, now_ms), valid_until_ms, "{now_ms}");
    }
    let mut dice = Dice(1);
    let code = Tried::Known {
        terms: CodeTerms {
            from_ms: 30_000,
            until_ms: 50_000,
            ..dice.terms()
        },
        uses: 0,
        uses_of_user: 0,
    };
    assert_eq!(until(&row, Some(&code), 20_000), 30_000);
    assert_eq!(until(&row, Some(&code), 30_000), 50_000);
    let phase = Phase {
        id: 1,
        scope: Scope::default(),
        from_ms: 0,
        until_ms: 40_000,
        places: 0,
        price: PhasePrice::Fixed(1),
    };
    if let Some(offered) = &mut row.offer {
        offered.offer.phases.push(phase);
    }
    assert_eq!(until(&row, Some(&code), 30_000), 40_000);
}

#[test]
fn a_seat_of_a_kind_that_nobody_knows_is_left_to_the_log() {
    let mut offer = Offer::default();
    offer.types.push(TicketType {
        id: 0,
        min: 0,
        max: 0,
        from_ms: 0,
        until_ms: u64::MAX,
        code_only: false,
        kinds: 0b010,
    });
    let row = row(&opening(offer.clone()), &offer);
    let nothing = HashMap::new();
    let best = |kind| Item {
        zone: 0,
        pick: PickV2::BestAvailable {
            quantity: 1,
            together: true,
            kind,
        },
        types: Vec::new(),
    };
    let named = Item {
        zone: 0,
        pick: PickV2::Seats(SeatList::from_iter([3])),
        types: Vec::new(),
    };
    let of = |kind: &dyn Fn(SeatIndex) -> Option<SeatKind>, items: &[Item]| {
        let standing = Standing {
            show: &row,
            phase_places: &nothing,
            code: None,
            seat_kind: kind,
            now_ms: 20_000,
        };
        price(&standing, items).map(|quoted| quoted.price.total)
    };
    let wrong = |seats: &[SeatIndex]| Rejection::WrongSeatKind {
        ticket_type: 0,
        seats: seats.iter().copied().collect(),
    };
    assert_eq!(of(&|_| None, std::slice::from_ref(&named)), Ok(1_005));
    let ordinary = |_: SeatIndex| Some(SeatKind::Ordinary);
    assert_eq!(of(&ordinary, &[named]), Err(wrong(&[3])));
    assert_eq!(of(&|_| None, &[best(SeatKind::Ordinary)]), Err(wrong(&[])));
    assert_eq!(of(&|_| None, &[best(SeatKind::Accessible)]), Ok(1_005));
}
