//! Who read my data: the access logs of several nodes, asked for, checked and merged.
//!
//! Every node logs the reads that it answered itself, so a whole list needs all nodes. A node that
//! does not answer, or whose log does not hold, is named and hides none of the others.

use crate::access_log::{Anchored, Entry, Log, Reading};
use crate::client::Client;
use crate::error::{Error, ErrorKind};
use linli_proto::AccessLogRequest;
use linli_proto::ledger_client::LedgerClient;
use linli_types::genesis::Genesis;
use linli_types::id::PublicKey;
use linli_types::signature::Zip215;
use linli_types::validator::Validator;
use linli_verify::{FileDigests, Report};
use tonic::transport::Channel;

/// Parts that one log is read in, at most: a node that goes on for ever is not read for ever.
const PARTS_MAX: usize = 100_000;

/// One entry of a merged list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The network key of the node that logged it.
    pub node: PublicKey,
    /// Its place in that node's log.
    pub index: u64,
    /// What was logged.
    pub entry: Entry,
}

impl Client {
    /// This node's access log as far as the reader may see it, checked from its start to a head
    /// that the node signed.
    ///
    /// # Errors
    ///
    /// Refused, no answer, or [`ErrorKind::BadAnswer`] for a log that does not hold.
    pub async fn access_log(&self) -> Result<Log, Error> {
        let mut reading = Reading::new(*self.chain());
        for _ in 0..PARTS_MAX {
            let request = AccessLogRequest { from: reading.next() };
            let call = |mut l: LedgerClient<Channel>, r| async move { l.access_log(r).await };
            let answer = self.read("AccessLog", request, call).await?;
            if let Some(head) = reading.take(&answer, &Zip215)? {
                return Ok(reading.finish(head));
            }
        }
        Err(Error::new(
            ErrorKind::BadAnswer,
            "节点的访问记录没有尽头",
            "the node's access log has no end",
        ))
    }
}

/// The entries of several logs in the order of their times; what has one time stands in the order
/// of nodes and of their logs. The same node asked twice counts once.
pub fn merge<'a>(logs: impl IntoIterator<Item = &'a Log>) -> Vec<Seen> {
    let mut all: Vec<Seen> = Vec::new();
    for log in logs {
        let node = log.head.node;
        let seen =
            |(index, entry): &(u64, Entry)| Seen { node, index: *index, entry: entry.clone() };
        all.extend(log.entries.iter().map(seen));
    }
    all.sort_by_key(|seen| (seen.entry.time, seen.node, seen.index));
    all.dedup_by_key(|seen| (seen.node, seen.index));
    all
}

/// The validator whose network key this is.
pub fn seat<'a>(genesis: &'a Genesis, node: &PublicKey) -> Option<&'a Validator> {
    genesis.validators.members().iter().find(|validator| validator.network_key == *node)
}

impl Anchored {
    /// Verifies offline that this head stands on the chain of `genesis`, and says where.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::BadAnswer`] with the layer that does not hold.
    pub fn verify(&self, genesis: &[u8]) -> Result<Report, Error> {
        let file = FileDigests::of(self.head.file_name(), &linli_types::encode(&self.head));
        linli_verify::verify(&self.pack, &[file], genesis).map_err(|why| {
            let [zh, en] = [linli_types::code::Lang::Zh, linli_types::code::Lang::En]
                .map(|lang| why.text(lang));
            Error::new(
                ErrorKind::BadAnswer,
                format!("访问记录的存证不成立：{zh}"),
                format!("the anchoring of the access log does not hold: {en}"),
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access_log::{Head, Subject};
    use linli_types::height::TimeMs;
    use linli_types::id::{Digest, PrincipalId};

    fn log(node: u8, times: &[u64]) -> Log {
        let entry = |time: &u64| Entry {
            time: TimeMs(*time),
            reader: None,
            key: PublicKey([1; 32]),
            org: 1,
            method: "Query".into(),
            subject: Subject::Principal(PrincipalId([1; 16])),
            request: Digest([0; 32]),
            salt: [0; 16],
        };
        let count = times.len() as u64;
        let (node, digest) = (PublicKey([node; 32]), Digest([0; 32]));
        let head = Head { node, count, digest, time: TimeMs(0) };
        Log { head, entries: (0..).zip(times.iter().map(entry)).collect(), anchored: None }
    }

    #[test]
    fn a_merged_list_follows_time_and_counts_each_entry_once() {
        let (a, b) = (log(1, &[5, 9, 9]), log(2, &[1, 9]));
        let merged = merge([&a, &b, &a]);
        let shown: Vec<(u64, u8, u64)> =
            merged.iter().map(|s| (s.entry.time.0, s.node.0[0], s.index)).collect();
        assert_eq!(shown, [(1, 2, 0), (5, 1, 0), (9, 1, 1), (9, 1, 2), (9, 2, 1)]);
    }
}
