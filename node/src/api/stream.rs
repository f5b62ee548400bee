//! StreamBlocks and StreamEvents: from a height or cursor on, and then live.
//!
//! # Invariants
//!
//! - **R1 one source.** History and live are the same rows: a block is read from the store once
//!   the head says that it stands. So there is no gap, no double, and the same answer later.
//! - **R2 slow is slow.** A reader that does not read stops its own stream's reading, nothing else.
//! - **R3 bounded by bytes.** What is read ahead of a slow reader are chunks of bounded size, one on
//!   its way, one waiting, one read; a height larger than that is a chunk of its own.

use super::block::{Block, damaged, transaction};
use super::logged::Asked;
use super::shares::Share;
use super::{Api, aside, broken, status};
use crate::access::{Reader, Scope};
use crate::handle::NodeHandle;
use crate::storage::RocksStore;
use futures::{StreamExt, stream};
use linli_proto as wire;
use linli_runtime::stored::{Concern, event_places, events_of};
use linli_runtime::{load_block, load_certificate, load_receipts};
use linli_sdk::access_log::Subject;
use linli_types::code::Code;
use linli_types::height::Height;
use linli_types::id::{PrincipalId, PublicKey};
use linli_types::limits;
use linli_types::receipt::{Event, Param};
use prost::Message;
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;
use tonic::codegen::BoxStream;

/// Heights of one chunk, at most.
const CHUNK_HEIGHTS: u64 = 16;
/// Rows of the event index read for one chunk.
const CHUNK_PLACES: usize = 64;
/// Chunks that wait for a slow reader.
const AHEAD: usize = 1;

impl Api {
    pub(super) async fn blocks(
        &self,
        request: wire::BlocksRequest,
        asked: Asked,
    ) -> Result<BoxStream<wire::BlockUpdate>, Status> {
        if asked.reader.scope != Scope::All {
            return Err(status(&Code::ReadDenied.refuse([])));
        }
        let place = self.place(&asked.reader)?;
        // X4: headers and certificates are about nobody, receipts about everybody.
        let about = request.with_receipts.then_some(Subject::All);
        self.log_read(&asked, about).await?;
        let read = move |store: &RocksStore, from: Height, to: Height| {
            let to = to.min(Height(from.0.saturating_add(CHUNK_HEIGHTS - 1)));
            chunk((from.0..=to.0).map(Height), to.next(), |height, blocks| {
                let block = block_update(store, height, request.with_receipts)?;
                let bytes = block.encoded_len();
                blocks.push(block);
                Ok(bytes)
            })
        };
        let follow = Follow { node: self.node.clone(), place, history_only: request.history_only };
        Ok(follow.start(Height(request.from_height.max(1)), read))
    }

    pub(super) async fn events(
        &self,
        request: wire::EventsRequest,
        asked: Asked,
    ) -> Result<BoxStream<wire::EventUpdate>, Status> {
        let filter = Filter::new(&request).map_err(|code| status(&code))?;
        // X2, X3: who may not see all must name whom the events are about.
        let seen = match &filter.about {
            Some(about) => self.readers.may_see(&asked.reader, about),
            None => asked.reader.scope == Scope::All,
        };
        if !seen {
            return Err(status(&Code::ReadDenied.refuse([])));
        }
        let place = self.place(&asked.reader)?;
        let about = match filter.about {
            Some(about) => asked.others([about]),
            None => BTreeSet::from([Subject::All]),
        };
        self.log_read(&asked, about).await?; // X4
        let from = Height(request.height.max(1));
        let read = move |store: &RocksStore, from: Height, to: Height| filter.read(store, from, to);
        let follow = Follow { node: self.node.clone(), place, history_only: request.history_only };
        Ok(follow.start(from, read))
    }

    fn place(&self, reader: &Reader) -> Result<(OwnedSemaphorePermit, Share<PublicKey>), Status> {
        let busy = || status(&Code::Busy.refuse([]));
        let share = self.stream_shares.take(reader.key).ok_or_else(busy)?;
        let place = self.streams.clone().try_acquire_owned().map_err(|_| busy())?;
        Ok((place, share))
    }
}

/// A stream under way.
struct Follow {
    node: NodeHandle,
    place: (OwnedSemaphorePermit, Share<PublicKey>),
    history_only: bool,
}

