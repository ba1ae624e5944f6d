//! Starts the real binary and talks to it as a client would.

mod descriptors;
mod show;

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use onsale_auth::{AuthConfig, Grant, Minter};
use onsale_processor::clock;
use onsale_schemas::{TenantId, UserId};
use onsale_settings::Secret;
use serde_json::{Value, json};

use self::descriptors::{limits_of, set_limits};
use crate::http_client;

pub(crate) use self::descriptors::Exhausted;
pub(crate) use self::show::SmallShow;

pub(crate) const SECRET: &str = "0123456789abcdef0123456789abcdef";
/// What a shell does before it becomes the server; no setting of the server.
const LIMITS: &str = "ONSALE_TEST_LIMITS";
/// Far more than a start takes even on a busy machine; a start that takes longer is a failure.
const START_PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks at readiness.
const READY_PAUSE: Duration = Duration::from_millis(50);

/// A running server.
pub(crate) struct Server {
    child: Child,
    pub(crate) data: PathBuf,
    pub(crate) port: u16,
    operations_port: u16,
    env: Vec<(String, String)>,
    scheme: &'static str,
    pub(crate) http: reqwest::Client,
}

pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

/// One that is not this one: a port that was free a moment ago may be given out twice.
fn free_port_besides(taken: u16) -> u16 {
    let mut port = free_port();
    while port == taken {
        port = free_port();
    }
    port
}

