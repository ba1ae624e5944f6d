//! An offer as it was sent, checked against every rule of the log and with numbers for its names.

mod parts;

use std::collections::{BTreeSet, HashMap, HashSet};

use onsale_schemas::ZoneIndex;
use onsale_schemas::command::Currency;
use onsale_schemas::limits::{
    BUNDLES_PER_SHOW_MAX, PHASES_PER_SHOW_MAX, PRICES_PER_SHOW_MAX, TICKETS_PER_BOOKING_MAX,
    TYPES_PER_SHOW_MAX,
};
use onsale_schemas::offer::{
    Bundle, Fees, Offer, Phase, PhasePrice, Scope, TicketType, TypePrice, ZoneRule,
};
use onsale_store::catalog::{Named, OfferNames, OfferRow, TypeName, ZoneRow};
use serde_json::Value;
use uuid::Uuid;

use self::parts::{bounds, check_some, kinds, number_of, off, type_named, window};
use super::request::{
    BundleRequest, FeesRequest, OfferRequest, PhaseRequest, TicketTypeRequest, TypePriceRequest,
    ZoneRuleRequest,
};
use crate::error::ApiError;
use crate::percent::Percent;
use crate::routes::events::body::{check_line, check_text};
use crate::routes::shows::layout::check_amount;
use crate::text;
use crate::values::Money;

/// Characters of the name of a ticket type, a phase or a bundle.
pub(super) const NAME_MAX_CHARS: usize = 100;
/// Characters of the description of a ticket type.
pub(super) const DESCRIPTION_MAX_CHARS: usize = 500;

/// The names that an offer uses, as they are kept.
pub(super) fn names(request: &OfferRequest) -> OfferNames {
    let composed = |name: &String| text::composed(name).into_owned();
    let of_types = request.ticket_types.iter().flatten().map(|of| &of.name);
    let of_phases = request.phases.iter().flatten().map(|of| &of.name);
    let of_bundles = request.bundles.iter().flatten().map(|of| &of.name);
    OfferNames {
        types: of_types.map(composed).collect(),
        phases: of_phases.map(composed).collect(),
        bundles: of_bundles.map(composed).collect(),
    }
}

/// The offer of a show with these zones, by the numbers that `known` has for its names. Errors name fields with
/// `prefix` before them.
pub(super) fn read(
    prefix: &'static str,
    request: &OfferRequest,
    zones: &[ZoneRow],
    known: &OfferRow,
) -> Result<OfferRow, ApiError> {
    let reader = Reader::new(prefix, zones, known);
    if !is_nothing(request) {
        reader.check_currencies()?;
    }
    let mut row = OfferRow::default();
    if let Some(types) = &request.ticket_types {
        reader.types(types, &mut row)?;
    }
    if let Some(phases) = &request.phases {
        reader.phases(phases, &mut row)?;
    }
    if let Some(bundles) = &request.bundles {
        reader.bundles(bundles, &mut row)?;
    }
    if let Some(fees) = &request.fees {
        row.offer.fees = reader.fees(fees)?;
    }
    row.offer.tax_bp = request.tax_percent.map_or(0, Percent::basis_points);
    if let Some(rules) = &request.zones {
        row.offer.zones = reader.zone_rules(rules)?;
    }
    reader.check_whole(&row.offer)?;
    Ok(row)
}

/// Whether it is no offer at all, which shows with several currencies may have too.
fn is_nothing(request: &OfferRequest) -> bool {
    let is_zero = |percent: Option<Percent>| percent.is_none_or(|of| of.basis_points() == 0);
    let is_free = |fees: &FeesRequest| {
        fees.per_place.is_none()
            && fees.per_order.is_none()
            && is_zero(fees.per_place_percent)
            && is_zero(fees.tax_percent)
    };
    names(request) == OfferNames::default()
        && request.zones.as_deref().unwrap_or_default().is_empty()
        && request.fees.as_ref().is_none_or(is_free)
        && is_zero(request.tax_percent)
}

struct Reader<'a> {
    prefix: &'static str,
    zones: &'a [ZoneRow],
    by_name: HashMap<String, &'a ZoneRow>,
    known: &'a OfferRow,
}

impl<'a> Reader<'a> {
    fn new(prefix: &'static str, zones: &'a [ZoneRow], known: &'a OfferRow) -> Self {
        let by_name = zones.iter();
        let by_name = by_name.map(|zone| (text::composed(&zone.name).into_owned(), zone));
        Self {
            prefix,
            zones,
            by_name: by_name.collect(),
            known,
        }
    }

