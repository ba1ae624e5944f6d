//! `onsale replay`

mod described;
mod names;
mod text;

use anyhow::anyhow;
use clap::Args;
use onsale_engine::Partition;
use onsale_log::LogReader;
use onsale_processor::recovery;
use onsale_processor::replay::{self, Until};
use onsale_schemas::codec;
use onsale_schemas::command::{AmendEvent, Subject};
use onsale_schemas::{
    BookingId, Command, Entry, Envelope, EventId, Offset, OutcomeRecord, PartitionId, ShowId,
};
use onsale_snapshot::directory::Directory;
use serde::Serialize;

use crate::cli::{ConfigArgs, JsonArgs, parse_uuid, parse_whole};
use crate::config::Config;
use crate::exit::{Failure, OrFail};
use crate::{log_source, output};
use described::Described;
use names::Names;
use text::Teller;

#[derive(Debug, Args)]
pub(crate) struct ReplayArgs {
    /// The partition; with --booking or --show it is found by itself
    #[arg(
        long,
        value_name = "P",
        value_parser = parse_whole::<u16>,
        required_unless_present_any = ["booking", "show"]
    )]
    partition: Option<u16>,
    /// First offset to show; the state before it comes from the nearest snapshot
    #[arg(long, value_name = "OFFSET", value_parser = parse_whole::<u64>, default_value_t = 0)]
    from: u64,
    /// First time to show (RFC 3339), instead of an offset
    #[arg(long, value_name = "TIME", value_parser = parse_time_ms, conflicts_with = "from")]
    since: Option<u64>,
    /// Stop before this offset
    #[arg(long, value_name = "OFFSET", value_parser = parse_whole::<u64>, conflicts_with = "at")]
    until: Option<u64>,
    /// Stop after the last record up to this time (RFC 3339), so that the state is the one at that
    /// time
    #[arg(long, value_name = "TIME", value_parser = parse_time_ms)]
    at: Option<u64>,
    /// Show only records that touch this show
    #[arg(long, value_name = "ID", value_parser = parse_uuid)]
    show: Option<uuid::Uuid>,
    /// Show only records that touch this booking
    #[arg(long, value_name = "ID", value_parser = parse_booking)]
    booking: Option<BookingId>,
    /// Show only the state at the end
    #[arg(long)]
    summary: bool,
    #[command(flatten)]
    json: JsonArgs,
    #[command(flatten)]
    config: ConfigArgs,
}

fn parse_time_ms(text: &str) -> Result<u64, String> {
    text.parse::<jiff::Timestamp>()
        .ok()
        .and_then(|time| u64::try_from(time.as_millisecond()).ok())
        .ok_or_else(|| "expected a time such as 2026-11-21T20:00:00Z".to_owned())
}

fn parse_booking(text: &str) -> Result<BookingId, String> {
    BookingId::from_uuid(parse_uuid(text)?)
        .ok_or_else(|| "expected the id of a booking; this UUID is of something else".to_owned())
}

/// A record as it is shown.
struct Line {
    offset: Offset,
    time: String,
    /// Why it is not a command, if it is not one.
    command: Result<Described, String>,
    outcome: Option<Described>,
    expired: Vec<String>,
}

/// The state at the end.
#[derive(Serialize)]
struct State {
    partition: PartitionId,
    next_offset: Offset,
    time: String,
    epoch: u64,
    digest: String,
    shown: u64,
    shows: u64,
    live_holds: u64,
    confirmed: u64,
}

