//! One connection's two duties: write what waits for the peer, read what it sends.

use crate::counters::Counters;
use crate::network::NetworkEvent;
use crate::network::bucket::{Bucket, Rate};
use crate::network::frame::{self, FrameError};
use crate::network::outbox::Outbox;
use futures::io::{BufReader, BufWriter};
use futures::{AsyncRead, AsyncWrite, AsyncWriteExt};
use linli_types::id::PublicKey;
use linli_types::limits;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::{Semaphore, mpsc, watch};

/// After this long without a message an empty frame says that we live.
pub(crate) const ALIVE: Duration = Duration::from_secs(5);
/// Bytes gathered before a write or a read reaches the stream.
const BUFFER_BYTES: usize = 64 * 1024;
/// KiB that one peer may have waiting for the driver (P2): two of the largest messages.
pub(crate) const SHARE_KIB: usize = 2 * limits::MESSAGE_BYTES_MAX / 1024;

/// Writes messages as they come, and an empty frame now and then. Ends only with the stream.
pub(crate) async fn write(
    stream: impl AsyncWrite + Unpin,
    outbox: Arc<Outbox>,
    counters: Arc<Counters>,
) -> io::Result<()> {
    let mut stream = BufWriter::with_capacity(BUFFER_BYTES, stream);
    loop {
        let mut any = false;
        while let Some(message) = outbox.pop() {
            frame::write(&mut stream, &message).await?;
            counters.messages_out.add(1);
            counters.bytes_out.add(message.len() as u64);
            any = true;
        }
        if any {
            stream.flush().await?;
        }
        if tokio::time::timeout(ALIVE, outbox.filled()).await.is_err() {
            frame::write(&mut stream, &[]).await?;
            stream.flush().await?;
        }
    }
}

/// What a reader needs besides its stream.
pub(crate) struct Reading {
    /// Who the peer is to the driver: a validator may get a new key.
    pub(crate) from: watch::Receiver<PublicKey>,
    pub(crate) rate: Rate,
    pub(crate) share: Arc<Semaphore>,
    pub(crate) events: mpsc::Sender<NetworkEvent>,
    pub(crate) counters: Arc<Counters>,
    /// Set with every frame; whoever watches for silence clears it.
    pub(crate) heard: Arc<AtomicBool>,
}

/// Reads messages, no faster than the peer's rate and share allow (P2). Ends with the stream, with
/// the driver, or with a frame that breaks the framing.
pub(crate) async fn read(
    stream: impl AsyncRead + Unpin,
    reading: Reading,
) -> Result<(), FrameError> {
    let mut stream = BufReader::with_capacity(BUFFER_BYTES, stream);
    let mut bucket = Bucket::new(reading.rate, Instant::now());
    loop {
        let bytes = frame::read(&mut stream).await?;
        reading.heard.store(true, Ordering::Relaxed);
        reading.counters.bytes_in.add(bytes.len() as u64);
        let wait = bucket.take(Instant::now(), bytes.len());
        if !wait.is_zero() {
            reading.counters.throttled.add(1);
            tokio::time::sleep(wait).await;
        }
        if bytes.is_empty() {
            continue;
        }
        reading.counters.messages_in.add(1);
        let kib = u32::try_from(bytes.len().div_ceil(1024)).unwrap_or(u32::MAX);
        let Ok(share) = reading.share.clone().acquire_many_owned(kib).await else { return Ok(()) };
        let from = *reading.from.borrow();
        let received = NetworkEvent::Received { from, bytes, share };
        if reading.events.send(received).await.is_err() {
            return Ok(());
        }
    }
}