    fn path(&self, list: &str, at: usize) -> String {
        format!("{}{list}[{at}]", self.prefix)
    }

    /// Refuses a list that is too long.
    fn check_list(&self, list: &str, items: usize, max: usize) -> Result<(), ApiError> {
        if items <= max {
            return Ok(());
        }
        let field = format!("{}{list}", self.prefix);
        Err(ApiError::invalid(&field, items, &format!("at most {max}")))
    }

    /// Amounts are of one currency, so the zones have to be.
    fn check_currencies(&self) -> Result<(), ApiError> {
        let currencies: BTreeSet<&str> = self.zones.iter().map(|zone| &*zone.currency).collect();
        if currencies.len() <= 1 {
            return Ok(());
        }
        let found: Vec<&str> = currencies.into_iter().collect();
        Err(ApiError::wrong(
            "offer",
            found.join(", "),
            "the zones of the show have several currencies, and an offer is in one",
            "zones of one currency",
        ))
    }

    /// Each rule has its own message above; this is the log's own view of all of them.
    fn check_whole(&self, offer: &Offer) -> Result<(), ApiError> {
        let currencies = self
            .zones
            .iter()
            .map(|zone| zone.currency.parse::<Currency>());
        let currencies = currencies
            .collect::<Result<Vec<_>, _>>()
            .map_err(ApiError::internal)?;
        if onsale_prices::is_offer_valid(offer, &currencies) {
            return Ok(());
        }
        Err(ApiError::invalid(
            "offer",
            Value::Null,
            "an offer within its rules and limits",
        ))
    }

    /// A name that no other of its kind has, with its number.
    fn name(
        &self,
        path: &str,
        name: &str,
        seen: &mut HashSet<String>,
        number: impl FnOnce(&OfferRow, &str) -> Option<u8>,
    ) -> Result<(u8, String), ApiError> {
        let field = format!("{path}.name");
        check_line(&field, name, NAME_MAX_CHARS)?;
        // Two names that look the same are no two kinds of ticket.
        if name.trim() != name {
            let expected = "a name without spaces around it";
            return Err(ApiError::invalid(&field, name, expected));
        }
        let name = text::composed(name).into_owned();
        if !seen.insert(name.clone()) {
            let expected = "a name that no other in this list has";
            return Err(ApiError::invalid(&field, name, expected));
        }
        match number(self.known, &name) {
            Some(id) => Ok((id, name)),
            None => Err(ApiError::invalid(
                &field,
                name,
                "a name that the show has had before: it has given out all numbers, and bookings keep the \
                 names that they were sold by",
            )),
        }
    }

    fn types(&self, requests: &[TicketTypeRequest], row: &mut OfferRow) -> Result<(), ApiError> {
        const LIST: &str = "ticket_types";
        self.check_list(LIST, requests.len(), TYPES_PER_SHOW_MAX)?;
        let prices: usize = requests.iter().map(|request| request.prices.len()).sum();
        if prices > PRICES_PER_SHOW_MAX {
            return Err(ApiError::invalid(
                &format!("{}{LIST}", self.prefix),
                prices,
                &format!("at most {PRICES_PER_SHOW_MAX} prices in all"),
            ));
        }
        let mut seen = HashSet::new();
        for (at, request) in requests.iter().enumerate() {
            let path = self.path(LIST, at);
            let number = |known: &OfferRow, name: &str| known.type_by_name(name);
            let (id, name) = self.name(&path, &request.name, &mut seen, number)?;
            if let Some(text) = &request.description {
                check_text(&format!("{path}.description"), text, DESCRIPTION_MAX_CHARS)?;
            }
            let (min, max) = bounds(&path, request)?;
            let until = ("on_sale_until", request.on_sale_until);
            let (from_ms, until_ms) = window(&path, request.on_sale_from, until)?;
            row.offer.types.push(TicketType {
                id,
                min,
                max,
                from_ms,
                until_ms,
                code_only: request.code_only.unwrap_or(false),
                kinds: kinds(&path, request.seat_kinds.as_deref())?,
            });
            row.types.push(TypeName {
                id,
                name,
                description: request.description.clone(),
                is_hidden: request.hidden.unwrap_or(false),
            });
            let mut priced = HashSet::new();
            for (place, price) in request.prices.iter().enumerate() {
                let path = format!("{path}.prices[{place}]");
                let (zone, price) = self.price(&path, price, &mut priced)?;
                row.offer.prices.push(TypePrice {
                    zone,
                    ticket_type: id,
                    price,
                });
            }
        }
        row.offer.types.sort_unstable_by_key(|known| known.id);
        let key = |price: &TypePrice| (price.zone, price.ticket_type);
        row.offer.prices.sort_unstable_by_key(key);
        Ok(())
    }

