//! Golden bytes: what existing logs contain. A test that fails here says that a running
//! installation could no longer read its own log. Never change an expectation: add a new version of
//! the kind.

#![expect(clippy::unwrap_used, reason = "a panic is how a test reports")]

mod first;
mod second;
mod third;

use onsale_schemas::code::CreateCodes;
use onsale_schemas::codec::{self, CodecError};
use onsale_schemas::command::Currency;
use onsale_schemas::offer::Offer;
use onsale_schemas::outcome::{Outcome, OutcomeRecord};
use onsale_schemas::{Command, Envelope, EventId, NodeName, RequestId, ShowId, TenantId, UserId};

const SHOW: ShowId = ShowId::from_bytes([0x11; 16]);
const EVENT: EventId = EventId::from_bytes([0x22; 16]);
const USER: UserId = UserId::from_bytes([0x33; 16]);
const TENANT: TenantId = TenantId::from_bytes([0x88; 16]);
const REQUEST: RequestId = RequestId::from_bytes([0x44; 16]);

fn thb() -> Currency {
    "THB".parse().unwrap()
}

fn envelope(command: Command) -> Envelope {
    Envelope {
        request_id: Some(REQUEST),
        idempotency: None,
        trace: None,
        command,
        by: None,
    }
}

fn record(outcome: Outcome) -> OutcomeRecord {
    OutcomeRecord {
        offset: 1_000,
        previous: Some(999),
        log_time_ms: 1_700_000_000_000,
        request_id: Some(REQUEST),
        replay_of: None,
        expired: Vec::new(),
        outcome,
    }
}

fn commands() -> Vec<(&'static str, Envelope)> {
    [first::commands(), second::commands(), third::commands()].concat()
}

fn outcomes() -> Vec<(&'static str, OutcomeRecord)> {
    [
        first::outcomes(),
        second::outcomes(),
        third::outcomes(),
        third::refusals::numbered(),
        third::refusals::values(),
    ]
    .concat()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Compares with the file beside this one; `ONSALE_WRITE_GOLDEN=1` appends what is missing there
/// but never changes a line.
#[test]
fn every_kind_has_the_bytes_it_always_had() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden_bytes.txt");
    let mut golden = std::fs::read_to_string(&path).unwrap_or_default();
    let commands = commands();
    let outcomes = outcomes();
    let encoded = commands
        .iter()
        .map(|(name, value)| (format!("command {name}"), codec::encode(value).unwrap()))
        .chain(
            outcomes
                .iter()
                .map(|(name, value)| (format!("outcome {name}"), codec::encode(value).unwrap())),
        );
    for (name, bytes) in encoded {
        let line = format!("{name} {}\n", hex(&bytes));
        match golden
            .lines()
            .find(|known| known.rsplit_once(' ').unwrap().0 == name)
        {
            Some(known) => assert_eq!(known, line.trim_end(), "the bytes of {name} changed"),
            None if std::env::var_os("ONSALE_WRITE_GOLDEN").is_some() => golden.push_str(&line),
            None => panic!("{name} has no golden bytes yet: run with ONSALE_WRITE_GOLDEN=1"),
        }
    }
    if std::env::var_os("ONSALE_WRITE_GOLDEN").is_some() {
        std::fs::write(&path, golden).unwrap();
    }
    for (_, envelope) in &commands {
        assert_eq!(
            &codec::decode::<Envelope>(&codec::encode(envelope).unwrap()).unwrap(),
            envelope
        );
    }
    for (_, record) in &outcomes {
        assert_eq!(
            &codec::decode::<OutcomeRecord>(&codec::encode(record).unwrap()).unwrap(),
            record
        );
        let head = codec::decode_outcome_head(&codec::encode(record).unwrap()).unwrap();
        assert_eq!(
            (
                head.offset,
                head.previous,
                head.log_time_ms,
                head.request_id
            ),
            (
                record.offset,
                record.previous,
                record.log_time_ms,
                record.request_id
            )
        );
    }
}

#[test]
fn rejection_numbers_are_for_ever() {
    let numbers: Vec<u16> = [
        first::outcomes(),
        second::outcomes(),
        third::refusals::numbered(),
    ]
    .concat()
    .into_iter()
    .filter_map(|(_, record)| match record.outcome {
        Outcome::Rejected(rejection) => Some(rejection.number()),
        _ => None,
    })
    .collect();
    assert_eq!(numbers, (1..=35).collect::<Vec<u16>>());
}

#[test]
fn only_what_may_pass_is_transient() {
    for (name, record) in outcomes() {
        let Outcome::Rejected(rejection) = record.outcome else {
            continue;
        };
        assert_eq!(rejection.is_transient(), rejection.number() == 16, "{name}");
    }
}

