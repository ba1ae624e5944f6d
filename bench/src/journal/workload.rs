//! Commands as a sale brings them.

use onsale_schemas::command::{
    Actor, Admission, Command, Confirm, Currency, OpenShow, Pick, Reserve, ZoneLayout,
};
use onsale_schemas::{Envelope, EventId, Offset, RequestId, ShowId, UserId};

/// Commands after which a partition opens another show, so that seats do not run out.
const COMMANDS_PER_SHOW: u64 = 20_000;
const ROWS: usize = 500;
const SEATS_PER_ROW: u16 = 100;
/// Reservations that are remembered to be confirmed or released later.
const PENDING_MAX: usize = 4_096;

/// The buyers of one partition: mostly reservations, many of them paid, some released.
pub(super) struct Workload {
    state: u64,
    commands: u64,
    show: ShowId,
    pending: Vec<Offset>,
}

impl Workload {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            state: seed,
            commands: 0,
            show: ShowId::from_bytes([0; 16]),
            pending: Vec::with_capacity(PENDING_MAX),
        }
    }

    /// The next command.
    pub(super) fn next_command(&mut self) -> Envelope {
        let command = if self.commands.is_multiple_of(COMMANDS_PER_SHOW) {
            self.open_show()
        } else {
            match self.below(100) {
                0..60 => self.reserve(),
                60..88 => self.booking().map_or_else(|| self.reserve(), Self::confirm),
                88..97 => self.booking().map_or_else(|| self.reserve(), Self::release),
                _ => Command::Tick { epoch: 0 },
            }
        };
        self.commands += 1;
        if matches!(command, Command::Tick { .. }) {
            return Envelope::machine(command);
        }
        let with_key = self.below(2) == 0;
        Envelope {
            request_id: Some(RequestId::from_bytes(self.id())),
            idempotency: with_key.then_some(self.state),
            trace: None,
            command,
            by: None,
        }
    }

    /// Tells where a command was put.
    pub(super) fn appended(&mut self, envelope: &Envelope, offset: Offset) {
        if matches!(envelope.command, Command::Reserve(_)) && self.pending.len() < PENDING_MAX {
            self.pending.push(offset);
        }
    }

    fn open_show(&mut self) -> Command {
        self.show = ShowId::from_bytes(self.id());
        self.pending.clear();
        Command::OpenShow(OpenShow {
            show: self.show,
            event: EventId::from_bytes(self.id()),
            max_tickets_per_user: 8,
            sale_opens_at_ms: 0,
            sale_closes_at_ms: u64::MAX,
            hold_ms: 600_000,
            zones: vec![ZoneLayout {
                unit_price: 250_000,
                currency: Currency(*b"THB"),
                admission: Admission::Seated {
                    rows: vec![SEATS_PER_ROW; ROWS],
                },
            }],
        })
    }

    fn reserve(&mut self) -> Command {
        let quantity = 1 + self.below(4);
        Command::Reserve(Reserve {
            show: self.show,
            user: UserId::from_bytes(self.id()),
            zone: 0,
            pick: Pick::BestAvailable {
                quantity: u32::try_from(quantity).unwrap_or(1),
                together: true,
            },
            expected_unit_price: Some(250_000),
        })
    }

    fn booking(&mut self) -> Option<Offset> {
        let at = self.below(self.pending.len().max(1) as u64);
        let at = usize::try_from(at).ok()?;
        (at < self.pending.len()).then(|| self.pending.swap_remove(at))
    }

    fn confirm(booking: Offset) -> Command {
        Command::Confirm(Confirm {
            booking,
            by: Actor::Staff,
            payment_reference: format!("pi_{booking:024}"),
        })
    }

    fn release(booking: Offset) -> Command {
        Command::Release {
            booking,
            by: Actor::Staff,
        }
    }

    fn id(&mut self) -> [u8; 16] {
        let mut id = [0; 16];
        id[..8].copy_from_slice(&self.random().to_le_bytes());
        id[8..].copy_from_slice(&self.random().to_le_bytes());
        id
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.random() % limit
    }

    /// SplitMix64: the same sale for the same seed.
    fn random(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}
