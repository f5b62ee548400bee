//! Accepting connections of clients: a place for each, and no place for those that say nothing.
//!
//! # Invariants
//!
//! - **C1 bounded.** A connection holds a place until it is closed; without one it stays in the
//!   system's queue, which is bounded too.
//! - **C2 no silence.** A connection that says nothing at first, or lasts longer than it may, ends.
//! - **C3 no spin.** When the system refuses to accept (no descriptor is left), we pause.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Sleep;
use tonic::transport::server::Connected;

/// Pause after the system refused to accept.
const PAUSE: Duration = Duration::from_millis(100);

/// How long a connection may last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Patience {
    /// As long as it likes once it has said something; this long until then.
    UntilHeard(Duration),
    /// This long altogether.
    Whole(Duration),
}

/// Where a request came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct From(pub(crate) IpAddr);

/// A listener with places.
pub(crate) struct Places {
    listener: TcpListener,
    places: Arc<Semaphore>,
    patience: Patience,
}

/// A connection and its place.
pub(crate) struct Held {
    stream: TcpStream,
    from: IpAddr,
    /// When it ends, if nothing happens before.
    deadline: Option<Pin<Box<Sleep>>>,
    patience: Patience,
    _place: OwnedSemaphorePermit,
}

impl Places {
    pub(crate) fn new(listener: TcpListener, connections_max: usize, patience: Patience) -> Self {
        Self { listener, places: Arc::new(Semaphore::new(connections_max)), patience }
    }

    /// The next connection.
    pub(crate) async fn next(&mut self) -> (Held, SocketAddr) {
        loop {
            let place = self.places.clone().acquire_owned().await; // C1
            let place = place.expect("the places are never closed");
            match self.listener.accept().await {
                Ok((stream, address)) => {
                    // Small answers leave at once.
                    let _ = stream.set_nodelay(true);
                    return (Held::new(stream, address.ip(), self.patience, place), address);
                }
                Err(why) => {
                    tracing::warn!(%why, "listen.connection.refuse");
                    tokio::time::sleep(PAUSE).await; // C3
                }
            }
        }
    }
}

impl axum::serve::Listener for Places {
    type Io = Held;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Held, SocketAddr) {
        self.next().await
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

impl Held {
    fn new(
        stream: TcpStream,
        from: IpAddr,
        patience: Patience,
        place: OwnedSemaphorePermit,
    ) -> Self {
        let (Patience::UntilHeard(wait) | Patience::Whole(wait)) = patience;
        let deadline = Some(Box::pin(tokio::time::sleep(wait)));
        Self { stream, from, deadline, patience, _place: place }
    }

    /// C2.
    fn check(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        let deadline = self.deadline.as_mut().map(|deadline| deadline.as_mut().poll(context));
        match deadline {
            Some(Poll::Ready(())) => Err(io::ErrorKind::TimedOut.into()),
            Some(Poll::Pending) | None => Ok(()),
        }
    }
}

impl Connected for Held {
    type ConnectInfo = From;

    fn connect_info(&self) -> From {
        From(self.from)
    }
}

impl AsyncRead for Held {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check(context)?;
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if read.is_ready() && matches!(self.patience, Patience::UntilHeard(_)) {
            self.deadline = None;
        }
        read
    }
}

impl AsyncWrite for Held {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.check(context)?;
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.check(context)?;
        Pin::new(&mut self.stream).poll_write_vectored(context, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;
    use std::future::poll_fn;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    const LONG: Duration = Duration::from_secs(600);

    async fn places(connections_max: usize, patience: Patience) -> (Places, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        (Places::new(listener, connections_max, patience), address)
    }

    #[tokio::test]
    async fn beyond_the_places_nobody_is_accepted_until_one_leaves() {
        let (mut places, address) = places(2, Patience::Whole(LONG)).await;
        let mut clients = Vec::new();
        let mut held = Vec::new();
        for _ in 0..2 {
            clients.push(TcpStream::connect(address).await.unwrap());
            held.push(places.next().await);
        }
        clients.push(TcpStream::connect(address).await.unwrap());
        // It is in the system's queue: only the place is missing.
        assert!(places.next().now_or_never().is_none());
        held.pop();
        let (_, from) = places.next().await;
        assert_eq!(from, clients[2].local_addr().unwrap());
    }

    #[tokio::test]
    async fn a_connection_that_says_nothing_ends() {
        for patience in [Patience::UntilHeard(Duration::ZERO), Patience::Whole(Duration::ZERO)] {
            let (mut places, address) = places(1, patience).await;
            let _silent = TcpStream::connect(address).await.unwrap();
            let (mut held, _) = places.next().await;
            poll_fn(|context| held.deadline.as_mut().unwrap().as_mut().poll(context)).await;
            let ended = held.read_u8().await.unwrap_err();
            assert_eq!(ended.kind(), io::ErrorKind::TimedOut);
        }
    }

    #[tokio::test]
    async fn one_that_has_spoken_may_stay_unless_its_whole_time_is_counted() {
        for patience in [Patience::UntilHeard(LONG), Patience::Whole(LONG)] {
            let (mut places, address) = places(1, patience).await;
            let mut client = TcpStream::connect(address).await.unwrap();
            let (mut held, _) = places.next().await;
            client.write_u8(7).await.unwrap();
            assert_eq!(held.read_u8().await.unwrap(), 7);
            assert_eq!(held.deadline.is_none(), patience == Patience::UntilHeard(LONG));
        }
    }
}
