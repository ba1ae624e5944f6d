//! Clients that want to end the process or fill its memory.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::{Server, metric};

/// The smallest segments that there are.
const SMALL_SEGMENTS: (&str, &str) = ("ONSALE_LOG__SEGMENT_SIZE_MIB", "4");
/// Open files of the process under attack.
const OPEN_FILES: u32 = 160;
/// Rows of the hall, of a hundred seats each. A list of all seats is a record of some 30 kB.
const ROWS: usize = 100;
/// Two such records in each: enough for more than two segments.
const ROUNDS: usize = 200;
const BUYER: &str = "00000000-0000-4000-8000-00000000000b";
const ORGANIZER: &str = "00000000-0000-4000-8000-00000000000a";

/// Connections that say nothing, each again as soon as the server closes it.
struct Silent {
    port: u16,
    connections: Vec<TcpStream>,
}

impl Silent {
    fn new(port: u16, count: usize) -> Self {
        let mut silent = Self {
            port,
            connections: Vec::new(),
        };
        silent.renew(count);
        silent
    }

    fn renew(&mut self, count: usize) {
        let mut byte = [0; 1];
        self.connections.retain_mut(|stream| {
            let read = stream.read(&mut byte);
            read.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock)
        });
        while self.connections.len() < count {
            let stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
            stream.set_nonblocking(true).unwrap();
            self.connections.push(stream);
        }
    }
}

/// A show with a hall and a floor, and who deals with it.
struct House {
    server: Server,
    organizer: String,
    buyer: String,
    show: String,
    hall: String,
    floor: String,
}

impl House {
    async fn open(server: Server) -> Self {
        let organizer = server.token("organizer", ORGANIZER);
        let price = json!({ "amount": 1_000, "currency": "THB" });
        let rows: Vec<_> = (0..ROWS)
            .map(|row| json!({ "name": format!("R{row}"), "seats": 100 }))
            .collect();
        let zones = json!([
            { "name": "Hall", "price": price, "admission": "seated", "rows": rows },
            { "name": "Floor", "price": price, "admission": "general", "capacity": 100_000 },
        ]);
        let show = server.open_show(&organizer, 100, 600, zones).await;
        let (_, body) = server.get("", &format!("/shows/{show}/zones")).await;
        let zone = |index: usize| {
            let id = body["data"]["zones"][index]["zone_id"].as_str();
            let id = id.or_else(|| body["data"][index]["zone_id"].as_str());
            id.unwrap_or_else(|| panic!("{body}")).to_owned()
        };
        Self {
            organizer,
            buyer: server.token("buyer", BUYER),
            hall: zone(0),
            floor: zone(1),
            show,
            server,
        }
    }

    /// Takes the whole hall off sale and puts it back: large records. The statuses.
    fn block_and_unblock(&self, line: &mut Line) -> [u16; 2] {
        let seats: Vec<_> = (0..ROWS)
            .flat_map(|row| (1..=100).map(move |seat| format!("R{row}-{seat}")))
            .collect();
        let places = json!({ "zone_id": self.hall, "seats": seats });
        ["block", "unblock"].map(|verb| {
            let path = format!("/shows/{}/{verb}", self.show);
            line.post(&self.organizer, &path, &places).0
        })
    }

    /// A reservation and its cancellation. The statuses.
    fn buy_and_give_back(&self, line: &mut Line) -> [u16; 2] {
        let place = json!({ "show_id": self.show, "zone_id": self.floor, "quantity": 1 });
        let (reserved, body) = line.post(&self.buyer, "/bookings/reserve", &place);
        let Some(booking) = body["data"]["booking_id"].as_str() else {
            return [reserved, 0];
        };
        let path = format!("/bookings/{booking}/cancel");
        let (cancelled, _) = line.post(&self.buyer, &path, &json!({}));
        [reserved, cancelled]
    }
}

/// One connection that is kept: a new one waits behind the silent ones.
struct Line(BufReader<TcpStream>);

impl Line {
    fn open(port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        Self(BufReader::new(stream))
    }

