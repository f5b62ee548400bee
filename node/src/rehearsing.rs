//! Rehearses contract code that motions propose, aside from the consensus path, and reports what was
//! found as this validator's own word.
//!
//! ```text
//! governance event ─▶ which reports do I owe? ─▶ thread: snapshot, step, rest, step … ─▶ report
//!                                                                    signed by the consensus key
//! ```
//!
//! The transaction that carries a report is an ordinary one, in the name of the principal that also
//! anchors the access log. Without one the report is logged, and anyone may carry it.
//!
//! # Invariants
//!
//! - **J1 aside.** A rehearsal has an engine and a thread of its own, of the lowest priority, which
//!   rests as long as it works: at most half a core.
//! - **J2 owed.** What is owed is read from the rows, so that a restart forgets nothing.

use crate::anchoring::{NotSettled, not, settle};
use crate::contract_thread;
use crate::handle::NodeHandle;
use crate::node::settings;
use crate::signer::KeySigner;
use crate::storage::RocksStore;
use linli_core::Crypto as _;
use linli_replica::CommittedBlock;
use linli_runtime::code::{MotionId, PinRow, owed, report_request};
use linli_runtime::{NotRehearsed, Rehearsal, governance};
use linli_sdk::{Draft, SecretKey};
use linli_types::id::{PrincipalId, PublicKey};
use linli_types::rehearsal::Report;
use prost::Message as _;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::oneshot;

/// Pause before what failed is tried again.
const RETRY: Duration = Duration::from_secs(10);
/// Work after which the thread rests as long.
const WORK: Duration = Duration::from_millis(5);
/// The lowest priority of a thread.
const PRIORITY: i32 = 19;

/// What a node rehearses with.
pub(crate) struct Rehearser {
    /// The node's data folder: its cache takes the compiled code.
    pub(crate) data: PathBuf,
    /// The validator's consensus key.
    pub(crate) signer: KeySigner,
    /// In whose name reports are handed in, if in anyone's.
    pub(crate) carrier: Option<(SecretKey, PrincipalId)>,
}

/// Rehearses until the node stops.
pub(crate) async fn run(node: NodeHandle, mut rehearser: Rehearser) {
    let (mut committed, mut found) = (node.committed(), BTreeMap::new());
    loop {
        let again = match rehearser.pay(&node, &mut found).await {
            Ok(()) => Duration::MAX,
            Err(why) => {
                tracing::warn!(%why, "rehearsal.report: tried again later");
                RETRY
            }
        };
        let concerned = async {
            loop {
                match committed.recv().await {
                    Ok(block) if !concerns(&block) => {}
                    Ok(_) | Err(RecvError::Lagged(_)) => return true,
                    Err(RecvError::Closed) => return false,
                }
            }
        };
        tokio::select! {
            open = concerned => if !open { return },
            () = tokio::time::sleep(again) => {}
            () = node.closing() => return,
        }
    }
}

/// Whether a block may have opened or closed a motion.
fn concerns(block: &CommittedBlock) -> bool {
    let events = block.receipts.iter().flat_map(|receipt| &receipt.events);
    events.into_iter().any(|event| event.room == governance::ROOM)
}

impl Rehearser {
    /// Rehearses and reports whatever is owed. A report that could not be handed in is kept.
    async fn pay(
        &mut self,
        node: &NodeHandle,
        found: &mut BTreeMap<MotionId, Option<Report>>,
    ) -> Result<(), NotSettled> {
        let own = [Some(self.signer.public()), self.signer.successor()];
        let (me, owed) = debts(node, own).await?;
        found.retain(|motion, _| owed.iter().any(|(id, _)| id == motion));
        for (motion, pin) in owed {
            let report = match found.entry(motion) {
                Entry::Occupied(kept) => kept.into_mut(),
                Entry::Vacant(none) => none.insert(self.rehearse(node, motion, &pin).await?),
            };
            if let Some(report) = report {
                self.hand_in(node, (me, &motion), report).await?;
            }
        }
        Ok(())
    }