/// Before the barrier of their version programs that do not know them are in charge.
#[test]
fn commands_have_the_version_that_they_came_with() {
    for (version, commands) in [
        (1, first::commands()),
        (2, second::commands()),
        (3, third::commands()),
    ] {
        for (name, envelope) in commands {
            assert_eq!(envelope.machine_version(), version, "{name}");
        }
    }
}

#[test]
fn every_truncation_and_every_extra_byte_is_an_error() {
    for (name, envelope) in commands() {
        let bytes = codec::encode(&envelope).unwrap();
        for length in 0..bytes.len() {
            assert!(
                codec::decode::<Envelope>(&bytes[..length]).is_err(),
                "{name} cut to {length}"
            );
        }
        let mut longer = bytes.clone();
        longer.push(0);
        assert!(matches!(
            codec::decode::<Envelope>(&longer),
            Err(CodecError::TrailingBytes(1))
        ));
    }
}

#[test]
fn kind_version_and_size_are_checked() {
    let bytes = codec::encode(&Envelope::machine(Command::Tick { epoch: 1 })).unwrap();
    assert!(matches!(
        codec::decode::<OutcomeRecord>(&bytes),
        Err(CodecError::Kind { .. })
    ));
    let mut later = bytes.clone();
    later[1] = 3;
    assert!(matches!(
        codec::decode::<Envelope>(&later),
        Err(CodecError::Version { found: 3, .. })
    ));
    let huge = Envelope::machine(Command::Claim {
        node: NodeName("x".repeat(2 << 20)),
        epoch: 1,
    });
    let mut out = b"kept".to_vec();
    assert!(matches!(
        codec::encode_into(&huge, &mut out),
        Err(CodecError::TooLarge(_))
    ));
    assert_eq!(out, b"kept");
}

/// A forged length must be refused before it allocates; the codec's limit does that.
#[test]
fn a_forged_length_does_not_allocate() {
    // Envelope: no request, no key, no trace, command 4 (Reserve), show, user, zone, Pick::Seats
    // with a length of 2^63.
    let mut bytes = vec![0x01, 0x01, 0, 0, 0, 4];
    bytes.extend_from_slice(&[0; 32]);
    bytes.extend_from_slice(&[0, 0]);
    bytes.push(253);
    bytes.extend_from_slice(&(1u64 << 63).to_le_bytes());
    assert!(codec::decode::<Envelope>(&bytes).is_err());
}

/// So in every list of version 3, at whatever depth: what is cut off or forged is refused, and the
/// limit of the codec is one on what a list makes room for.
#[test]
fn forged_lengths_of_version_3_are_errors() {
    for (name, envelope) in third::commands() {
        let bytes = codec::encode(&envelope).unwrap();
        for at in 2..bytes.len() {
            // The largest number takes the place of the byte: if it counts a list, the list is too long
            // for what follows.
            let forged = [&bytes[..at], &[253; 1], &[0xff; 8], &bytes[at + 1..]].concat();
            if let Ok(read) = codec::decode::<Envelope>(&forged) {
                assert_eq!(codec::encode(&read).unwrap(), forged, "{name} at {at}");
            }
        }
    }
}

/// The largest command of codes is one that can be written and read.
#[test]
fn the_most_codes_of_a_command_fit() {
    let most = onsale_schemas::limits::CODES_PER_COMMAND_MAX;
    let (_, envelope) = third::commands().swap_remove(2);
    let Command::CreateCodes(first) = envelope.command else {
        panic!("the third one creates codes");
    };
    let command = Command::CreateCodes(Box::new(CreateCodes {
        codes: vec![first.codes[0]; most],
        ..*first
    }));
    let envelope = Envelope::machine(command);
    let bytes = codec::encode(&envelope).unwrap();
    assert_eq!(codec::decode::<Envelope>(&bytes).unwrap(), envelope);
}

#[test]
fn an_offer_is_empty_only_when_all_of_it_is() {
    assert!(Offer::default().is_empty());
    let taxed = Offer {
        tax_bp: 1,
        ..Offer::default()
    };
    assert!(!taxed.is_empty());
}

proptest::proptest! {
    #[test]
    fn random_bytes_never_panic(bytes: Vec<u8>) {
        let mut framed = vec![0x01, 0x01];
        framed.extend_from_slice(&bytes);
        let _ = codec::decode::<Envelope>(&framed);
        framed[0] = 0x02;
        let _ = codec::decode::<OutcomeRecord>(&framed);
        let _ = codec::decode_outcome_head(&framed);
    }
}