pub(crate) fn run(args: &ReplayArgs) -> Result<(), Failure> {
    let config = Config::for_operator(&args.config)?;
    let partition = match (args.partition, args.booking) {
        (Some(given), Some(booking)) if booking.partition().0 != given => {
            let error = anyhow!("booking {booking} is on partition {}", booking.partition());
            return Err(Failure::Use(error));
        }
        (_, Some(booking)) => booking.partition(),
        (Some(given), None) => PartitionId(given),
        (None, None) => partition_of_show(&config, args.show.map(ShowId))?,
    };
    let mut reader = log_source::open(&config)?.reader;
    let (first, end) = reader.bounds(partition).or_use()?;
    let machine = args.base(&config, partition, first)?;
    // Where it ends now: a cluster keeps ticking.
    let until = Until {
        offset: Some(args.until.map_or(end, |until| until.min(end))),
        time_ms: args.at,
    };
    let bar = output::progress(
        args.until
            .unwrap_or(end)
            .saturating_sub(machine.next_offset()),
        "replay",
    );
    let mut shown = 0;
    let mut teller = Teller::new(partition, Names::open(&config));
    let machine = replay::replay(&mut reader, machine, until, |entry, outcome, machine| {
        bar.inc(1);
        if !args.summary
            && entry.offset >= args.from
            && args.since.is_none_or(|since| entry.log_time_ms >= since)
            && args.wants(&entry, outcome.as_ref(), machine)
        {
            shown += 1;
            let line = Line::new(&entry, outcome.as_ref(), &mut teller, machine.id());
            bar.suspend(|| {
                if args.json.json {
                    output::json(&line.json())
                } else {
                    line.print()
                }
            });
        }
    })
    .or_found()?;
    bar.finish_and_clear();
    if let Some(booking) = args.booking {
        show_standing(&config, booking, args.json.json)?;
    }
    let state = State::new(&machine, shown);
    if args.json.json {
        output::json(&state);
    } else {
        state.print();
    }
    Ok(())
}

/// The partition of a show, which the database knows.
fn partition_of_show(config: &Config, show: Option<ShowId>) -> Result<PartitionId, Failure> {
    // clap ensures that there is one.
    let show = show.unwrap_or(ShowId(uuid::Uuid::nil()));
    Names::open(config).partition(show).ok_or_else(|| {
        Failure::Use(anyhow!(
            "the database does not know show {show}: correct the id, or name the partition \
             (--partition; `onsale status` lists them)"
        ))
    })
}

/// Who was ahead of a booking's request.
fn show_standing(config: &Config, booking: BookingId, as_json: bool) -> Result<(), Failure> {
    let standings = log_source::standings(config);
    let standing = match standings.of(booking.partition(), booking.offset(), None, true) {
        Ok(Some(standing)) => standing,
        Ok(None) => return Ok(()),
        Err(error) => {
            tracing::warn!(%error, "no receipt");
            return Ok(());
        }
    };
    let Some(ahead) = standing.ahead else {
        return Ok(());
    };
    if as_json {
        output::json(&serde_json::json!({ "ahead": {
            "requests": ahead.requests,
            "granted": ahead.granted,
            "places_granted": ahead.places,
            "places_given_back": ahead.places_given_back,
            "complete": ahead.complete,
            "counted_from": ahead.counted_from,
        }}));
    } else {
        let since = if ahead.complete {
            "since the sale opened".to_owned()
        } else {
            format!("since offset {}, where the log begins", ahead.counted_from)
        };
        output::line(format_args!(
            "ahead of it in its zone {since}: {}, {} of them granted {}, {} given back by then",
            output::count(ahead.requests, "request"),
            ahead.granted,
            output::count(ahead.places, "place"),
            ahead.places_given_back
        ));
    }
    Ok(())
}