    /// `None` if this node has nothing to say about the motion.
    async fn rehearse(
        &self,
        node: &NodeHandle,
        motion: MotionId,
        pin: &PinRow,
    ) -> Result<Option<Report>, NotSettled> {
        let room = &pin.room;
        tracing::info!(%room, hash = %pin.hash, base = %pin.base, "rehearsal.start");
        let started = Instant::now();
        let (tell, told) = oneshot::channel();
        let (store, data) = (node.store(), self.data.clone());
        let work = move || work(&store, &data, motion, tell);
        contract_thread::start("linli-rehearsal", work).map_err(not)?;
        let report = match told.await.map_err(|_| not("the rehearsal panicked"))? {
            Ok(report) => report,
            Err(NotRehearsed::Closed) => return Ok(None),
            Err(why) => {
                tracing::error!(%why, %room, "rehearsal.failed: this validator reports nothing");
                return Ok(None);
            }
        };
        let (elapsed, broken) = (started.elapsed().as_millis(), report.broken.as_str());
        let Report { digest, blocks, performed, differences, .. } = &report;
        tracing::info!(
            %room, %digest, blocks, performed, differences, broken, elapsed, "rehearsal.done"
        );
        Ok(Some(report))
    }

    async fn hand_in(
        &mut self,
        node: &NodeHandle,
        (me, motion): (PublicKey, &MotionId),
        report: &Report,
    ) -> Result<(), NotSettled> {
        let chain = node.status().head.chain;
        let signature = self.signer.sign(&me, &report.signing_bytes(&chain, motion));
        let args = report_request(motion, &me, report, &signature);
        let args = args.encode_to_vec();
        let Some((key, principal)) = &self.carrier else {
            let args = hex::encode(args);
            tracing::warn!(
                args,
                "rehearsal.report: nobody carries it; set access.anchor_key, or \
                 call governance ReportRehearsal with these arguments"
            );
            return Ok(());
        };
        let draft = Draft::new().call(governance::ROOM, "ReportRehearsal", args);
        settle(node, draft.sign(key, &chain, *principal).map_err(not)?).await?;
        node.counters().rehearsals.add(1);
        Ok(())
    }
}

/// The key by which this node is a validator now, and what it owes; nothing if it is none.
async fn debts(
    node: &NodeHandle,
    own: [Option<PublicKey>; 2],
) -> Result<(PublicKey, Vec<(MotionId, PinRow)>), NotSettled> {
    let asked = node.inspect(move |ledger, store| {
        let validators = &ledger.head().validators;
        match own.into_iter().flatten().find(|key| validators.get(key).is_some()) {
            Some(me) => owed(store, &me).map(|owed| (me, owed)),
            None => Ok((PublicKey::default(), Vec::new())),
        }
    });
    asked.await.map_err(not)?.map_err(not)
}

/// The thread: steps and rests (J1), until it is done or nobody waits for it.
fn work(
    store: &RocksStore,
    data: &Path,
    motion: MotionId,
    tell: oneshot::Sender<Result<Report, NotRehearsed>>,
) {
    // Where the system does not allow it, the rests remain.
    let _ = rustix::process::setpriority_process(None, PRIORITY);
    let told = rehearse(store, data, motion, || tell.is_closed());
    // Whoever waited may have gone.
    let _ = tell.send(told);
}

fn rehearse(
    store: &RocksStore,
    data: &Path,
    motion: MotionId,
    is_given_up: impl Fn() -> bool,
) -> Result<Report, NotRehearsed> {
    let rows = store.snapshot();
    let mut rehearsal = Rehearsal::begin(&rows, &motion, settings(data)?)?;
    let mut since = Instant::now();
    while !is_given_up() && rehearsal.step()? {
        let worked = since.elapsed();
        if worked >= WORK {
            std::thread::sleep(worked);
            since = Instant::now();
        }
    }
    Ok(rehearsal.report())
}