/// `onsale` with the settings of these tests.
pub(crate) fn onsale(data: &Path, port: u16, env: &[(String, String)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_onsale"));
    command
        .env("ONSALE_DATA__DIR", data)
        .env("ONSALE_HTTP__LISTEN", format!("127.0.0.1:{port}"))
        // The port after the other one, which is the default, may be in use.
        .env(
            "ONSALE_HTTP__OPERATIONS_LISTEN",
            format!("127.0.0.1:{}", free_port_besides(port)),
        )
        .env("ONSALE_AUTH__HS256_SECRET", SECRET)
        .env("ONSALE_RATE_LIMIT__ENABLED", "false")
        .env("ONSALE_PAYMENTS__SIMULATED", "true")
        .envs(
            env.iter()
                .map(|(key, value)| (key.as_str(), value.as_str())),
        );
    command
}

impl Server {
    /// Starts `onsale serve` on `data` and waits until it is ready.
    pub(crate) async fn start(data: &Path) -> Self {
        Self::start_with(data, &[]).await
    }

    pub(crate) async fn start_with(data: &Path, env: &[(&str, &str)]) -> Self {
        let env: Vec<(String, String)> = env
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect();
        Self::launch(data, env, None).await
    }

    /// As [`Server::start`], with variables that make it speak TLS; its certificate is from the
    /// authority in the file.
    pub(crate) async fn start_over_tls(
        data: &Path,
        variables: &[(String, String)],
        ca_file: &Path,
    ) -> Self {
        Self::launch(data, variables.to_vec(), Some(ca_file)).await
    }

    /// As [`Server::start_with`] with this many open files, and no way to raise the limit.
    pub(crate) async fn start_with_open_files(
        data: &Path,
        env: &[(&str, &str)],
        open_files: u32,
    ) -> Self {
        let mut env: Vec<(String, String)> = env
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect();
        env.push((LIMITS.to_owned(), format!("ulimit -n {open_files}")));
        Self::launch(data, env, None).await
    }

    /// With a soft limit of open files below the hard one.
    pub(crate) async fn start_with_soft_limit(data: &Path, soft: u32, hard: u32) -> Self {
        let limits = format!("ulimit -Sn {soft} && ulimit -Hn {hard}");
        Self::launch(data, vec![(LIMITS.to_owned(), limits)], None).await
    }

    /// Starts and waits only until it answers, ready or not.
    pub(crate) async fn start_whatever_it_says(data: &Path, env: &[(&str, &str)]) -> Self {
        let env: Vec<(String, String)> = env
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect();
        let mut server = Self::begin(data, env, None);
        server.wait_for("/health/live").await;
        server
    }

    /// The end of a start that has to fail, in its own words.
    pub(crate) fn refusal(data: &Path, env: &[(String, String)]) -> String {
        let output = onsale(data, free_port(), env).arg("serve").output();
        let output = output.unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{said}");
        said
    }

    async fn launch(data: &Path, env: Vec<(String, String)>, ca_file: Option<&Path>) -> Self {
        let mut server = Self::begin(data, env, ca_file);
        server.wait_ready().await;
        server
    }

    /// Starts it, and waits for nothing.
    fn begin(data: &Path, env: Vec<(String, String)>, ca_file: Option<&Path>) -> Self {
        let port = free_port();
        let operations_port = free_port_besides(port);
        let mut env = env;
        env.push((
            "ONSALE_HTTP__OPERATIONS_LISTEN".to_owned(),
            format!("127.0.0.1:{operations_port}"),
        ));
        let child = spawn(data, port, &env);
        let http = http_client::builder(ca_file)
            .timeout(Duration::from_secs(30))
            .build()
            .unwrap();
        Self {
            child,
            data: data.to_owned(),
            port,
            operations_port,
            env,
            scheme: if ca_file.is_some() { "https" } else { "http" },
            http,
        }
    }

    /// `kill -9`, then a start on the same folder and port.
    pub(crate) async fn kill_and_restart(&mut self) {
        self.kill();
        self.restart().await;
    }

    /// `kill -9`.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts again on the same folder and port.
    pub(crate) async fn restart(&mut self) {
        self.child = spawn(&self.data, self.port, &self.env);
        self.wait_ready().await;
    }

    /// Starts again on the same folder and port, and waits only until it answers.
    pub(crate) async fn restart_whatever_it_says(&mut self) {
        self.child = spawn(&self.data, self.port, &self.env);
        self.wait_for("/health/live").await;
    }

    /// SIGTERM; returns the exit code.
    pub(crate) fn stop(mut self) -> Option<i32> {
        self.terminate();
        self.child.wait().unwrap().code()
    }

    /// As [`Server::stop`], where it might take for ever.
    pub(crate) async fn stop_within(mut self, patience: Duration) -> Option<i32> {
        self.terminate();
        let deadline = Instant::now() + patience;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(Instant::now() < deadline, "it runs on:\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn terminate(&self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    }

    /// Its number among the processes.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The log that the process wrote.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.data.join("server.log")).unwrap_or_default()
    }

    async fn wait_ready(&mut self) {
        self.wait_for("/health/ready").await;
    }

    async fn wait_for(&mut self, path: &str) {
        let url = format!("{}://127.0.0.1:{}{path}", self.scheme, self.port);
        let deadline = Instant::now() + START_PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                panic!("the server ended with {status}:\n{}", self.log());
            }
            if let Ok(response) = self.http.get(&url).send().await
                && response.status().is_success()
            {
                return;
            }
            assert!(
                Instant::now() < deadline,
                "not ready in time:\n{}",
                self.log()
            );
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// A token minted by the command line.
    pub(crate) fn token(&self, role: &str, user: &str) -> String {
        let output = onsale(&self.data, self.port, &self.env)
            .args(["token", "--role", role, "--user", user, "--ttl", "24h"])
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// A token minted here, for tests with many accounts.
    pub(crate) fn mint(&self, role: &str, user: u128) -> String {
        let auth = AuthConfig {
            hs256_secret: Some(Secret::new(SECRET)),
            ..AuthConfig::default()
        };
        let grant = Grant {
            user: UserId(uuid::Uuid::from_u128(user)),
            role: role.parse().unwrap(),
            tenant: TenantId(uuid::Uuid::nil()),
            life_seconds: 3_600,
        };
        let minter = Minter::new(&auth, None).unwrap();
        minter.mint(&grant, clock::now_ms()).unwrap()
    }

    /// Runs a verb of the command line against this server; (exit code, stdout, stderr).
    pub(crate) fn verb(&self, args: &[&str]) -> (Option<i32>, String, String) {
        self.verb_with(&[], args)
    }

    /// As [`Server::verb`] with other variables.
    pub(crate) fn verb_with(
        &self,
        variables: &[(String, String)],
        args: &[&str],
    ) -> (Option<i32>, String, String) {
        let env = [&self.env, variables].concat();
        let output = onsale(&self.data, self.port, &env)
            .args(args)
            .output()
            .unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (
            output.status.code(),
            text(output.stdout),
            text(output.stderr),
        )
    }

    /// Runs a scenario of `onsale load` against this server; as [`Server::verb`].
    pub(crate) fn load(&self, scenario: &str, more: &[&str]) -> (Option<i32>, String, String) {
        let target = format!("http://127.0.0.1:{}", self.port);
        let common = [
            "load",
            "--json",
            "--target",
            &target,
            "--scenario",
            scenario,
        ];
        self.verb(&[&common, more].concat())
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}://127.0.0.1:{}/api/v1{path}", self.scheme, self.port)
    }

    /// (status, body) of a GET; without a token when it is empty.
    pub(crate) async fn get(&self, token: &str, path: &str) -> (u16, Value) {
        let mut request = self.http.get(self.url(path));
        if !token.is_empty() {
            request = request.bearer_auth(token);
        }
        answer(request.send().await.unwrap()).await
    }

    /// (status, what is said) of readiness.
    pub(crate) async fn readiness(&self) -> (u16, Value) {
        let url = self.url("/../../health/ready");
        answer(self.http.get(url).send().await.unwrap()).await
    }

    /// Waits until readiness says what it should; far longer than that takes is a failure.
    pub(crate) async fn until_ready(&self, patience: Duration, done: impl Fn(u16, &str) -> bool) {
        let deadline = Instant::now() + patience;
        loop {
            let (status, said) = self.readiness().await;
            let said = said.to_string();
            if done(status, &said) {
                return;
            }
            assert!(
                Instant::now() < deadline,
                "{status}: {said}\n{}",
                self.log()
            );
            tokio::time::sleep(READY_PAUSE).await;
        }
    }

    /// (status, body) of a POST.
    pub(crate) async fn post(&self, token: &str, path: &str, body: &Value) -> (u16, Value) {
        let request = self.http.post(self.url(path)).bearer_auth(token).json(body);
        answer(request.send().await.unwrap()).await
    }

    /// (status, body) of a PATCH.
    pub(crate) async fn patch(&self, token: &str, path: &str, body: &Value) -> (u16, Value) {
        let url = self.url(path);
        let request = self.http.patch(url).bearer_auth(token).json(body);
        answer(request.send().await.unwrap()).await
    }

    /// The text of `/metrics`.
    pub(crate) async fn metrics(&self) -> String {
        let response = self.http.get(self.operations_url("/metrics")).send().await;
        response.unwrap().text().await.unwrap()
    }

    /// Of the operations listener.
    pub(crate) fn operations_url(&self, path: &str) -> String {
        format!("{}://127.0.0.1:{}{path}", self.scheme, self.operations_port)
    }

    /// Lets the process open no file more than it has open now, until the guard is dropped.
    pub(crate) fn exhaust_descriptors(&self) -> Exhausted {
        let pid = rustix::process::Pid::from_child(&self.child);
        // The lowest number that is free is the limit; what is open above it stays so.
        let listed = std::fs::read_dir(format!("/proc/{}/fd", self.child.id())).unwrap();
        let open: std::collections::BTreeSet<u64> = listed
            .map(|entry| {
                entry
                    .unwrap()
                    .file_name()
                    .to_str()
                    .unwrap()
                    .parse()
                    .unwrap()
            })
            .collect();
        let limit = (0..).find(|number| !open.contains(number)).unwrap();
        let before = limits_of(pid);
        set_limits(pid, Some(limit), before.maximum);
        Exhausted { pid, before }
    }

    /// Bytes of memory that the process has now.
    pub(crate) fn memory_bytes(&self) -> u64 {
        let file = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(file).unwrap();
        let line = status
            .lines()
            .find(|line| line.starts_with("VmRSS:"))
            .unwrap();
        let kib: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
        kib << 10
    }

    /// An event with one show of these zones; returns the show's id.
    pub(crate) async fn open_show(
        &self,
        organizer: &str,
        limit: u32,
        hold_seconds: u32,
        zones: Value,
    ) -> String {
        let event = json!({
            "name": "Test", "starts_at": "2099-01-01T20:00:00Z", "max_tickets_per_user": limit,
        });
        let (status, body) = self.post(organizer, "/events", &event).await;
        assert_eq!(status, 201, "{body}");
        let event_id = body["data"]["event_id"].as_str().unwrap();
        let show = json!({
            "starts_at": "2099-01-01T20:00:00Z", "hold_seconds": hold_seconds, "zones": zones,
        });
        let (status, body) = self
            .post(organizer, &format!("/events/{event_id}/shows"), &show)
            .await;
        assert_eq!(status, 201, "{body}");
        body["data"]["show_id"].as_str().unwrap().to_owned()
    }
}

/// The values of a metric, of all its series or of the one with these labels.
pub(crate) fn metric(text: &str, name: &str) -> Vec<f64> {
    text.lines()
        .filter_map(|line| line.rsplit_once(' '))
        .filter(|(series, _)| {
            let rest = series.strip_prefix(name);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('{'))
        })
        .map(|(_, value)| value.parse().unwrap())
        .collect()
}

pub(crate) async fn answer(response: reqwest::Response) -> (u16, Value) {
    let status = response.status().as_u16();
    let text = response.text().await.unwrap();
    (
        status,
        serde_json::from_str(&text).unwrap_or(Value::String(text)),
    )
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(data: &Path, port: u16, env: &[(String, String)]) -> Child {
    std::fs::create_dir_all(data).unwrap();
    let log = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(data.join("server.log"))
        .unwrap();
    let limits = env.iter().find(|(name, _)| name == LIMITS);
    let mut command = onsale(data, port, env);
    if let Some((_, limits)) = limits {
        let mut shell = Command::new("sh");
        shell
            .arg("-c")
            .arg(format!("{limits} && exec \"$0\" \"$@\""));
        shell.arg(command.get_program());
        for (name, value) in command.get_envs() {
            shell.env(name, value.unwrap_or_default());
        }
        command = shell;
    }
    command
        .arg("serve")
        .stdin(Stdio::null())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap()
}
