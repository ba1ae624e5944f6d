//! A mail server of tests that says what it is told to.

use std::net::SocketAddr;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// A mail server that answers each line of a session with the next reply. It ends when this is dropped.
pub(crate) struct Scripted {
    pub(crate) address: SocketAddr,
    serving: JoinHandle<()>,
}

impl Scripted {
    /// Starts one that hangs up on the first connections, and talks on the next.
    pub(crate) async fn serve(hung_up: usize, replies: &[&'static str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let replies = replies.to_vec();
        let serving = tokio::spawn(async move {
            for _ in 0..hung_up {
                drop(listener.accept().await.unwrap());
            }
            let (stream, _) = listener.accept().await.unwrap();
            let mut stream = BufReader::new(stream);
            for reply in replies {
                let reply = format!("{reply}\r\n");
                stream.write_all(reply.as_bytes()).await.unwrap();
                let mut line = String::new();
                if stream.read_line(&mut line).await.unwrap() == 0 {
                    return;
                }
            }
        });
        Self { address, serving }
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.serving.abort();
    }
}
