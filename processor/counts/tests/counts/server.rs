//! A Redis of its own for each test, killed afterwards.

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Far more than a start takes even on a busy machine.
const START_PATIENCE: Duration = Duration::from_secs(30);

/// A running server, shared by several test programs of which none uses all of it.
pub(crate) struct Server {
    child: Child,
    port: u16,
    folder: TempDir,
}

impl Server {
    /// Starts one; `None` when Redis is skipped on purpose.
    pub(crate) fn start() -> Option<Self> {
        if std::env::var("ONSALE_TEST_SKIP_REDIS").is_ok_and(|value| value == "1") {
            return None;
        }
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let folder = tempfile::tempdir().unwrap();
        let child = spawn(port, &folder);
        let mut server = Self {
            child,
            port,
            folder,
        };
        server.wait_ready();
        Some(server)
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}/", self.port)
    }

    /// `kill -9`: nothing of what it held is left.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts again on the same port, empty.
    pub(crate) fn restart(&mut self) {
        self.child = spawn(self.port, &self.folder);
        self.wait_ready();
    }

    /// SIGSTOP: connections stay, answers do not come.
    pub(crate) fn pause(&self) {
        self.signal("-STOP");
    }

    /// SIGCONT.
    pub(crate) fn go_on(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let status = Command::new("kill")
            .args([signal, &self.child.id().to_string()])
            .status();
        assert!(status.unwrap().success());
    }

    /// A command that bypasses the client.
    pub(crate) fn command(&self, words: &[&str]) -> redis::Value {
        self.try_command(words).unwrap()
    }

    /// A connection that others may interfere with.
    pub(crate) fn try_command(&self, words: &[&str]) -> redis::RedisResult<redis::Value> {
        let client = redis::Client::open(self.url())?;
        let mut connection = client.get_connection()?;
        let mut command = redis::cmd(words[0]);
        for word in &words[1..] {
            command.arg(*word);
        }
        command.query(&mut connection)
    }

    /// Every key.
    pub(crate) fn keys(&self) -> Vec<String> {
        redis::from_redis_value(self.command(&["KEYS", "*"])).unwrap()
    }

    fn wait_ready(&mut self) {
        let deadline = Instant::now() + START_PATIENCE;
        while TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_err() {
            if let Some(status) = self.child.try_wait().unwrap() {
                panic!("redis-server ended with {status}");
            }
            assert!(Instant::now() < deadline, "redis-server does not answer");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // This also kills a paused process.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(port: u16, folder: &TempDir) -> Child {
    Command::new("redis-server")
        .args(["--bind", "127.0.0.1", "--port", &port.to_string()])
        .args(["--save", "", "--appendonly", "no", "--dir"])
        .arg(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect(
            "redis-server cannot be started: run deploy/test.sh, which installs it, or set \
             ONSALE_TEST_SKIP_REDIS=1 to leave these tests out",
        )
}