    /// A price with its zone, each of which has one.
    fn price(
        &self,
        path: &str,
        request: &TypePriceRequest,
        priced: &mut HashSet<ZoneIndex>,
    ) -> Result<(ZoneIndex, i64), ApiError> {
        let (by_name, by_id) = (format!("{path}.zone"), format!("{path}.zone_id"));
        let (field, zone) = match (&request.zone, request.zone_id) {
            (None, None) => {
                let expected = "the name of a zone, or zone_id";
                let what = "is required, or zone_id";
                return Err(ApiError::wrong(&by_name, Value::Null, what, expected));
            }
            (None, Some(id)) => (by_id, self.zone_by_id(id)),
            (Some(name), None) => (by_name, self.zone(name)),
            (Some(name), Some(id)) => match self.zone(name) {
                Some(zone) if zone.zone_id != id => {
                    let expected = "the id of the zone with that name, or none";
                    return Err(ApiError::invalid(&by_id, id, expected));
                }
                zone => (by_name, zone),
            },
        };
        let sent = || match (&request.zone, request.zone_id) {
            (Some(name), _) => Value::from(name.as_str()),
            (None, id) => id.map_or(Value::Null, |id| Value::from(id.to_string())),
        };
        let zone = zone.ok_or_else(|| ApiError::invalid(&field, sent(), "a zone of the show"))?;
        if !priced.insert(zone.index) {
            return Err(ApiError::invalid(&field, sent(), "each zone once"));
        }
        let amount = self.amount(&format!("{path}.price"), &request.price)?;
        Ok((zone.index, amount))
    }

    fn phases(&self, requests: &[PhaseRequest], row: &mut OfferRow) -> Result<(), ApiError> {
        const LIST: &str = "phases";
        self.check_list(LIST, requests.len(), PHASES_PER_SHOW_MAX)?;
        let mut seen = HashSet::new();
        for (at, request) in requests.iter().enumerate() {
            let path = self.path(LIST, at);
            let number = |known: &OfferRow, name: &str| number_of(&known.phases, name);
            let (id, name) = self.name(&path, &request.name, &mut seen, number)?;
            let scope = (request.zones.as_deref(), request.ticket_types.as_deref());
            let (from_ms, until_ms) = window(&path, request.from, ("until", request.until))?;
            if request.places == Some(0) {
                let expected = "at least 1, or nothing where there is no limit";
                return Err(ApiError::invalid(&format!("{path}.places"), 0, expected));
            }
            row.offer.phases.push(Phase {
                id,
                scope: self.scope(&path, scope, &row.types)?,
                from_ms,
                until_ms,
                places: request.places.unwrap_or(0),
                price: self.phase_price(&path, request)?,
            });
            row.phases.push(Named { id, name });
        }
        Ok(())
    }

    fn phase_price(&self, path: &str, request: &PhaseRequest) -> Result<PhasePrice, ApiError> {
        let field = format!("{path}.price");
        match (&request.price, request.percent_off) {
            (Some(price), None) => self.amount(&field, price).map(PhasePrice::Fixed),
            (None, Some(percent)) => off(path, percent).map(PhasePrice::OffBp),
            (None, None) => {
                let expected = "a price, or percent_off";
                let what = "is required, or percent_off";
                Err(ApiError::wrong(&field, Value::Null, what, expected))
            }
            (Some(_), Some(percent)) => Err(ApiError::invalid(
                &format!("{path}.percent_off"),
                percent,
                "either price or percent_off, not both",
            )),
        }
    }

    fn bundles(&self, requests: &[BundleRequest], row: &mut OfferRow) -> Result<(), ApiError> {
        const LIST: &str = "bundles";
        self.check_list(LIST, requests.len(), BUNDLES_PER_SHOW_MAX)?;
        let mut seen = HashSet::new();
        for (at, request) in requests.iter().enumerate() {
            let path = self.path(LIST, at);
            let number = |known: &OfferRow, name: &str| number_of(&known.bundles, name);
            let (id, name) = self.name(&path, &request.name, &mut seen, number)?;
            let scope = (request.zones.as_deref(), request.ticket_types.as_deref());
            let places = Some(request.places)
                .filter(|places| (2..=TICKETS_PER_BOOKING_MAX).contains(places))
                .and_then(|places| u8::try_from(places).ok());
            let places = places.ok_or_else(|| {
                ApiError::invalid(
                    &format!("{path}.places"),
                    request.places,
                    &format!("2 to {TICKETS_PER_BOOKING_MAX}"),
                )
            })?;
            row.offer.bundles.push(Bundle {
                id,
                scope: self.scope(&path, scope, &row.types)?,
                places,
                off_bp: off(&path, request.percent_off)?,
            });
            row.bundles.push(Named { id, name });
        }
        Ok(())
    }

