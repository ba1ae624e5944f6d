//! What machine version 3 says.

use onsale_schemas::command::Currency;
use onsale_schemas::outcome::{
    ConfirmedV2, Line, PlacesReturned, PriceRule, ReleasedV2, ReservedV2, ZonePlaces,
};
use onsale_schemas::rejection::CodeRefusal;
use onsale_schemas::{CodeHash, Offset, Outcome, Rejection};

use super::Digest;

fn currency_word(currency: Currency) -> u64 {
    let Currency([c0, c1, c2]) = currency;
    u64::from_le_bytes([c0, c1, c2, 0, 0, 0, 0, 0])
}

impl Digest {
    /// Mixes an outcome that only version 3 has; one of another version mixes nothing.
    pub(super) fn outcome_v3(&mut self, outcome: &Outcome) {
        match outcome {
            Outcome::ReservedV2(reserved) => self.reserved_v2(reserved),
            Outcome::ConfirmedV2(confirmed) => self.confirmed_v2(confirmed),
            Outcome::ReleasedV2(released) => self.released_v2(released),
            Outcome::OfferSet { show } => {
                self.word(23);
                self.id(show.as_bytes());
            }
            Outcome::CodesCreated {
                show,
                group,
                created,
                known,
            } => {
                self.word(24 | u64::from(*group) << 32);
                self.word(u64::from(*created) | u64::from(*known) << 32);
                self.id(show.as_bytes());
            }
            Outcome::CodesAmended { show, group } => {
                self.word(25 | u64::from(*group) << 32);
                self.id(show.as_bytes());
            }
            Outcome::CodesEnded { show, ended } => {
                self.word(26 | u64::from(*ended) << 32);
                self.id(show.as_bytes());
            }
            Outcome::PlacesReturned(returned) => self.places_returned(returned),
            Outcome::SeatsAdded {
                show,
                zone,
                first_seat,
                places,
            } => {
                self.word(28 | u64::from(*zone) << 32);
                self.word(u64::from(*first_seat) | u64::from(*places) << 32);
                self.id(show.as_bytes());
            }
            Outcome::SeatsTaken(change) => self.block_change(29, change),
            _ => {}
        }
    }

    fn reserved_v2(&mut self, reserved: &ReservedV2) {
        let ReservedV2 {
            booking,
            show,
            event,
            user,
            lines,
            order_fee,
            order_fee_tax,
            total,
            tax,
            currency,
            code,
            expires_at_ms,
        } = reserved;
        self.word(20 | currency_word(*currency) << 8);
        self.pair(*booking, *expires_at_ms);
        self.id(show.as_bytes());
        self.id(event.as_bytes());
        self.id(user.as_bytes());
        self.lines(lines);
        self.pair(order_fee.cast_unsigned(), order_fee_tax.cast_unsigned());
        self.pair(total.cast_unsigned(), tax.cast_unsigned());
        self.code(code.as_ref());
    }

    fn confirmed_v2(&mut self, confirmed: &ConfirmedV2) {
        let ConfirmedV2 {
            booking,
            show,
            user,
            parts,
            total,
            currency,
            payment_reference,
            confirmed_at_ms,
            first,
            revived,
        } = confirmed;
        let flags = u64::from(*first) << 32 | u64::from(*revived) << 33;
        self.word(21 | currency_word(*currency) << 8 | flags);
        self.pair(*booking, *confirmed_at_ms);
        self.id(show.as_bytes());
        self.id(user.as_bytes());
        self.parts(parts);
        self.word(total.cast_unsigned());
        self.bytes(payment_reference.as_bytes());
    }

    fn released_v2(&mut self, released: &ReleasedV2) {
        let ReleasedV2 {
            booking,
            show,
            user,
            parts,
            was_confirmed,
        } = released;
        self.pair(22 | u64::from(*was_confirmed) << 8, *booking);
        self.id(show.as_bytes());
        self.id(user.as_bytes());
        self.parts(parts);
    }

    fn places_returned(&mut self, returned: &PlacesReturned) {
        let PlacesReturned {
            booking,
            show,
            user,
            parts,
            refund_price,
            refund_fees,
            lines,
            order_fee,
            order_fee_tax,
            total,
            tax,
            currency,
            ended,
        } = returned;
        let flags = u64::from(*ended) << 32;
        self.pair(27 | currency_word(*currency) << 8 | flags, *booking);
        self.id(show.as_bytes());
        self.id(user.as_bytes());
        self.parts(parts);
        self.pair(refund_price.cast_unsigned(), refund_fees.cast_unsigned());
        self.lines(lines);
        self.pair(order_fee.cast_unsigned(), order_fee_tax.cast_unsigned());
        self.pair(total.cast_unsigned(), tax.cast_unsigned());
    }

