//! No own vote leaves before its record is durable: the signature stands in the synced log, or the
//! height is committed already.

use super::{Law, Scene, Sight, Verdict};
use linli_core::message::Message;

/// See the module.
pub(super) struct LogFirst;

impl Law for LogFirst {
    fn name(&self) -> &'static str {
        "log before vote"
    }

    fn see(&mut self, scene: &Scene<'_>, sight: &Sight<'_>) -> Verdict {
        let Sight::Sends { node, message: Message::Vote(signed), disk, height } = sight else {
            return Ok(());
        };
        let own = scene.fixture.number(&signed.vote.validator) == Some(*node);
        let logged = || *height >= signed.vote.height || disk.log_holds(&signed.signature.0);
        match own && !logged() {
            true => Err(format!(
                "a {:?} of validator {node} at height {} left before its record was durable",
                signed.vote.kind, signed.vote.height
            )),
            false => Ok(()),
        }
    }
}