    /// (status, body) of a POST.
    fn post(&mut self, token: &str, path: &str, body: &Value) -> (u16, Value) {
        let body = body.to_string();
        let request = format!(
            "POST /api/v1{path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        self.0.get_mut().write_all(request.as_bytes()).unwrap();
        let mut status = String::new();
        self.0.read_line(&mut status).unwrap();
        assert!(!status.is_empty(), "the server closed the connection");
        let mut length = 0;
        loop {
            let mut header = String::new();
            self.0.read_line(&mut header).unwrap();
            if header.trim_end().is_empty() {
                break;
            }
            if let Some(value) = header.trim_end().strip_prefix("content-length: ") {
                length = value.parse().unwrap();
            }
        }
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).unwrap();
        let status = status.split(' ').nth(1).unwrap().parse().unwrap();
        (status, serde_json::from_slice(&body).unwrap())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_take_all_descriptors_do_not_end_the_process() {
    let data = tempfile::tempdir().unwrap();
    let env = [
        SMALL_SEGMENTS,
        ("ONSALE_HTTP__CONNECTIONS_PER_ADDRESS_MAX", "1000000"),
    ];
    let server = Server::start_with_open_files(data.path(), &env, OPEN_FILES).await;
    let house = House::open(server).await;
    let segments = || {
        std::fs::read_dir(data.path().join("journal"))
            .unwrap()
            .count()
    };
    let before = segments();
    let mut line = Line::open(house.server.port);
    let bought = house.buy_and_give_back(&mut line);
    assert_eq!(bought, [201, 200]);
    let mut silent = Silent::new(house.server.port, 400);
    for round in 0..ROUNDS {
        let blocked = house.block_and_unblock(&mut line);
        let log = || house.server.log();
        assert_eq!(blocked, [200, 200], "round {round}:\n{}", log());
        if round % 10 == 0 {
            let bought = house.buy_and_give_back(&mut line);
            assert_eq!(bought, [201, 200], "round {round}:\n{}", log());
            silent.renew(400);
        }
    }
    let now = segments();
    assert!(now > before + 1, "{before} files of the log, then {now}");
    drop((silent, line));
    // Newcomers are served once the others have gone.
    let path = format!("/shows/{}/zones", house.show);
    let url = house.server.url(&path);
    let newcomer = crate::http_client::builder(None).build().unwrap();
    assert_eq!(newcomer.get(url).send().await.unwrap().status(), 200);
    let server = house.server;
    let text = server.metrics().await;
    let limit = metric(&text, "onsale_descriptors_limit");
    assert_eq!(limit, [f64::from(OPEN_FILES)]);
    let connections = metric(&text, "http_connections_limit");
    assert!(connections[0] < f64::from(OPEN_FILES), "{connections:?}");
    let (_, doctor, _) = server.verb(&["doctor"]);
    assert!(doctor.contains("open files"), "{doctor}");
    assert_eq!(server.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_soft_limit_of_open_files_is_raised() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start_with_soft_limit(data.path(), 256, 2_048).await;
    let text = server.metrics().await;
    assert_eq!(metric(&text, "onsale_descriptors_limit"), [2_048.0]);
    assert_eq!(metric(&text, "http_connections_limit"), [2_048.0 - 256.0]);
}

/// Readers that ask for a large answer and take nothing of it.
#[tokio::test(flavor = "multi_thread")]
async fn readers_that_do_not_read_cost_a_bounded_memory() {
    const READERS: usize = 150;
    /// What waits for one address at most, and one answer more.
    const UNSENT_MAX_BYTES: u64 = 8 << 20;
    /// The buffers of a connection of HTTP/1, its task, and the allocator's share.
    const CONNECTION_BYTES: u64 = 256 << 10;
    let data = tempfile::tempdir().unwrap();
    let unsent = UNSENT_MAX_BYTES.to_string();
    let env = [
        ("ONSALE_HTTP__WRITE_TIMEOUT_MS", "3000"),
        ("ONSALE_HTTP__UNSENT_PER_ADDRESS_MAX_BYTES", unsent.as_str()),
    ];
    let server = Server::start_with(data.path(), &env).await;
    let house = House::open(server).await;
    let (server, path) = (&house.server, format!("/shows/{}/seats", house.show));
    // What is created once and kept is created now.
    assert_eq!(server.get("", &path).await.0, 200);
    let before = server.memory_bytes();
    let request = format!("GET /api/v1{path} HTTP/1.1\r\nhost: x\r\n\r\n");
    let mut readers = Vec::new();
    for _ in 0..READERS {
        let mut stream = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        readers.push(stream);
    }
    let mut most = 0;
    loop {
        most = server.memory_bytes().max(most);
        let text = server.metrics().await;
        let stalled = metric(&text, "http_connections_stalled_total")[0];
        let refused = metric(&text, "http_answers_refused_total")[0];
        // Everybody was answered: with the answer, and closed as it was not taken, or with 429.
        if stalled + refused >= READERS as f64 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let grown = most.saturating_sub(before);
    eprintln!("{READERS} readers: {} KiB more", grown >> 10);
    let bound = READERS as u64 * CONNECTION_BYTES + 3 * UNSENT_MAX_BYTES;
    assert!(grown < bound, "{grown} bytes more, {bound} allowed");
    drop(readers);
    assert_eq!(server.get("", "/events").await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_for_operators_is_not_on_the_public_port() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path()).await;
    for path in ["/metrics", "/internal/snapshots", "/internal/reconcile"] {
        let url = format!("http://127.0.0.1:{}{path}", server.port);
        let response = server.http.get(url).send().await.unwrap();
        assert_eq!(response.status(), 404, "{path}");
    }
    for path in ["/metrics", "/health/live", "/health/ready"] {
        let response = server.http.get(server.operations_url(path)).send().await;
        assert_eq!(response.unwrap().status(), 200, "{path}");
    }
}

/// Snapshots are due and no file can be opened: they are tried again, and sales go on meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn a_process_without_a_free_descriptor_sells_and_cuts_its_snapshots_later() {
    const FAILED: &str = "no snapshot written";
    let data = tempfile::tempdir().unwrap();
    let env = [
        SMALL_SEGMENTS,
        ("ONSALE_SNAPSHOTS__EVERY_RECORDS", "200"),
        ("ONSALE_SNAPSHOTS__EVERY_SECONDS", "86400"),
    ];
    let server = Server::start_with(data.path(), &env).await;
    let house = House::open(server).await;
    let mut line = Line::open(house.server.port);
    assert_eq!(house.buy_and_give_back(&mut line), [201, 200]);
    let exhausted = house.server.exhaust_descriptors();
    let mut rounds = 0;
    while !house.server.log().contains(FAILED) {
        let bought = house.buy_and_give_back(&mut line);
        assert_eq!(
            bought,
            [201, 200],
            "round {rounds}:\n{}",
            house.server.log()
        );
        rounds += 1;
        assert!(rounds < 2_000, "{}", house.server.log());
    }
    // A file of the log and more is filled meanwhile.
    for round in 0..ROUNDS * 2 / 5 {
        let blocked = house.block_and_unblock(&mut line);
        assert_eq!(
            blocked,
            [200, 200],
            "round {round}:\n{}",
            house.server.log()
        );
    }
    drop(exhausted);
    let said = house.server.log().len();
    for _ in 0..5 {
        assert_eq!(house.buy_and_give_back(&mut line), [201, 200]);
    }
    let (code, out, err) = house.server.verb(&["snapshot", "create"]);
    assert_eq!(code, Some(0), "{out}{err}");
    let later = house.server.log().split_off(said);
    assert!(!later.contains(FAILED), "{later}");
    let failures = metric(
        &house.server.metrics().await,
        "onsale_snapshot_failures_total",
    );
    assert!(failures[0] > 0.0, "{failures:?}");
    let (status, list) = house.server.get(&house.buyer, "/bookings?limit=1").await;
    assert_eq!(status, 200, "{list}");
    for verb in ["doctor", "verify"] {
        let (code, out, err) = house.server.verb(&[verb]);
        assert_eq!(code, Some(0), "{verb}: {out}{err}");
    }
    assert_eq!(house.server.stop(), Some(0));
}

/// A frame of HTTP/2.
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap();
    let mut frame = length.to_be_bytes()[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// A connection of HTTP/2 whose streams take nothing: a window of 0 bytes, and a request in each.
fn windowless(port: u16, path: &str, streams: u32) -> TcpStream {
    let text = |bytes: &[u8]| [&[u8::try_from(bytes.len()).unwrap()], bytes].concat();
    let mut block = Vec::new();
    for (name, value) in [
        (":method", "GET"),
        (":scheme", "http"),
        (":authority", "x"),
        (":path", path),
    ] {
        block.push(0);
        block.extend(text(name.as_bytes()));
        block.extend(text(value.as_bytes()));
    }
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    bytes.extend(frame(4, 0, 0, &[0, 4, 0, 0, 0, 0]));
    for stream in 0..streams {
        bytes.extend(frame(1, 5, 1 + 2 * stream, &block));
    }
    let mut connection = TcpStream::connect(("127.0.0.1", port)).unwrap();
    connection.write_all(&bytes).unwrap();
    connection
}

/// Readers of a live view, and streams with a window of 0, that take nothing while much changes.
#[tokio::test(flavor = "multi_thread")]
async fn unread_live_views_cost_bounded_memory() {
    const READERS: usize = 200;
    const WINDOWLESS: usize = 8;
    const STREAMS: u32 = 50;
    const UNSENT_MAX_BYTES: u64 = 8 << 20;
    /// The buffers of a connection, its task, and the allocator's share; of a stream as well.
    const CONNECTION_BYTES: u64 = 128 << 10;
    /// What the process itself keeps of a show that changes this much, its log and its projection.
    const OWN_BYTES: u64 = 32 << 20;
    let data = tempfile::tempdir().unwrap();
    let unsent = UNSENT_MAX_BYTES.to_string();
    let env = [
        ("ONSALE_HTTP__WRITE_TIMEOUT_MS", "3000"),
        ("ONSALE_HTTP__UNSENT_PER_ADDRESS_MAX_BYTES", unsent.as_str()),
    ];
    let server = Server::start_with(data.path(), &env).await;
    let house = House::open(server).await;
    let port = house.server.port;
    let mut line = Line::open(port);
    // What is created once and kept is created now.
    for _ in 0..5 {
        assert_eq!(house.block_and_unblock(&mut line), [200, 200]);
    }
    let path = format!("/api/v1/shows/{}/availability/stream", house.show);
    let before = house.server.memory_bytes();
    let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n");
    let mut readers: Vec<TcpStream> = (0..READERS)
        .map(|_| {
            let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
            stream.write_all(request.as_bytes()).unwrap();
            stream
        })
        .collect();
    let seats = format!("/api/v1/shows/{}/seats", house.show);
    for place in 0..WINDOWLESS {
        let path = if place % 2 == 0 { &path } else { &seats };
        readers.push(windowless(port, path, STREAMS));
    }
    let (mut most, mut listening) = (0, 0.0f64);
    for round in 0..60 {
        let blocked = house.block_and_unblock(&mut line);
        assert_eq!(blocked, [200, 200], "round {round}");
        most = house.server.memory_bytes().max(most);
        if round % 10 == 0 {
            let text = house.server.metrics().await;
            let now = metric(&text, "availability_stream_readers")[0];
            listening = listening.max(now);
        }
    }
    assert!(listening >= 1.0, "at least one was let in");
    let grown = most.saturating_sub(before);
    eprintln!(
        "{READERS} readers, {listening} at once: {} KiB more",
        grown >> 10
    );
    let connections = READERS as u64 + WINDOWLESS as u64 * u64::from(STREAMS);
    let bound = connections * CONNECTION_BYTES + 3 * UNSENT_MAX_BYTES + OWN_BYTES;
    assert!(grown < bound, "{grown} bytes more, {bound} allowed");
    drop(readers);
    assert_eq!(house.server.get("", "/events").await.0, 200);
}
