//! Tests the event loop against a small server that misbehaves on demand.
#![expect(clippy::unwrap_used, reason = "a panic is how a test reports")]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use onsale_load::{
    Answer, Draft, DriveSettings, Driven, Finding, Method, Op, Pace, Scenario, Schedule, Stop,
    Target, Users, Who, drive,
};

/// Answers every request by what `say` returns for its number; `None` closes the connection.
fn server(say: impl Fn(u64) -> Option<String> + Send + Sync + 'static) -> Target {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let say = Arc::new(say);
    let count = Arc::new(AtomicU64::new(0));
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (say, count) = (Arc::clone(&say), Arc::clone(&count));
            std::thread::spawn(move || serve(stream.unwrap(), &*say, &count));
        }
    });
    Target::parse(&format!("http://{address}")).unwrap()
}

fn serve(mut stream: TcpStream, say: &dyn Fn(u64) -> Option<String>, count: &AtomicU64) {
    let mut bytes = [0; 4_096];
    let mut head = Vec::new();
    loop {
        let Ok(length @ 1..) = stream.read(&mut bytes) else {
            return;
        };
        head.extend_from_slice(&bytes[..length]);
        if !head.ends_with(b"\r\n\r\n") && !head.ends_with(b"}") {
            continue;
        }
        head.clear();
        let Some(answer) = say(count.fetch_add(1, Ordering::SeqCst)) else {
            return;
        };
        if stream.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

fn answer(status: &str, headers: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\ncontent-length: {}\r\n{headers}\r\n{body}",
        body.len()
    )
}

struct One {
    answered: u64,
    lost: u64,
}

impl Scenario for One {
    fn next(&mut self, draft: &mut Draft) {
        draft.begin(Op::Reserve, Method::Post, Who::User(0));
        draft.path.push_str("/x");
        draft.body.push_str("{}");
        draft.places = 2;
    }

    fn answered(&mut self, _draft: &Draft, answer: Option<&Answer<'_>>) {
        match answer {
            Some(_) => self.answered += 1,
            None => self.lost += 1,
        }
    }

    fn findings(&mut self) -> Vec<Finding> {
        vec![Finding {
            promise: "sees every request",
            looked: self.answered,
            broken: self.lost,
            example: None,
        }]
    }
}

fn settings(target: Target, pace: Pace, connections: usize) -> DriveSettings {
    DriveSettings {
        target,
        pace,
        warm_up: Duration::ZERO,
        connections,
        timeout: Duration::from_secs(30),
        history: None,
    }
}

fn play(settings: &DriveSettings, threads: usize) -> Driven {
    let scenarios = (0..threads)
        .map(|_| {
            Box::new(One {
                answered: 0,
                lost: 0,
            }) as Box<dyn Scenario>
        })
        .collect();
    let users = Users::plain(1, "x-user");
    drive(settings, &users, scenarios, &Stop::default(), &mut |_| {}).unwrap()
}

#[test]
fn every_request_of_the_schedule_is_sent_once() {
    let target = server(|_| Some(answer("201 Created", "", "{}")));
    let pace = Pace::Open(Schedule::constant(997, Duration::from_secs(1)));
    let driven = play(&settings(target, pace, 5), 2);
    assert_eq!(driven.tally.granted(), 997);
    assert_eq!(driven.tally.not_granted(), 0);
    assert_eq!(driven.places_granted(), 2 * 997);
    assert_eq!(driven.findings[0].looked, 997);
    assert_eq!(driven.busy.len(), 2);
}

#[test]
fn a_stall_is_charged_with_the_requests_that_waited_for_it() {
    // One connection, and the first answer takes half a second: the requests with an intended start
    // in that time wait, and this counts as their latency, although each was then answered at once.
    let target = server(|number| {
        if number == 0 {
            std::thread::sleep(Duration::from_millis(500));
        }
        Some(answer("201 Created", "", "{}"))
    });
    let pace = Pace::Open(Schedule::constant(100, Duration::from_secs(1)));
    let driven = play(&settings(target, pace, 1), 1);
    assert_eq!(driven.tally.granted(), 100);
    // Those of the first 250 ms, a quarter of all, waited at least 250 ms.
    assert!(driven.tally.latency_ms(76.0) >= 249.0);
}

#[test]
fn broken_connections_and_odd_answers_are_counted_and_survived() {
    let target = server(|number| match number % 5 {
        0 => Some(answer("201 Created", "", "{}")),
        1 => None,
        2 => Some("garbage\r\n\r\n".to_owned()),
        3 => Some(answer(
            "503 Service Unavailable",
            "retry-after: 1\r\nconnection: close\r\n",
            "{}",
        )),
        _ => Some(answer(
            "409 Conflict",
            "",
            r#"{"error":{"code":"SEAT_UNAVAILABLE"}}"#,
        )),
    });
    let pace = Pace::Open(Schedule::constant(500, Duration::from_secs(1)));
    let driven = play(&settings(target, pace, 4), 1);
    assert_eq!(driven.tally.granted(), 100);
    assert_eq!(driven.tally.not_granted(), 400);
    assert_eq!(
        driven.unknown(),
        200,
        "a broken and a garbled answer in five"
    );
    assert_eq!(driven.findings[0].broken, 200);
}

#[test]
fn no_answer_is_a_time_out_and_what_could_not_be_sent_counts_too() {
    let target = server(|_| {
        std::thread::sleep(Duration::from_secs(3_600));
        None
    });
    let pace = Pace::Open(Schedule::constant(50, Duration::from_secs(1)));
    let settings = DriveSettings {
        timeout: Duration::from_millis(200),
        ..settings(target, pace, 1)
    };
    let driven = play(&settings, 1);
    assert_eq!(driven.tally.granted(), 0);
    assert_eq!(driven.tally.not_granted(), 50);
    assert!(driven.tally.latency_ms(0.0) >= 199.0);
}

#[test]
fn a_closed_loop_has_one_request_per_connection_in_flight() {
    let target = server(|_| Some(answer("201 Created", "", "{}")));
    let driven = play(
        &settings(target, Pace::Closed(Duration::from_millis(300)), 3),
        1,
    );
    assert!(driven.tally.granted() > 3);
    assert!(driven.answered_per_second() > 0.0);
}

#[test]
fn stopping_early_still_reports() {
    let target = server(|_| Some(answer("201 Created", "", "{}")));
    let pace = Pace::Open(Schedule::constant(100, Duration::from_secs(3_600)));
    let stop = Stop::default();
    let users = Users::nobody();
    let one = One {
        answered: 0,
        lost: 0,
    };
    let driven = drive(
        &settings(target, pace, 1),
        &users,
        vec![Box::new(one)],
        &stop,
        &mut |progress| {
            if progress.granted >= 5 {
                stop.stop();
            }
        },
    )
    .unwrap();
    assert!(driven.tally.granted() >= 5);
    assert_eq!(driven.tally.not_granted(), 0);
}