impl Follow {
    /// `read` answers what stands in some heights from the first to the second, and the height to
    /// go on with.
    fn start<T, F>(self, from: Height, read: F) -> BoxStream<T>
    where
        T: Send + 'static,
        F: Fn(&RocksStore, Height, Height) -> Result<(Vec<T>, Height), Status>
            + Send
            + Sync
            + 'static,
    {
        let (send, receive) = mpsc::channel(AHEAD);
        tokio::spawn(async move {
            if let Err(why) = self.run(from, Arc::new(read), &send).await {
                // A reader that went away needs no reason.
                let _ = send.send(Err(why)).await;
            }
        });
        let chunks = ReceiverStream::new(receive);
        Box::pin(chunks.flat_map(|chunk: Result<Vec<T>, Status>| match chunk {
            Ok(items) => stream::iter(items).map(Ok).left_stream(),
            Err(why) => stream::iter([Err(why)]).right_stream(),
        }))
    }

    async fn run<T, F>(
        self,
        mut next: Height,
        read: Arc<F>,
        send: &mpsc::Sender<Result<Vec<T>, Status>>,
    ) -> Result<(), Status>
    where
        T: Send + 'static,
        F: Fn(&RocksStore, Height, Height) -> Result<(Vec<T>, Height), Status>
            + Send
            + Sync
            + 'static,
    {
        let _place = self.place;
        let mut head = self.node.head();
        loop {
            let top = head.borrow_and_update().height; // R1
            while next <= top {
                let (read, store) = (read.clone(), self.node.store());
                let (items, after) = aside(move || read(&store, next, top)).await?;
                let gone = match items.is_empty() {
                    true => send.is_closed(),
                    false => send.send(Ok(items)).await.is_err(), // R2
                };
                if gone {
                    return Ok(());
                }
                next = after;
            }
            if self.history_only {
                return Ok(());
            }
            tokio::select! {
                changed = head.changed() => if changed.is_err() { return Ok(()) },
                () = send.closed() => return Ok(()),
            }
        }
    }
}

/// Reads heights one by one until the chunk is full (R3); and the height to go on with, which is
/// `after` when none is left out. `read` adds what a height holds and says how large it is.
fn chunk<T>(
    heights: impl IntoIterator<Item = Height>,
    after: Height,
    mut read: impl FnMut(Height, &mut Vec<T>) -> Result<usize, Status>,
) -> Result<(Vec<T>, Height), Status> {
    let (mut items, mut bytes) = (Vec::new(), 0_usize);
    for height in heights {
        bytes = bytes.saturating_add(read(height, &mut items)?);
        if bytes >= limits::STREAM_CHUNK_BYTES {
            return Ok((items, height.next()));
        }
    }
    Ok((items, after))
}

fn block_update(
    store: &RocksStore,
    height: Height,
    with_receipts: bool,
) -> Result<wire::BlockUpdate, Status> {
    let block = load_block(store, height).map_err(broken)?;
    let block = block.ok_or_else(|| damaged("a missing block"))?;
    let certificate = load_certificate(store, height).map_err(broken)?;
    let certificate = certificate.ok_or_else(|| damaged("a block without a certificate"))?;
    let receipts = match with_receipts {
        true => load_receipts(store, height).map_err(broken)?.unwrap_or_default(),
        false => Vec::new(),
    };
    Ok(wire::BlockUpdate {
        height: height.0,
        header: block.header.to_bytes(),
        certificate: linli_types::encode(&certificate),
        transactions: u32::try_from(block.bodies.len()).unwrap_or(u32::MAX),
        receipts: receipts.iter().map(linli_types::encode).collect(),
    })
}

/// Which events are wanted.
struct Filter {
    /// First place wanted in the first height.
    first: (Height, u32),
    room: String,
    kind: String,
    about: Option<PrincipalId>,
}

impl Filter {
    fn new(request: &wire::EventsRequest) -> Result<Self, linli_types::receipt::Refusal> {
        let malformed = || Code::Malformed.refuse([Param::Word("about".into())]);
        let about = match request.about.as_slice() {
            [] => None,
            id => Some(PrincipalId::from_slice(id).ok_or_else(malformed)?),
        };
        Ok(Self {
            first: (Height(request.height), request.index),
            room: request.room.clone(),
            kind: request.kind.clone(),
            about,
        })
    }