impl ReplayArgs {
    /// The machine to start with: the nearest snapshot that is not later than anything requested,
    /// or nothing at offset 0.
    fn base(
        &self,
        config: &Config,
        partition: PartitionId,
        first: Offset,
    ) -> Result<Partition, Failure> {
        // By time, the offset is not known yet: a snapshot may be as late as its own time allows.
        let from = if self.since.is_some() {
            Offset::MAX
        } else {
            self.from
        };
        let latest = self.until.map_or(from, |until| until.min(from));
        if let Ok(directory) = Directory::open_read_only(&config.snapshots_dir()) {
            let mut limit = Some(latest);
            while let Some(at_most) = limit {
                let Some(snapshot) = directory.newest(partition, Some(at_most)).or_found()? else {
                    break;
                };
                let header = &snapshot.header;
                let in_time = self.at.is_none_or(|at| header.log_time_ms <= at)
                    && self.since.is_none_or(|since| header.log_time_ms < since);
                if in_time && header.next_offset >= first {
                    return recovery::machine_of(&snapshot).or_found();
                }
                limit = header.next_offset.checked_sub(1);
            }
        }
        if first == 0 {
            return Ok(replay::genesis(partition));
        }
        Err(Failure::Use(anyhow!(
            "the log of partition {partition} begins at offset {first} and no snapshot early enough \
             is kept: ask for a later offset or time"
        )))
    }

    fn wants(
        &self,
        entry: &Entry<'_>,
        outcome: Option<&OutcomeRecord>,
        machine: &Partition,
    ) -> bool {
        let show = self.show.map(ShowId);
        let booking = self.booking.map(|id| id.offset());
        if show.is_none() && booking.is_none() {
            return true;
        }
        let ended = outcome.is_some_and(|record| {
            record.expired.iter().any(|ended| {
                show.is_none_or(|id| ended.show == id)
                    && booking.is_none_or(|offset| ended.booking == offset)
            })
        });
        let command = codec::decode::<Envelope>(entry.payload)
            .ok()
            .map(|envelope| envelope.command);
        let (of_show, of_booking) = match command {
            // The end of a show is the end of its bookings.
            Some(Command::CancelShow { show: cancelled }) => {
                let of_booking = booking.filter(|offset| {
                    machine
                        .booking(*offset)
                        .is_some_and(|booking| booking.show == cancelled)
                });
                (Some(cancelled), of_booking)
            }
            // An event's limit is that of its shows, its end that of their bookings too.
            Some(Command::AmendEvent(AmendEvent { event, .. })) => {
                (show.filter(|id| of_event(machine, *id, event)), None)
            }
            Some(Command::CancelEvent { event }) => {
                let of_booking = booking.filter(|offset| {
                    let booking = machine.booking(*offset);
                    booking.is_some_and(|booking| booking.event == event)
                });
                (show.filter(|id| of_event(machine, *id, event)), of_booking)
            }
            Some(command) => subject(&command, entry.offset, outcome),
            None => (None, None),
        };
        let touched =
            (show.is_none() || of_show == show) && (booking.is_none() || of_booking == booking);
        ended || touched
    }
}

fn of_event(machine: &Partition, show: ShowId, event: EventId) -> bool {
    machine.show(show).is_some_and(|view| view.event == event)
}

/// The show and the booking that a record is about.
fn subject(
    command: &Command,
    offset: Offset,
    outcome: Option<&OutcomeRecord>,
) -> (Option<ShowId>, Option<Offset>) {
    use onsale_schemas::Outcome;
    let show_by_outcome = outcome.and_then(|record| match &record.outcome {
        Outcome::Confirmed(confirmed) => Some(confirmed.show),
        Outcome::Released { booking, .. } => Some(booking.show),
        Outcome::Extended { show, .. } => Some(*show),
        Outcome::ConfirmedV2(confirmed) => Some(confirmed.show),
        Outcome::ReleasedV2(released) => Some(released.show),
        Outcome::PlacesReturned(returned) => Some(returned.show),
        _ => None,
    });
    match command {
        Command::OpenShow(open) => (Some(open.show), None),
        Command::AmendShow(amend) => (Some(amend.show), None),
        Command::CloseShow { show } | Command::CancelShow { show } => (Some(*show), None),
        Command::Reserve(reserve) => (Some(reserve.show), Some(offset)),
        Command::Block(block) | Command::Unblock(block) | Command::TakeSeats(block) => {
            (Some(block.show), None)
        }
        Command::Confirm(confirm) => (show_by_outcome, Some(confirm.booking)),
        Command::Release { booking, .. }
        | Command::Extend { booking, .. }
        | Command::Return { booking } => (show_by_outcome, Some(*booking)),
        Command::OpenShowV2(open) => (Some(open.show.show), None),
        Command::OpenShowV3(open) => (Some(open.show.show.show), None),
        Command::SetOffer(command) => (Some(command.show), None),
        Command::CreateCodes(command) => (Some(command.show), None),
        Command::AmendCodes(command) => (Some(command.show), None),
        Command::EndCodes { show, .. } => (Some(*show), None),
        Command::AddSeats(command) => (Some(command.show), None),
        Command::ReserveV2(reserve) => (Some(reserve.show), Some(offset)),
        Command::ReturnPlaces(command) => (show_by_outcome, Some(command.booking)),
        Command::ConfirmV2(paid) => (show_by_outcome, Some(paid.confirm.booking)),
        Command::Describe(describe) => match describe.subject {
            Subject::Show { show, .. } => (Some(show), None),
            Subject::Event(_) => (None, None),
        },
        Command::AmendEvent(_)
        | Command::CancelEvent { .. }
        | Command::ClaimReference(_)
        | Command::ResetClock
        | Command::Tick { .. }
        | Command::Claim { .. }
        | Command::Barrier { .. } => (None, None),
    }
}

