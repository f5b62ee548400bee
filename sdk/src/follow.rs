//! Following a node: blocks and events from a cursor on, resumed there after a break.
//!
//! # Invariants
//!
//! - **F1 each once.** After a break the stream goes on behind the last item handed out: none is
//!   missed and none comes twice.

use crate::client::{Client, Tries, failed};
use crate::error::{Error, ErrorKind};
use linli_proto::{BlockUpdate, BlocksRequest, EventUpdate, EventsRequest};
use tonic::Streaming;

/// Blocks in the order of their heights.
#[derive(Debug)]
pub struct Blocks {
    client: Client,
    next: BlocksRequest,
    stream: Option<Streaming<BlockUpdate>>,
}

/// Events in the order of (height, index).
#[derive(Debug)]
pub struct Events {
    client: Client,
    next: EventsRequest,
    stream: Option<Streaming<EventUpdate>>,
}

impl Client {
    /// Follows blocks from `request.from_height` on.
    pub fn blocks(&self, request: BlocksRequest) -> Blocks {
        Blocks { client: self.clone(), next: request, stream: None }
    }

    /// Follows events from the cursor (`request.height`, `request.index`) on.
    pub fn events(&self, request: EventsRequest) -> Events {
        Events { client: self.clone(), next: request, stream: None }
    }
}

impl Blocks {
    /// The height that comes next: kept by the caller, it resumes here in a later run.
    pub const fn cursor(&self) -> u64 {
        self.next.from_height
    }

    /// Waits for the next block; `None` at the end of a history.
    ///
    /// # Errors
    ///
    /// Refused, or the node stays out of reach after the last try. Calling again tries again.
    pub async fn next(&mut self) -> Result<Option<BlockUpdate>, Error> {
        let mut tries = Tries::new(self.client.options());
        loop {
            match self.receive().await {
                Ok(Some(block)) => {
                    if block.height < self.next.from_height {
                        continue;
                    }
                    self.next.from_height = block.height.saturating_add(1);
                    return Ok(Some(block));
                }
                Ok(None) if self.next.history_only => return Ok(None),
                Ok(None) => self.broken(&mut tries, closed()).await?,
                Err(error) => self.broken(&mut tries, error).await?,
            }
        }
    }

    async fn receive(&mut self) -> Result<Option<BlockUpdate>, Error> {
        let stream = match self.stream.take() {
            Some(stream) => stream,
            None => {
                let request = self.client.signed("StreamBlocks", self.next.clone())?;
                let answer = self.client.ledger.clone().stream_blocks(request).await;
                answer.map_err(|status| failed(&status))?.into_inner()
            }
        };
        let item = self.stream.insert(stream).message().await;
        item.map_err(|status| failed(&status))
    }

    async fn broken(&mut self, tries: &mut Tries, error: Error) -> Result<(), Error> {
        self.stream = None;
        tries.pause_after(error).await
    }
}

impl Events {
    /// The cursor of the event that comes next, as (height, index).
    pub const fn cursor(&self) -> (u64, u32) {
        (self.next.height, self.next.index)
    }

    /// Waits for the next event; `None` at the end of a history.
    ///
    /// # Errors
    ///
    /// Refused, or the node stays out of reach after the last try. Calling again tries again.
    pub async fn next(&mut self) -> Result<Option<EventUpdate>, Error> {
        let mut tries = Tries::new(self.client.options());
        loop {
            match self.receive().await {
                Ok(Some(event)) => {
                    // F1: a node that sends an event again is passed over.
                    if (event.height, event.index) < self.cursor() {
                        continue;
                    }
                    (self.next.height, self.next.index) =
                        (event.height, event.index.saturating_add(1));
                    return Ok(Some(event));
                }
                Ok(None) if self.next.history_only => return Ok(None),
                Ok(None) => self.broken(&mut tries, closed()).await?,
                Err(error) => self.broken(&mut tries, error).await?,
            }
        }
    }

    async fn receive(&mut self) -> Result<Option<EventUpdate>, Error> {
        let stream = match self.stream.take() {
            Some(stream) => stream,
            None => {
                let request = self.client.signed("StreamEvents", self.next.clone())?;
                let answer = self.client.ledger.clone().stream_events(request).await;
                answer.map_err(|status| failed(&status))?.into_inner()
            }
        };
        let item = self.stream.insert(stream).message().await;
        item.map_err(|status| failed(&status))
    }

    async fn broken(&mut self, tries: &mut Tries, error: Error) -> Result<(), Error> {
        self.stream = None;
        tries.pause_after(error).await
    }
}

fn closed() -> Error {
    Error::new(ErrorKind::Unreachable, "节点关闭了数据流", "the node closed the stream")
}
