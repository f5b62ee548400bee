//! AccessLog: who read whose data on this node, in the log's order, for the person concerned.

use super::logged::{Asked, unlogged};
use super::{Api, aside, broken, now, status};
use crate::access::Scope;
use crate::access_log::Link;
use linli_proto as wire;
use linli_sdk::access_log::Subject;
use linli_types::code::Code;
use tonic::Status;

impl Api {
    pub(super) async fn access_log(
        &self,
        request: wire::AccessLogRequest,
        asked: Asked,
    ) -> Result<wire::AccessLogResponse, Status> {
        let busy = || status(&Code::Busy.refuse([]));
        let _share = self.log_shares.take(asked.reader.key).ok_or_else(busy)?;
        let all = asked.reader.scope == Scope::All;
        if all {
            // The log is itself about others.
            self.log_read(&asked, [Subject::All]).await?;
        }
        let log = self.node.access_log();
        log.durable().await.map_err(|_| unlogged())?;
        let _reading = self.log_readings.try_acquire().map_err(|_| busy())?;
        let me = asked.reader.principal.map(Subject::Principal);
        aside(move || {
            let mine = |subject| subject == Subject::All || Some(subject) == me;
            let part = log.part(request.from, now(), |entry| all || mine(entry.subject));
            let part = part.map_err(broken)?;
            let (anchored_head, anchored_pack) = log.anchored().unwrap_or_default();
            Ok(wire::AccessLogResponse {
                head: linli_types::encode(&part.head),
                from: request.from,
                before: part.before.0.to_vec(),
                links: part.links.into_iter().map(link).collect(),
                anchored_head,
                anchored_pack,
            })
        })
        .await
    }
}

fn link(link: Link) -> wire::AccessLink {
    match link {
        Link::Entry(entry) => wire::AccessLink { entry, digest: Vec::new() },
        Link::Digest(digest) => wire::AccessLink { entry: Vec::new(), digest: digest.0.to_vec() },
    }
}
