use std::{io, time::Duration};

use axum::Router;
use hyper::{Request, body::Incoming, server::conn::http1, service::Service as _};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::TaskTracker;

use super::{
    Answers, Peer,
    connections::{ConnectionPlace, Connections},
};

/// Requests here have few headers, and bodies of short forms.
const BUFFER_BYTES: usize = 16 << 10;
/// After a failed accept, where descriptors may have run out.
const PAUSE: Duration = Duration::from_millis(200);

/// What a client may take.
#[derive(Debug, Clone, Copy)]
struct Limits {
    /// The most connections at once: scrapers and probes are a handful, and each costs some memory.
    connections: usize,
    /// How long the head of a request may take, from the beginning of the connection.
    head: Duration,
    /// How long a connection may last; it serves one request. A page waits a part of that for the bucket.
    whole: Duration,
}

const LIMITS: Limits = Limits {
    connections: 128,
    head: Duration::from_secs(5),
    whole: Duration::from_secs(15),
};

/// Answers on `listener` until `shutdown`, also with `pages` where there are some; then what is being answered has some
/// time to end. The pages find the address of the client as a [`Peer`].
pub async fn serve(listener: TcpListener, answers: Answers, pages: Option<Router>, shutdown: impl Future<Output = ()>) {
    let app = match pages {
        Some(pages) => answers.router().merge(pages),
        None => answers.router(),
    };
    serve_within(LIMITS, listener, app, shutdown).await;
}

async fn serve_within(limits: Limits, listener: TcpListener, app: Router, shutdown: impl Future<Output = ()>) {
    let (connections, tracker) = (Connections::new(limits.connections), TaskTracker::new());
    tokio::pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            () = &mut shutdown => break,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            // nobody can have the others wait by hanging up before he is accepted
            Err(error) if is_of_one_client(&error) => continue,
            Err(_) => {
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        let place = connections.admit(peer.ip());
        tracker.spawn(answer(stream, app.clone(), limits, (Peer(peer.ip()), place)));
    }
    drop(listener);
    tracker.close();
    let _ = tokio::time::timeout(limits.head, tracker.wait()).await;
}

fn is_of_one_client(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

async fn answer(stream: TcpStream, app: Router, limits: Limits, (peer, place): (Peer, ConnectionPlace)) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        // a connection that is kept may break under the next request, which then looks like a failure of ours
        .keep_alive(false)
        .max_buf_size(BUFFER_BYTES);
    let app = TowerToHyperService::new(app);
    let with_peer = hyper::service::service_fn(|mut request: Request<Incoming>| {
        request.extensions_mut().insert(peer);
        app.call(request)
    });
    let connection = http.serve_connection(TokioIo::new(stream), with_peer);
    // whoever reads or writes too slowly is cut off; there is nobody to tell
    tokio::select! {
        _ = tokio::time::timeout(limits.whole, connection) => {}
        () = place.evicted() => {}
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;
    use crate::{
        metrics::Monitor,
        operation::{Clock, Progress},
        web::Readers,
    };

    /// Far more than a test takes: what waits for one of them never ends.
    const HOURS: Duration = Duration::from_secs(36_000);

    /// Serves for the rest of the test.
    async fn serving() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let limits = Limits {
            head: HOURS,
            whole: HOURS,
            ..LIMITS
        };
        let answers = Answers {
            monitor: Monitor::new(&[], Progress::default(), HOURS, HOURS),
            readers: Readers::ThisMachine,
            clock: Clock::system(),
        };
        tokio::spawn(serve_within(limits, listener, answers.router(), std::future::pending()));
        address
    }

    async fn connect(address: SocketAddr, begun: &[u8]) -> TcpStream {
        let mut stream = TcpStream::connect(address).await.unwrap();
        // it may have been evicted already
        let _ = stream.write_all(begun).await;
        stream
    }

    async fn ask(address: SocketAddr, request: &[u8]) -> String {
        let mut stream = connect(address, request).await;
        let mut said = String::new();
        stream.read_to_string(&mut said).await.unwrap();
        said
    }

    const PROBE: &[u8] = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";

    #[tokio::test]
    async fn slow_clients_keep_no_probe_waiting() {
        let address = serving().await;
        let mut slow = Vec::new();
        for begun in [
            &b""[..],
            b"GET",
            b"GET /healthz HTTP/1.1\r\nX-Slow: ",
            b"POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n",
        ] {
            for _ in 0..50 {
                slow.push(connect(address, begun).await);
            }
            let said = ask(address, PROBE).await;
            assert!(said.starts_with("HTTP/1.1 200 "), "{said}");
        }
        // all 200 were slower than any limit, and those that were evicted are the oldest ones
        let last = slow.last_mut().unwrap();
        last.write_all(b"\r\n").await.unwrap();
        let mut said = String::new();
        last.read_to_string(&mut said).await.unwrap();
        assert!(said.starts_with("HTTP/1.1 405 "), "{said}");
        let mut nothing = String::new();
        let _ = slow[0].read_to_string(&mut nothing).await;
        assert_eq!(nothing, "");
    }

    #[tokio::test]
    async fn a_connection_serves_one_request_however_many_come() {
        let address = serving().await;
        let said = ask(address, &PROBE.repeat(200)).await;
        assert_eq!(said.matches("HTTP/1.1 ").count(), 1, "{said}");
    }
}