    fn lines(&mut self, lines: &[Line]) {
        self.word(lines.len() as u64);
        for line in lines {
            let Line {
                zone,
                ticket_type,
                seats,
                quantity,
                rule,
                list_price,
                bundle,
                bundle_off,
                code_off,
                unit_price,
                unit_fee,
                unit_tax,
            } = line;
            let place =
                u64::from(*zone) | u64::from(*ticket_type) << 16 | u64::from(*quantity) << 32;
            let rule = match rule {
                PriceRule::Zone => 0,
                PriceRule::Type => 1,
                PriceRule::Phase(id) => 2 | u64::from(*id) << 8,
            };
            let bundle = bundle.map_or(0, |id| 1 | u64::from(id) << 8);
            self.pair(place, rule | bundle << 16);
            self.seats(seats);
            self.pair(list_price.cast_unsigned(), bundle_off.cast_unsigned());
            self.pair(code_off.cast_unsigned(), unit_price.cast_unsigned());
            self.pair(unit_fee.cast_unsigned(), unit_tax.cast_unsigned());
        }
    }

    fn parts(&mut self, parts: &[ZonePlaces]) {
        self.word(parts.len() as u64);
        for part in parts {
            let ZonePlaces {
                zone,
                seats,
                quantity,
            } = part;
            self.word(u64::from(*zone) | u64::from(*quantity) << 32);
            self.seats(seats);
        }
    }

    fn code(&mut self, code: Option<&CodeHash>) {
        self.word(u64::from(code.is_some()));
        if let Some(code) = code {
            self.id(code.as_bytes());
        }
    }

    fn own(&mut self, own: &[Offset]) {
        self.word(own.len() as u64);
        for booking in own {
            self.word(*booking);
        }
    }

    /// Mixes what a refusal that only version 3 has says, besides its number; one of another version
    /// mixes nothing.
    pub(super) fn rejection_v3(&mut self, rejection: &Rejection) {
        match rejection {
            Rejection::TypeNotOffered { zone, ticket_type }
            | Rejection::AccessCodeRequired { zone, ticket_type } => {
                self.word(u64::from(*zone) | u64::from(*ticket_type) << 16);
            }
            Rejection::CodeRefused { why } => match why {
                CodeRefusal::Unknown => self.word(0),
                CodeRefusal::NotYet { from_ms } => self.pair(1, *from_ms),
                CodeRefusal::Over => self.word(2),
                CodeRefusal::NotApplicable => self.word(3),
                CodeRefusal::UsedUp => self.word(4),
                CodeRefusal::UsedUpByUser => self.word(5),
            },
            Rejection::TypeNotOnSale {
                ticket_type,
                opens_at_ms,
            } => {
                let later = u64::from(opens_at_ms.is_some());
                self.pair(
                    u64::from(*ticket_type) | later << 8,
                    opens_at_ms.unwrap_or(0),
                );
            }
            Rejection::TypeQuantity {
                ticket_type,
                asked,
                min,
                max,
            } => {
                let bounds = u64::from(*min) << 8 | u64::from(*max) << 16;
                self.word(u64::from(*ticket_type) | bounds | u64::from(*asked) << 32);
            }
            Rejection::WrongSeatKind { ticket_type, seats } => {
                self.word(u64::from(*ticket_type));
                self.seats(seats);
            }
            Rejection::CompanionAlone {
                companions,
                allowed,
            } => self.word(u64::from(*companions) | u64::from(*allowed) << 32),
            Rejection::TotalChanged { total, currency } => {
                self.pair(total.cast_unsigned(), currency_word(*currency));
            }
            Rejection::SeatInOwnHold { seats, own }
            | Rejection::LeavesSingleSeat { seats, own } => {
                self.seats(seats);
                self.own(own);
            }
            Rejection::InsufficientStockOf {
                item,
                zone,
                available,
                not_together,
            } => {
                let item = u64::from(*item) | u64::from(*zone) << 8;
                let together = u64::from(*not_together) << 24;
                self.word(item | together | u64::from(*available) << 32);
            }
            Rejection::CodeExists { group, code } => {
                self.word(u64::from(*group));
                self.code(code.as_ref());
            }
            Rejection::PlacesNotOfBooking { seats, line } => {
                self.seats(seats);
                self.word(line.map_or(0, |line| 1 | u64::from(line) << 8));
            }
            Rejection::LayoutChanged { now } => self.word(u64::from(*now)),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