    fn read(
        &self,
        store: &RocksStore,
        from: Height,
        to: Height,
    ) -> Result<(Vec<wire::EventUpdate>, Height), Status> {
        let concern = match &self.about {
            Some(about) => Concern::Principal(about),
            None if self.room.is_empty() => return self.read_all(store, from, to),
            None => Concern::Room(&self.room),
        };
        // The index names the heights worth reading.
        let places = event_places(store, concern, from, CHUNK_PLACES).map_err(broken)?;
        let full = places.len() == CHUNK_PLACES;
        let heights: Vec<Height> =
            places.into_iter().map(|(height, _)| height).filter(|h| *h <= to).collect();
        let after = match heights.last() {
            Some(last) if full => last.next().min(to.next()),
            _ => to.next(),
        };
        chunk(heights, after, |height, events| self.add(store, height, events))
    }

    fn read_all(
        &self,
        store: &RocksStore,
        from: Height,
        to: Height,
    ) -> Result<(Vec<wire::EventUpdate>, Height), Status> {
        let to = to.min(Height(from.0.saturating_add(CHUNK_HEIGHTS - 1)));
        let heights = (from.0..=to.0).map(Height);
        chunk(heights, to.next(), |height, events| self.add(store, height, events))
    }

    /// Adds the events of a height that are wanted; their bytes.
    fn add(
        &self,
        store: &RocksStore,
        height: Height,
        events: &mut Vec<wire::EventUpdate>,
    ) -> Result<usize, Status> {
        let block = Block::at(store, height)?.ok_or_else(|| damaged("a missing block"))?;
        let mut bytes = 0_usize;
        for (index, receipt, event) in events_of(&block.receipts) {
            if (height, index) >= self.first && self.wants(event) {
                let update = wire::EventUpdate {
                    height: height.0,
                    index,
                    room: event.room.clone(),
                    kind: event.kind.clone(),
                    data: event.data.clone(),
                    transaction: transaction(receipt),
                    block_time_ms: block.header.time.0,
                };
                bytes = bytes.saturating_add(update.encoded_len());
                events.push(update);
            }
        }
        Ok(bytes)
    }

    fn wants(&self, event: &Event) -> bool {
        (self.room.is_empty() || event.room == self.room)
            && (self.kind.is_empty() || event.kind == self.kind)
            && self.about.as_ref().is_none_or(|about| event.about.contains(about))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(room: &str, kind: &str, about: u8) -> Event {
        Event {
            room: room.into(),
            kind: kind.into(),
            about: vec![PrincipalId([about; 16])],
            data: vec![],
        }
    }

    #[test]
    fn a_filter_takes_room_kind_and_concern_together() {
        let request = wire::EventsRequest {
            room: "evidence".into(),
            kind: "linli.evidence.v1.Anchored".into(),
            about: vec![1; 16],
            ..Default::default()
        };
        let filter = Filter::new(&request).unwrap();
        assert!(filter.wants(&event("evidence", "linli.evidence.v1.Anchored", 1)));
        assert!(!filter.wants(&event("evidence", "linli.evidence.v1.Anchored", 2)));
        assert!(!filter.wants(&event("evidence", "other", 1)));
        assert!(!filter.wants(&event("probe", "linli.evidence.v1.Anchored", 1)));
        assert!(Filter::new(&wire::EventsRequest::default()).unwrap().wants(&event("a", "b", 3)));
    }

    #[test]
    fn a_chunk_ends_with_the_height_that_fills_it() {
        let read = |size: usize| {
            let heights = (5..=20).map(Height);
            let one = |height: Height, items: &mut Vec<u64>| {
                items.push(height.0);
                Ok(size)
            };
            let (items, next) = chunk(heights, Height(21), one).unwrap();
            (items.len(), next)
        };
        assert_eq!(read(1), (16, Height(21)));
        assert_eq!(read(limits::STREAM_CHUNK_BYTES / 3), (4, Height(9)));
        assert_eq!(read(limits::STREAM_CHUNK_BYTES), (1, Height(6)));
        assert_eq!(read(10 * limits::STREAM_CHUNK_BYTES), (1, Height(6)));
    }

    #[test]
    fn a_short_principal_is_refused() {
        let request = wire::EventsRequest { about: vec![1; 15], ..Default::default() };
        assert!(Filter::new(&request).is_err());
    }
}
