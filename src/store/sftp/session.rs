//! One SFTP session over one channel of SSH: many requests at once, each answered by its number.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use russh::{ChannelMsg, ChannelReadHalf, ChannelWriteHalf, client::Msg};
use tokio::{
    sync::{
        OwnedSemaphorePermit, Semaphore, mpsc,
        oneshot::{self, error::TryRecvError},
    },
    task::AbortHandle,
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

use super::{
    fault::{SftpFault, SftpResult},
    features::Features,
    wire::{Reply, Request, packet},
};
use crate::text::escaped;

/// The most requests that wait for their answers.
const IN_FLIGHT_MAX: usize = 256;
/// The most messages that wait for the connection.
const QUEUE_MAX: usize = 8;
/// What is handed to the connection at once, so that a slow one is seen to move.
const PIECE_BYTES: usize = 64 << 10;
/// For so long a server may write its buffers to its disk without a sign of life from SFTP. That it lives is known from
/// SSH's own keep-alive.
const SYNC_MAX: Duration = Duration::from_secs(600);
/// What is kept of what a server says beside SFTP.
const WORDS_MAX: usize = 300;

/// A session. It ends when it is dropped.
pub(super) struct Session {
    queue: mpsc::Sender<(Bytes, Bytes)>,
    shared: Arc<Shared>,
    in_flight: Arc<Semaphore>,
    pub(super) features: Features,
    tasks: [AbortHandle; 2],
}

/// A request that is under way. Who drops it does without the answer.
pub(super) struct Answer(oneshot::Receiver<SftpResult<Reply>>);

struct Shared {
    waiting: Mutex<Waiting>,
    silence_max: Duration,
    /// Cancelled when the session is over: what waits for a server that takes nothing more would wait forever.
    over: CancellationToken,
}

struct Waiting {
    next: u32,
    requests: HashMap<u32, Waiter>,
    /// When the server last took or sent something, or was first asked again.
    moved: Instant,
    /// Requests to write buffers to a disk.
    syncs: u32,
    /// Why the session is over.
    end: Option<SftpFault>,
}

struct Waiter {
    answer: oneshot::Sender<SftpResult<Reply>>,
    /// What is opened for nobody has to be closed.
    opens: bool,
    syncs: bool,
    _in_flight: OwnedSemaphorePermit,
}

/// What a server sends over a channel.
pub(super) struct Incoming {
    channel: ChannelReadHalf,
    received: BytesMut,
    /// What the server says beside SFTP.
    words: Vec<u8>,
}

impl Incoming {
    pub(super) fn new(channel: ChannelReadHalf) -> Self {
        Self {
            channel,
            received: BytesMut::new(),
            words: Vec::new(),
        }
    }

    /// Waits until the server takes the subsystem. `false` if it has none of that name.
    pub(super) async fn accepted(&mut self) -> SftpResult<bool> {
        loop {
            if let Some(is_accepted) = self.receive().await? {
                return Ok(is_accepted);
            }
        }
    }

    /// Waits for the next message of the server.
    pub(super) async fn next(&mut self) -> SftpResult<Bytes> {
        loop {
            if let Some(packet) = packet(&mut self.received).map_err(SftpFault::protocol)? {
                return Ok(packet);
            }
            self.receive().await?;
        }
    }

    /// Waits for whatever comes next; returns whether a request of the channel was accepted. Safe to cancel.
    async fn receive(&mut self) -> SftpResult<Option<bool>> {
        match self.channel.wait().await {
            Some(ChannelMsg::Data { data }) => self.received.extend_from_slice(&data),
            Some(ChannelMsg::ExtendedData { data, .. }) => {
                let room = WORDS_MAX.saturating_sub(self.words.len());
                self.words.extend_from_slice(&data[..data.len().min(room)]);
            }
            Some(ChannelMsg::Success) => return Ok(Some(true)),
            Some(ChannelMsg::Failure) => return Ok(Some(false)),
            Some(ChannelMsg::Eof | ChannelMsg::Close) | None => return Err(self.ended()),
            Some(_) => {}
        }
        Ok(None)
    }

    fn ended(&self) -> SftpFault {
        let words = String::from_utf8_lossy(&self.words);
        match words.trim() {
            "" => SftpFault::lost("the server ended the connection"),
            words => SftpFault::lost(format!("the server ended the connection: {}", escaped(words))),
        }
    }
}

impl Session {
    /// Speaks SFTP on this channel from now on. `connection` is kept for as long.
    pub(super) fn start(
        incoming: Incoming,
        channel: ChannelWriteHalf<Msg>,
        connection: impl Send + 'static,
        features: Features,
        silence_max: Duration,
    ) -> Self {
        let (queue, messages) = mpsc::channel(QUEUE_MAX);
        let shared = Arc::new(Shared {
            waiting: Mutex::new(Waiting {
                next: 0,
                requests: HashMap::new(),
                moved: Instant::now(),
                syncs: 0,
                end: None,
            }),
            silence_max,
            over: CancellationToken::new(),
        });
        let reading = tokio::spawn(read(incoming, Arc::clone(&shared), queue.downgrade()));
        let writer = Arc::clone(&shared);
        let writing = tokio::spawn(async move {
            tokio::select! {
                () = writer.over.cancelled() => {}
                () = write(channel, messages, &writer) => {}
            }
            drop(connection);
        });
        Self {
            queue,
            shared,
            in_flight: Arc::new(Semaphore::new(IN_FLIGHT_MAX)),
            features,
            tasks: [reading.abort_handle(), writing.abort_handle()],
        }
    }

    /// Whether the connection is known to be lost.
    pub(super) fn is_over(&self) -> bool {
        self.shared.lock().end.is_some()
    }

    /// Sends a request, and doesn't wait for its answer. Waits while too many are under way. Safe to cancel: the
    /// request is sent completely or not at all.
    pub(super) async fn send(&self, request: Request) -> SftpResult<Answer> {
        self.send_as(request, false).await
    }

    async fn send_as(&self, request: Request, syncs: bool) -> SftpResult<Answer> {
        let permit = Arc::clone(&self.in_flight).acquire_owned().await;
        let (Ok(permit), Ok(place)) = (permit, self.queue.reserve().await) else {
            return Err(self.shared.end());
        };
        let (answer, receiver) = oneshot::channel();
        let waiter = Waiter {
            answer,
            opens: request.opens(),
            syncs,
            _in_flight: permit,
        };
        // nothing is awaited between the number and the queue, so that no answer is waited for in vain
        let id = self.shared.register(waiter)?;
        place.send(request.numbered(id));
        Ok(Answer(receiver))
    }

    /// Sends a request and waits for its answer.
    pub(super) async fn call(&self, request: Request) -> SftpResult<Reply> {
        self.send(request).await?.reply().await
    }

    /// Has a server write what it buffers for a file to its disk, which takes its time.
    pub(super) async fn send_sync(&self, handle: &[u8]) -> SftpResult<Answer> {
        self.send_as(Request::extended(super::features::FSYNC, &[handle]), true)
            .await
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}

impl Answer {
    /// Waits for the answer.
    pub(super) async fn reply(mut self) -> SftpResult<Reply> {
        self.wait().await
    }

    /// Waits for the answer, which is given once. Safe to cancel.
    pub(super) async fn wait(&mut self) -> SftpResult<Reply> {
        (&mut self.0).await.unwrap_or_else(|_| Err(given_up()))
    }

    /// The answer if it has come.
    pub(super) fn try_reply(&mut self) -> Option<SftpResult<Reply>> {
        match self.0.try_recv() {
            Ok(reply) => Some(reply),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Closed) => Some(Err(given_up())),
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn register(&self, waiter: Waiter) -> SftpResult<u32> {
        let mut waiting = self.lock();
        if let Some(end) = &waiting.end {
            return Err(end.clone());
        }
        if waiting.requests.is_empty() {
            waiting.moved = Instant::now();
        }
        let mut id = waiting.next;
        while waiting.requests.contains_key(&id) {
            id = id.wrapping_add(1);
        }
        waiting.next = id.wrapping_add(1);
        waiting.syncs += u32::from(waiter.syncs);
        waiting.requests.insert(id, waiter);
        Ok(id)
    }

    /// Hands an answer to whoever waits for it. Returns what was opened for nobody.
    fn deliver(&self, id: u32, reply: Reply) -> SftpResult<Option<Bytes>> {
        let waiter = {
            let mut waiting = self.lock();
            waiting.moved = Instant::now();
            let waiter = waiting.requests.remove(&id);
            waiting.syncs -= waiter.as_ref().map_or(0, |waiter| u32::from(waiter.syncs));
            waiter
        };
        let waiter = waiter.ok_or_else(|| SftpFault::protocol("it answers what it was not asked"))?;
        match waiter.answer.send(Ok(reply)) {
            Err(Ok(Reply::Handle(handle))) if waiter.opens => Ok(Some(handle)),
            _ => Ok(None),
        }
    }

    fn moved(&self) {
        self.lock().moved = Instant::now();
    }

    /// When the server will have been silent for too long, if it owes an answer.
    fn silent_at(&self) -> Option<Instant> {
        let waiting = self.lock();
        let patience = match waiting.syncs {
            0 => self.silence_max,
            _ => self.silence_max.max(SYNC_MAX),
        };
        (!waiting.requests.is_empty()).then(|| waiting.moved + patience)
    }

    fn fail(&self, fault: SftpFault) {
        let waiters = {
            let mut waiting = self.lock();
            waiting.end.get_or_insert_with(|| fault.clone());
            std::mem::take(&mut waiting.requests)
        };
        self.over.cancel();
        for waiter in waiters.into_values() {
            drop(waiter.answer.send(Err(fault.clone())));
        }
    }

    fn end(&self) -> SftpFault {
        let end = self.lock().end.clone();
        end.unwrap_or_else(given_up)
    }
}

fn given_up() -> SftpFault {
    SftpFault::lost("the connection was given up")
}

/// Reads answers until the connection ends or is silent for too long.
async fn read(mut incoming: Incoming, shared: Arc<Shared>, closer: mpsc::WeakSender<(Bytes, Bytes)>) {
    let fault = loop {
        if let Err(fault) = take_all(&mut incoming, &shared, &closer) {
            break fault;
        }
        let deadline = shared
            .silent_at()
            .unwrap_or_else(|| Instant::now() + shared.silence_max);
        tokio::select! {
            received = incoming.receive() => match received {
                Ok(_) => shared.moved(),
                Err(fault) => break fault,
            },
            () = sleep_until(deadline) => {
                if shared.silent_at().is_some_and(|at| at <= Instant::now()) {
                    break SftpFault::silent(shared.silence_max.as_secs());
                }
            }
        }
    };
    shared.fail(fault);
}

fn take_all(incoming: &mut Incoming, shared: &Shared, closer: &mpsc::WeakSender<(Bytes, Bytes)>) -> SftpResult<()> {
    while let Some(packet) = packet(&mut incoming.received).map_err(SftpFault::protocol)? {
        let (id, reply) = Reply::parse(packet).map_err(SftpFault::protocol)?;
        let unclaimed = shared.deliver(id, reply)?;
        if let (Some(handle), Some(queue)) = (unclaimed, closer.upgrade()) {
            close_unclaimed(shared, &queue, &handle);
        }
    }
    Ok(())
}

/// Closes what was opened for somebody who has gone. If the queue is full, it stays open as long as the session.
fn close_unclaimed(shared: &Shared, queue: &mpsc::Sender<(Bytes, Bytes)>, handle: &[u8]) {
    let permit = Arc::new(Semaphore::new(1)).try_acquire_owned();
    let (Ok(place), Ok(permit)) = (queue.try_reserve(), permit) else {
        return;
    };
    let waiter = Waiter {
        answer: oneshot::channel().0,
        opens: false,
        syncs: false,
        _in_flight: permit,
    };
    if let Ok(id) = shared.register(waiter) {
        place.send(Request::close(handle).numbered(id));
    }
}

/// Writes requests, each completely, in their order.
async fn write(channel: ChannelWriteHalf<Msg>, mut queue: mpsc::Receiver<(Bytes, Bytes)>, shared: &Shared) {
    while let Some((head, body)) = queue.recv().await {
        let mut pieces = vec![head];
        let mut at = 0;
        while at < body.len() {
            let end = body.len().min(at + PIECE_BYTES);
            pieces.push(body.slice(at..end));
            at = end;
        }
        for piece in pieces {
            if channel.data_bytes(piece).await.is_err() {
                shared.fail(SftpFault::lost("the connection to the server broke"));
                return;
            }
            shared.moved();
        }
    }
}
