//! Following a node: blocks and events from a cursor on, resumed there after a break.
//!
//! # Invariants
//!
//! - **F1 each once.** After a break the stream goes on behind the last item handed out: none is
//!   missed and none comes twice.
//! - **F2 noticed.** A stream is opened within the time of one answer, and a peer that is gone
//!   without a word is found by the connection's keep-alive: a silent stream means a quiet chain.

use crate::client::{Client, Tries, failed};
use crate::error::{Error, ErrorKind};
use linli_proto::ledger_client::LedgerClient;
use linli_proto::{BlockUpdate, BlocksRequest, EventUpdate, EventsRequest};
use prost::Message;
use std::future::Future;
use tonic::transport::Channel;
use tonic::{Request, Response, Status, Streaming};

/// Blocks in the order of their heights.
#[derive(Debug)]
pub struct Blocks(Follow<BlocksRequest>);

/// Events in the order of (height, index).
#[derive(Debug)]
pub struct Events(Follow<EventsRequest>);

impl Client {
    /// Follows blocks from `request.from_height` on.
    pub fn blocks(&self, request: BlocksRequest) -> Blocks {
        Blocks(Follow { client: self.clone(), next: request, stream: None })
    }

    /// Follows events from the cursor (`request.height`, `request.index`) on.
    pub fn events(&self, request: EventsRequest) -> Events {
        Events(Follow { client: self.clone(), next: request, stream: None })
    }
}

impl Blocks {
    /// The height that comes next: kept by the caller, it resumes here in a later run.
    pub const fn cursor(&self) -> u64 {
        self.0.next.from_height
    }

    /// Waits for the next block; `None` at the end of a history.
    ///
    /// # Errors
    ///
    /// Refused, or the node stays out of reach after the last try. Calling again tries again.
    pub async fn next(&mut self) -> Result<Option<BlockUpdate>, Error> {
        self.0.next().await
    }
}

impl Events {
    /// The cursor of the event that comes next, as (height, index).
    pub const fn cursor(&self) -> (u64, u32) {
        (self.0.next.height, self.0.next.index)
    }

    /// Waits for the next event; `None` at the end of a history.
    ///
    /// # Errors
    ///
    /// Refused, or the node stays out of reach after the last try. Calling again tries again.
    pub async fn next(&mut self) -> Result<Option<EventUpdate>, Error> {
        self.0.next().await
    }
}

type Answer<T> = Result<Response<Streaming<T>>, Status>;

/// A request that is its own cursor: asked again, it goes on where the stream broke.
trait Cursor: Message + Clone {
    type Item: Send;
    const METHOD: &'static str;

    fn open(
        ledger: LedgerClient<Channel>,
        request: Request<Self>,
    ) -> impl Future<Output = Answer<Self::Item>> + Send;

    /// Moves behind `item`; `false` if it stands behind it already (F1).
    fn pass(&mut self, item: &Self::Item) -> bool;

    /// Whether the stream ends by itself.
    fn has_end(&self) -> bool;
}

impl Cursor for BlocksRequest {
    type Item = BlockUpdate;
    const METHOD: &'static str = "StreamBlocks";

    async fn open(
        mut ledger: LedgerClient<Channel>,
        request: Request<Self>,
    ) -> Answer<BlockUpdate> {
        ledger.stream_blocks(request).await
    }

    fn pass(&mut self, block: &BlockUpdate) -> bool {
        let is_new = block.height >= self.from_height;
        if is_new {
            self.from_height = block.height.saturating_add(1);
        }
        is_new
    }

    fn has_end(&self) -> bool {
        self.history_only
    }
}

impl Cursor for EventsRequest {
    type Item = EventUpdate;
    const METHOD: &'static str = "StreamEvents";

    async fn open(
        mut ledger: LedgerClient<Channel>,
        request: Request<Self>,
    ) -> Answer<EventUpdate> {
        ledger.stream_events(request).await
    }

    fn pass(&mut self, event: &EventUpdate) -> bool {
        let is_new = (event.height, event.index) >= (self.height, self.index);
        if is_new {
            (self.height, self.index) = (event.height, event.index.saturating_add(1));
        }
        is_new
    }

    fn has_end(&self) -> bool {
        self.history_only
    }
}

#[derive(Debug)]
struct Follow<C: Cursor> {
    client: Client,
    next: C,
    stream: Option<Streaming<C::Item>>,
}

impl<C: Cursor> Follow<C> {
    async fn next(&mut self) -> Result<Option<C::Item>, Error> {
        let mut tries = Tries::new(self.client.options());
        loop {
            let error = match self.receive().await {
                Ok(Some(item)) if self.next.pass(&item) => return Ok(Some(item)),
                // F1: a node that sends an item again is passed over.
                Ok(Some(_)) => continue,
                Ok(None) if self.next.has_end() => return Ok(None),
                Ok(None) => closed(),
                Err(error) => error,
            };
            self.stream = None;
            tries.pause_after(error).await?;
        }
    }

    async fn receive(&mut self) -> Result<Option<C::Item>, Error> {
        let stream = match self.stream.take() {
            Some(stream) => stream,
            None => {
                let request = self.client.signed(C::METHOD, self.next.clone())?;
                // F2
                self.client.limit(C::open(self.client.ledger.clone(), request)).await?
            }
        };
        let item = self.stream.insert(stream).message().await;
        item.map_err(|status| failed(&status))
    }
}

fn closed() -> Error {
    Error::new(ErrorKind::Unreachable, "节点关闭了数据流", "the node closed the stream")
}
