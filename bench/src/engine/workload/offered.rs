//! A show on which orders by ticket type are placed.

use onsale_schemas::command::{OpenShow, OpenShowV2};
use onsale_schemas::offer::{Bundle, Fees, Offer, Phase, PhasePrice, Scope, TicketType, TypePrice};
use onsale_schemas::seating::OpenShowV3;
use onsale_schemas::{Command, LogTimeMs, TenantId, TicketTypeId};

use super::id;

pub(super) const ADULT: TicketTypeId = 0;
pub(super) const CHILD: TicketTypeId = 1;

/// A show with everything that a price is made of.
pub(super) fn offered(show: OpenShow) -> Command {
    let ticket_type = |id| TicketType {
        id,
        min: 0,
        max: 0,
        from_ms: 0,
        until_ms: LogTimeMs::MAX,
        code_only: false,
        kinds: 0,
    };
    let children = (0..3).map(|zone| TypePrice {
        zone,
        ticket_type: CHILD,
        price: 120_000,
    });
    let offer = Offer {
        types: vec![ticket_type(ADULT), ticket_type(CHILD)],
        prices: children.collect(),
        phases: vec![Phase {
            id: 0,
            scope: Scope::default(),
            from_ms: 0,
            until_ms: LogTimeMs::MAX,
            places: u32::MAX,
            price: PhasePrice::OffBp(1_000),
        }],
        bundles: vec![Bundle {
            id: 0,
            scope: Scope::default(),
            places: 3,
            off_bp: 1_000,
        }],
        fees: Fees {
            place: 2_000,
            place_bp: 250,
            order: 5_000,
            tax_bp: 700,
        },
        tax_bp: 700,
        zones: Vec::new(),
    };
    let show = OpenShowV2 {
        show,
        tenant: TenantId::from_bytes(id(1, 3)),
        cooldown_ms: 0,
    };
    Command::OpenShowV3(Box::new(OpenShowV3 {
        show,
        plans: Vec::new(),
        companions_per_accessible: 0,
        offer,
    }))
}
