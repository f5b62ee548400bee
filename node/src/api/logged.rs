//! A read under way, and the entry that it leaves in the access log when it shows somebody else's
//! data.

use super::{Api, status};
use crate::access::Reader;
use linli_sdk::access_log::{Entry, Subject};
use linli_types::code::Code;
use linli_types::height::TimeMs;
use linli_types::id::{Digest, PrincipalId};
use linli_types::receipt::Receipt;
use std::collections::BTreeSet;
use tonic::{Request, Status};

/// BLAKE3 of a request's bytes, as the gate took them off the wire.
#[derive(Clone, Copy, Debug)]
pub(super) struct RequestDigest(pub(super) Digest);

/// Who reads, by which method, with what request.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) reader: Reader,
    method: &'static str,
    request: Digest,
}

impl Asked {
    /// What the gate found out about a request.
    pub(super) fn of<T>(request: &Request<T>, method: &'static str) -> Result<Self, Status> {
        let found = request.extensions();
        let reader = found.get::<Reader>().cloned();
        let digest = found.get::<RequestDigest>().copied();
        match (reader, digest) {
            (Some(reader), Some(RequestDigest(request))) => Ok(Self { reader, method, request }),
            _ => Err(status(&Code::ReadDenied.refuse([]))), // P1
        }
    }

    /// Those of `concerned` whose data this is and who do not read it themselves.
    pub(super) fn others(
        &self,
        concerned: impl IntoIterator<Item = PrincipalId>,
    ) -> BTreeSet<Subject> {
        let other = |owner: &PrincipalId| self.reader.is_other(owner);
        concerned.into_iter().filter(other).map(Subject::Principal).collect()
    }

    fn entry(&self, time: TimeMs, subject: Subject) -> Result<Entry, Status> {
        let mut salt = [0; 16];
        getrandom::fill(&mut salt).map_err(|_| unlogged())?;
        let Reader { key, principal: reader, org, .. } = self.reader;
        let (method, request) = (self.method.to_owned(), self.request);
        Ok(Entry { time, reader, key, org, method, subject, request, salt })
    }
}

impl Api {
    /// Logs that the data of `subjects` is about to be shown. The answer may leave once this is
    /// done (L1 of [`crate::access_log`]).
    pub(super) async fn log_read(
        &self,
        asked: &Asked,
        subjects: impl IntoIterator<Item = Subject>,
    ) -> Result<(), Status> {
        let now = super::now();
        let entries = subjects.into_iter().map(|subject| asked.entry(now, subject));
        let entries = entries.collect::<Result<Vec<_>, _>>()?;
        if entries.is_empty() {
            return Ok(());
        }
        let log = self.node.access_log();
        super::aside(move || log.append(&entries).map_err(|_| unlogged())).await
    }
}

/// Whom a receipt is about: the sender, and those whom its events name.
pub(super) fn concerned(sender: PrincipalId, receipt: &Receipt) -> BTreeSet<PrincipalId> {
    let named = receipt.events.iter().flat_map(|event| event.about.iter().copied());
    named.chain([sender]).collect()
}

/// X4.
pub(super) fn unlogged() -> Status {
    status(&Code::AccessUnlogged.refuse([]))
}
