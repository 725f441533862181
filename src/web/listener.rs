use std::{sync::Arc, time::Duration};

use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};
use tokio_util::task::TaskTracker;

use super::Answers;

/// How many connections at once: scrapers and probes are a handful, and each costs some memory.
const CONNECTIONS: usize = 64;
/// How long a request's head may take.
const HEAD: Duration = Duration::from_secs(5);
/// How long a connection may take with everything; it serves one request.
const WHOLE: Duration = Duration::from_secs(15);
/// Requests here have no body and few headers.
const BUFFER_BYTES: usize = 16 << 10;
/// After a failed accept, where descriptors may have run out.
const PAUSE: Duration = Duration::from_millis(200);

/// Answers on `listener` until `shutdown`; then what is being answered has some time to end.
pub async fn serve(listener: TcpListener, answers: Answers, shutdown: impl Future<Output = ()>) {
    let app = answers.router();
    let (slots, tracker) = (Arc::new(Semaphore::new(CONNECTIONS)), TaskTracker::new());
    tokio::pin!(shutdown);
    loop {
        let slot = Arc::clone(&slots).acquire_owned();
        let (stream, slot) = tokio::select! {
            () = &mut shutdown => break,
            // no slot free: nobody is accepted until one is, and the kernel's queue holds the others
            accepted = async { (slot.await, listener.accept().await) } => match accepted {
                (Ok(slot), Ok((stream, _))) => (stream, slot),
                _ => {
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
            },
        };
        let app = app.clone();
        tracker.spawn(async move {
            answer(stream, app).await;
            drop(slot);
        });
    }
    drop(listener);
    tracker.close();
    let _ = tokio::time::timeout(HEAD, tracker.wait()).await;
}

async fn answer(stream: TcpStream, app: axum::Router) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        // a connection that is kept may break under the next request, which then looks like a failure of ours
        .keep_alive(false)
        .max_buf_size(BUFFER_BYTES);
    let connection = http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(app));
    // whoever reads or writes too slowly is cut off; there is nobody to tell
    let _ = tokio::time::timeout(WHOLE, connection).await;
}