    /// The places of the named zones and ticket types; where none are named, all.
    fn scope(
        &self,
        path: &str,
        (zones, types): (Option<&[String]>, Option<&[String]>),
        listed: &[TypeName],
    ) -> Result<Scope, ApiError> {
        let mut scope = Scope::default();
        if let Some(names) = zones {
            let path = format!("{path}.zones");
            check_some(&path, names)?;
            let mut found = BTreeSet::new();
            for (at, name) in names.iter().enumerate() {
                let zone = self.zone(name).map(|zone| zone.index);
                if !zone.is_some_and(|zone| found.insert(zone)) {
                    let expected = "the name or the id of a zone of the show, each one once";
                    return Err(ApiError::invalid(&format!("{path}[{at}]"), name, expected));
                }
            }
            scope.zones = found.into_iter().collect();
        }
        if let Some(names) = types {
            let path = format!("{path}.ticket_types");
            check_some(&path, names)?;
            for (at, name) in names.iter().enumerate() {
                let bit = type_named(listed, name)
                    .and_then(|id| 1u64.checked_shl(u32::from(id)))
                    .filter(|bit| scope.types & bit == 0);
                let Some(bit) = bit else {
                    let expected = "the name of a ticket type of the offer, each one once";
                    return Err(ApiError::invalid(&format!("{path}[{at}]"), name, expected));
                };
                scope.types |= bit;
            }
        }
        Ok(scope)
    }

    fn fees(&self, request: &FeesRequest) -> Result<Fees, ApiError> {
        let amount = |field: &str, amount: Option<&Money>| {
            let field = format!("{}fees.{field}", self.prefix);
            amount.map_or(Ok(0), |amount| self.amount(&field, amount))
        };
        let bp = |percent: Option<Percent>| percent.map_or(0, Percent::basis_points);
        Ok(Fees {
            place: amount("per_place", request.per_place.as_ref())?,
            place_bp: bp(request.per_place_percent),
            order: amount("per_order", request.per_order.as_ref())?,
            tax_bp: bp(request.tax_percent),
        })
    }

    fn zone_rules(&self, requests: &[ZoneRuleRequest]) -> Result<Vec<ZoneRule>, ApiError> {
        const LIST: &str = "zones";
        let mut rules = Vec::with_capacity(requests.len().min(self.zones.len()));
        let mut ruled = HashSet::new();
        for (at, request) in requests.iter().enumerate() {
            let zone = self.zone(&request.zone).map(|zone| zone.index);
            let Some(zone) = zone.filter(|zone| ruled.insert(*zone)) else {
                return Err(ApiError::invalid(
                    &format!("{}.zone", self.path(LIST, at)),
                    &request.zone,
                    "the name or the id of a zone of the show, each one once",
                ));
            };
            rules.push(ZoneRule {
                zone,
                no_single_seats: request.no_single_seats.unwrap_or(false),
                code_only: request.code_only.unwrap_or(false),
            });
        }
        rules.sort_unstable_by_key(|rule| rule.zone);
        Ok(rules)
    }

    /// The zone with that name or that id.
    fn zone(&self, text: &str) -> Option<&'a ZoneRow> {
        let named = self.by_name.get(&*text::composed(text)).copied();
        named.or_else(|| self.zone_by_id(Uuid::parse_str(text).ok()?))
    }

    fn zone_by_id(&self, id: Uuid) -> Option<&'a ZoneRow> {
        self.zones.iter().find(|zone| zone.zone_id == id)
    }

    /// Minor units of the currency of the show.
    fn amount(&self, field: &str, money: &Money) -> Result<i64, ApiError> {
        check_amount(field, money)?;
        let currency = self.zones.first().map_or("", |zone| &*zone.currency);
        if money.currency != currency {
            let field = format!("{field}.currency");
            return Err(ApiError::invalid(&field, &money.currency, currency));
        }
        Ok(money.amount)
    }
}

#[cfg(test)]
mod tests;