impl Line {
    fn new(
        entry: &Entry<'_>,
        outcome: Option<&OutcomeRecord>,
        teller: &mut Teller,
        partition: PartitionId,
    ) -> Self {
        let envelope = codec::decode::<Envelope>(entry.payload);
        let expired = outcome.iter().flat_map(|record| &record.expired);
        let asked = envelope.as_ref().ok().map(|envelope| &envelope.command);
        Self {
            offset: entry.offset,
            time: output::time(entry.log_time_ms),
            expired: expired
                .map(|ended| BookingId::new(partition, ended.booking).to_string())
                .collect(),
            outcome: outcome.map(|record| teller.outcome(record, asked)),
            command: match &envelope {
                Ok(envelope) => Ok(teller.command(envelope)),
                Err(error) => Err(error.to_string()),
            },
        }
    }

    fn json(&self) -> serde_json::Value {
        let command = match &self.command {
            Ok(command) => command.json(),
            Err(why) => serde_json::json!({ "kind": "not_a_command", "why": why }),
        };
        serde_json::json!({
            "offset": self.offset,
            "time": self.time,
            "command": command,
            "outcome": self.outcome.as_ref().map(Described::json),
            "expired": self.expired,
        })
    }

    fn print(&self) {
        let head = format!("{:>10}  {}", self.offset, self.time);
        match &self.command {
            Ok(command) => output::line(format_args!("{head}  {command}")),
            Err(why) => output::line(format_args!("{head}  not a command: {why}")),
        }
        for booking in &self.expired {
            output::line(format_args!("{:>10}  expired {booking}", ""));
        }
        if let Some(outcome) = &self.outcome {
            output::line(format_args!("{:>10}  → {outcome}", ""));
        }
    }
}

impl State {
    fn new(machine: &Partition, shown: u64) -> Self {
        let stats = machine.stats();
        Self {
            partition: machine.id(),
            next_offset: machine.next_offset(),
            time: output::time(machine.log_time_ms()),
            epoch: machine.epoch(),
            digest: format!("{:016x}", machine.digest()),
            shown,
            shows: u64::from(stats.shows),
            live_holds: u64::from(stats.live_holds),
            confirmed: u64::from(stats.confirmed),
        }
    }

    fn print(&self) {
        output::line(format_args!(
            "partition {} at offset {} ({}), epoch {}: {}, {}, {} confirmed, digest {}; {} shown",
            self.partition,
            self.next_offset,
            self.time,
            self.epoch,
            output::count(self.shows, "show"),
            output::count(self.live_holds, "live hold"),
            self.confirmed,
            self.digest,
            output::count(self.shown, "record")
        ));
    }
}
