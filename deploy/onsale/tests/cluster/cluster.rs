//! The cluster under test: `deploy/cluster.sh` in a folder and on ports of its own.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;
use uuid::Uuid;

use crate::tokens::{self, token};

/// Partitions of the log.
pub(crate) const PARTITIONS: usize = 4;
/// Nothing here takes longer unless it is broken.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);
/// All ports of a cluster are within this distance of the first one.
const PORTS: u16 = 450;
/// Below the ports that systems give to outgoing connections.
const FIRST_PORT: u16 = 15_000;
const LAST_PORT: u16 = 31_000;

#[derive(Clone)]
pub(crate) struct Cluster {
    inner: Arc<Inner>,
}

struct Inner {
    folder: PathBuf,
    port: u16,
    http: reqwest::Client,
    operator: String,
    /// Settings of every process.
    settings: Vec<(String, String)>,
}

impl Cluster {
    /// A cluster that is ready, gone when the last of its copies is.
    pub(crate) async fn up() -> Self {
        Self::up_with(&[]).await
    }

    /// With these variables for every process.
    pub(crate) async fn up_with(settings: &[(&str, &str)]) -> Self {
        let port = free_ports();
        let folder =
            std::env::temp_dir().join(format!("onsale-cluster-{}", Uuid::new_v4().simple()));
        let cluster = Self {
            inner: Arc::new(Inner {
                folder,
                port,
                http: crate::http_client::builder(None)
                    .timeout(Duration::from_secs(10))
                    .build()
                    .unwrap(),
                operator: token("operator", Uuid::from_u128(1)),
                settings: settings
                    .iter()
                    .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                    .collect(),
            }),
        };
        let began = Instant::now();
        print!("{}", cluster.script(&["up"]).await);
        println!("up after {:.1} s", began.elapsed().as_secs_f64());
        cluster
    }

    /// Runs a verb of the script and returns its output. Panics with its error.
    pub(crate) async fn script(&self, args: &[&str]) -> String {
        let (is_well, output) = self.try_script(args).await;
        assert!(is_well, "cluster.sh {args:?}: {output}");
        output
    }

    /// Runs a verb of the script; returns whether it succeeded, and its output.
    pub(crate) async fn try_script(&self, args: &[&str]) -> (bool, String) {
        let inner = Arc::clone(&self.inner);
        let args: Vec<String> = args.iter().map(|arg| (*arg).to_owned()).collect();
        tokio::task::spawn_blocking(move || {
            let output = inner.run(&args);
            let mut text = String::from_utf8(output.stdout).unwrap();
            if !output.status.success() {
                text.push_str(&String::from_utf8_lossy(&output.stderr));
            }
            (output.status.success(), text)
        })
        .await
        .unwrap()
    }

    /// Brings back what a failed fault left behind.
    pub(crate) async fn start_everything(&self) {
        for node in [
            "processor-1",
            "processor-2",
            "ingress-1",
            "ingress-2",
            "projector-1",
        ] {
            // One that is not running cannot be resumed, and needs not be.
            let _not_running = self.inner.run(&["resume".to_owned(), node.to_owned()]);
        }
        self.script(&["up"]).await;
    }

