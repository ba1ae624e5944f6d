//! Processes that stand still, that are there twice, or that may open next to no files.

use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::cluster::{Cluster, PATIENCE, sum};
use crate::load::Load;

const PROCESSORS: [&str; 2] = ["processor-1", "processor-2"];
/// Open files of a process that may have next to none.
const OPEN_FILES_FEW: u32 = 64;
/// Connections to it, more than it could ever have.
const CONNECTIONS: usize = 100;

/// Waits until it is so; what it waits for is said if it never is.
macro_rules! until {
    ($what:expr, $is_so:expr) => {
        let began = Instant::now();
        while !$is_so {
            assert!(began.elapsed() < PATIENCE, "never: {}", $what);
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
}

/// No record is applied: the ingresses report it, and once it is over so does each processor that
/// was paused.
pub(crate) async fn processors_paused(cluster: &Cluster, load: &Load) {
    load.forget_gaps();
    for node in PROCESSORS {
        cluster.script(&["pause", node]).await;
    }
    for ingress in cluster.ingresses() {
        until!(format!("{ingress} is not ready"), {
            cluster.readiness(&ingress).await.0 == 503
        });
        let (_, said) = cluster.readiness(&ingress).await;
        assert!(said.contains("no living node owns"), "{said}");
    }
    for node in PROCESSORS {
        cluster.script(&["resume", node]).await;
    }
    for node in PROCESSORS {
        until!(format!("{node} says that it stood still"), {
            let metrics = cluster.metrics(node).await;
            sum(&metrics, "onsale_node_stalls_total").is_some_and(|stalls| stalls >= 1.0)
        });
        assert!(
            cluster.log(node).contains("this node stood still"),
            "{node}"
        );
    }
    for ingress in cluster.ingresses() {
        until!(format!("{ingress} is ready again"), {
            cluster.readiness(&ingress).await.0 == 200
        });
    }
    load.progress().await;
    load.note_gap("SIGSTOP of both processors, and SIGCONT", |_| true);
}

/// A second process with the id of a node: all nodes report it, and the data stays right.
pub(crate) async fn node_id_twice(cluster: &Cluster, load: &Load) {
    let _twin = Process::start(cluster, "twin", &[("ONSALE_NODE__ID", "processor-2")], None);
    let said = "several processes run with node.id processor-2";
    for node in ["ingress-1", "processor-1"] {
        until!(format!("{node} reports two processes"), {
            cluster.log(node).contains(said)
        });
    }
    for verb in ["status", "doctor"] {
        until!(format!("{verb} reports two processes"), {
            cluster.try_script(&["onsale", verb]).await.1.contains(said)
        });
    }
    load.progress().await;
}

/// An ingress that may open next to no files starts, or says why not; clients do not end it.
pub(crate) async fn ingress_with_few_files(cluster: &Cluster, load: &Load) {
    let roles = [
        ("ONSALE_NODE__ID", "ingress-3"),
        ("ONSALE_NODE__ROLES", "ingress"),
    ];
    let mut process = Process::start(cluster, "few-files", &roles, Some(OPEN_FILES_FEW));
    until!("it serves, or says why not", {
        process.has_ended() || TcpStream::connect(("127.0.0.1", process.port)).is_ok()
    });
    if process.has_ended() {
        let said = process.log();
        assert!(said.contains("file descriptors"), "{said}");
        return;
    }
    let clients: Vec<TcpStream> = (0..CONNECTIONS)
        .filter_map(|_| TcpStream::connect(("127.0.0.1", process.port)).ok())
        .collect();
    load.progress().await;
    assert!(!process.has_ended(), "{}", process.log());
    drop(clients);
    let url = format!("http://127.0.0.1:{}", process.port);
    until!("it answers again", { cluster.readiness(&url).await.0 != 0 });
    assert!(!process.has_ended(), "{}", process.log());
}

/// A process of the cluster that its script does not know of.
struct Process {
    child: Child,
    port: u16,
    log: std::path::PathBuf,
}

impl Process {
    /// A processor unless the variables say something else.
    fn start(
        cluster: &Cluster,
        name: &str,
        variables: &[(&str, &str)],
        open_files: Option<u32>,
    ) -> Self {
        let folder = cluster.folder(name);
        std::fs::create_dir_all(&folder).unwrap();
        let log = folder.join(format!("{name}.log"));
        let file = std::fs::File::create(&log).unwrap();
        let (port, operations) = cluster.ports_of_others();
        // The shell becomes what it starts.
        let limit = open_files.map_or(String::new(), |files| format!("ulimit -n {files} && "));
        let child = Command::new("sh")
            .args(["-c", &format!("{limit}exec \"$0\" serve")])
            .arg(crate::cluster::binary())
            .envs(cluster.variables())
            .env("ONSALE_NODE__ROLES", "processor")
            .env("ONSALE_DATA__DIR", folder.join("data"))
            .env("ONSALE_HTTP__LISTEN", format!("127.0.0.1:{port}"))
            .env(
                "ONSALE_HTTP__OPERATIONS_LISTEN",
                format!("127.0.0.1:{operations}"),
            )
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(file.try_clone().unwrap())
            .stderr(file)
            .spawn()
            .unwrap();
        Self { child, port, log }
    }

    fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _status = self.child.wait();
    }
}