    /// Copies the logs of all nodes to where they survive the cluster.
    pub(crate) fn keep_logs(&self, name: &str) {
        let kept = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name.replace(' ', "-"));
        std::fs::create_dir_all(&kept).unwrap();
        for node in std::fs::read_dir(&self.inner.folder).unwrap().flatten() {
            for file in std::fs::read_dir(node.path())
                .into_iter()
                .flatten()
                .flatten()
            {
                if file.path().extension().is_some_and(|end| end == "log") {
                    let _gone = std::fs::copy(file.path(), kept.join(file.file_name()));
                }
            }
        }
        eprintln!("logs are in {}", kept.display());
    }

    /// URLs of the ingress nodes.
    pub(crate) fn ingresses(&self) -> [String; 2] {
        ["ingress-1", "ingress-2"].map(|node| self.url(node))
    }

    /// Where a node is reached.
    fn url(&self, node: &str) -> String {
        let (role, number) = node.split_once('-').unwrap();
        let first = match role {
            "ingress" => 80,
            "processor" => 70,
            "projector" => 60,
            other => panic!("no node is a {other}"),
        };
        let number: u16 = number.parse().unwrap();
        format!("http://127.0.0.1:{}", self.inner.port + first + number)
    }

    /// Where its operations listener is reached, as `cluster.sh` has it.
    fn operations_url(&self, node: &str) -> String {
        let url = self.url(node);
        let (host, port) = url.rsplit_once(':').unwrap();
        format!("{host}:{}", port.parse::<u16>().unwrap() + 100)
    }

    /// Where the database is reached.
    pub(crate) fn database_url(&self) -> String {
        let port = self.inner.port + 432;
        format!("postgres://postgres@127.0.0.1:{port}/postgres")
    }

    /// Where brokers are reached, the first three of them.
    pub(crate) fn brokers(&self) -> String {
        let brokers = [92, 94, 96].map(|at| format!("127.0.0.1:{}", self.inner.port + at));
        brokers.join(",")
    }

    /// Where Redis is reached.
    pub(crate) fn redis_url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.inner.port + 379)
    }

    /// Ports for a process that the script does not know of.
    pub(crate) fn ports_of_others(&self) -> (u16, u16) {
        (self.inner.port + 50, self.inner.port + 51)
    }

    /// Settings of such a process, as the script gives them to its own.
    pub(crate) fn variables(&self) -> Vec<(String, String)> {
        let mut variables = vec![
            ("ONSALE_KAFKA__BROKERS".to_owned(), self.brokers()),
            ("ONSALE_DATABASE__URL".to_owned(), self.database_url()),
            ("ONSALE_REDIS__URL".to_owned(), self.redis_url()),
            (
                "ONSALE_CLUSTER__PROCESSORS".to_owned(),
                "processor-1,processor-2".to_owned(),
            ),
            ("ONSALE_LOG__PARTITIONS".to_owned(), PARTITIONS.to_string()),
            ("ONSALE_RATE_LIMIT__ENABLED".to_owned(), "false".to_owned()),
            ("ONSALE_PAYMENTS__SIMULATED".to_owned(), "true".to_owned()),
        ];
        variables.extend(tokens::settings(&self.inner.folder));
        variables.extend(self.inner.settings.iter().cloned());
        variables
    }

    /// What a node has logged so far.
    pub(crate) fn log(&self, node: &str) -> String {
        std::fs::read_to_string(self.folder(node).join(format!("{node}.log"))).unwrap()
    }

    /// (status, what it says) of the readiness of a server; 0 where none answers.
    pub(crate) async fn readiness(&self, url: &str) -> (u16, String) {
        let asked = self.inner.http.get(format!("{url}/health/ready"));
        match asked.send().await {
            Ok(response) => {
                let status = response.status().as_u16();
                (status, response.text().await.unwrap_or_default())
            }
            Err(_) => (0, String::new()),
        }
    }

    /// Folder of a node.
    pub(crate) fn folder(&self, node: &str) -> PathBuf {
        self.inner.folder.join(node)
    }

    /// What a node reports to Prometheus.
    pub(crate) async fn metrics(&self, node: &str) -> String {
        let url = format!("{}/metrics", self.operations_url(node));
        let response = self.inner.http.get(url).send().await.unwrap();
        response.error_for_status().unwrap().text().await.unwrap()
    }

    /// The owner of each partition, waiting until each has one.
    pub(crate) async fn owners(&self) -> Vec<String> {
        let began = Instant::now();
        loop {
            for ingress in self.ingresses() {
                if let Some(owners) = self.owners_at(&ingress).await {
                    return owners;
                }
            }
            assert!(began.elapsed() < PATIENCE, "a partition has no owner");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    async fn owners_at(&self, ingress: &str) -> Option<Vec<String>> {
        let partitions = self.partitions(ingress).await?;
        let owner = |partition: &Value| partition["owner"].as_str().map(str::to_owned);
        partitions.as_array()?.iter().map(owner).collect()
    }

    /// What an ingress says of the partitions.
    pub(crate) async fn partitions(&self, ingress: &str) -> Option<Value> {
        let response = self
            .inner
            .http
            .get(format!("{ingress}/api/v1/partitions"))
            .bearer_auth(&self.inner.operator)
            .send()
            .await
            .ok()?;
        let body: Value = serde_json::from_str(&response.text().await.ok()?).ok()?;
        Some(body["data"].clone())
    }

    /// Moves every partition to a node.
    pub(crate) async fn hand_over(&self, to: &str) {
        let body = serde_json::json!({ "to": to });
        let response = self
            .inner
            .http
            .post(format!("{}/api/v1/admin/failover", self.ingresses()[0]))
            .bearer_auth(&self.inner.operator)
            .json(&body)
            .send()
            .await
            .unwrap();
        let status = response.status();
        let text = response.text().await.unwrap();
        assert!(status.is_success(), "{status} {text}");
    }
}

impl Inner {
    fn run(&self, args: &[String]) -> Output {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../cluster.sh");
        std::process::Command::new(script)
            .args(args)
            .env("ONSALE_BINARY", binary())
            .env("ONSALE_CLUSTER_DIR", &self.folder)
            .env("ONSALE_CLUSTER_PORT", self.port.to_string())
            .env("ONSALE_LOG__PARTITIONS", PARTITIONS.to_string())
            .env("ONSALE_RATE_LIMIT__ENABLED", "false")
            .envs(tokens::settings(&self.folder))
            // For the verbs: no token can be minted with a public key.
            .env("ONSALE_TOKEN", &self.operator)
            .envs(self.settings.iter().map(|(name, value)| (name, value)))
            .output()
            .unwrap()
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        let output = self.run(&["down".to_owned(), "--wipe".to_owned()]);
        if !output.status.success() {
            eprintln!(
                "the cluster stays behind: {}",
                String::from_utf8_lossy(&output.stderr)
            );
        }
    }
}

/// The program under test.
pub(crate) fn binary() -> std::ffi::OsString {
    std::env::var_os("ONSALE_BINARY").unwrap_or_else(|| env!("CARGO_BIN_EXE_onsale").into())
}

/// The first port of a free range.
fn free_ports() -> u16 {
    let seed = u16::try_from(std::process::id() % 30).unwrap();
    let stretches = (LAST_PORT - FIRST_PORT) / 500;
    for i in 0..stretches {
        let first = FIRST_PORT + (seed + i) % stretches * 500;
        let free = |port: u16| TcpListener::bind(("127.0.0.1", port)).is_ok();
        if (first..first + PORTS).all(free) {
            return first;
        }
    }
    panic!("no {PORTS} free ports in a row");
}

/// A metric over all its labels; `None` when there is none of that name.
pub(crate) fn sum(metrics: &str, name: &str) -> Option<f64> {
    let values = metrics.lines().filter_map(|line| {
        let (series, value) = line.rsplit_once(' ')?;
        let of = series.split('{').next()?;
        (of == name).then(|| value.parse::<f64>().unwrap())
    });
    values.reduce(|sum, value| sum + value)
}
