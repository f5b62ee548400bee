//! Who signs a height.

use super::{change_key, changes, genesis, set_key};
use crate::identity::kind_number;
use crate::native::{read, word};
use crate::query::Answer;
use crate::vm::Stop;
use linli_types::code::Code;
use linli_types::height::Height;
use linli_types::store::Read;
use linli_types::validator::Validator;
use linli_types::wire::governance as wire;
use prost::Message;

/// Answers `Validators` when `next` is the height of the next block. What is proved of it is the
/// row of the next block's set, or of the change that brought an earlier one.
pub(crate) fn answer(store: &dyn Read, next: Height, args: &[u8]) -> Result<Answer, Stop> {
    let request: wire::ValidatorsRequest = read(args)?;
    let height = if request.height == 0 { next } else { Height(request.height) };
    if height > next {
        return Err(Code::NotFound.refuse([word("height")]).into());
    }
    let (set, since, reads) = match changes(store, height)?.pop() {
        Some((change, set)) => {
            let key = if height == next { set_key() } else { change_key(change) };
            (set, change.next(), vec![key])
        }
        // That no row stands says that the genesis' set does.
        None => (genesis(store)?.validators, Height(1), vec![set_key()]),
    };
    let result = wire::ValidatorsResponse {
        height: height.0,
        validators: set.members().iter().map(message).collect(),
        hash: set.hash().0.to_vec(),
        since: since.0,
    };
    Ok(Answer { result: result.encode_to_vec(), reads })
}

fn message(member: &Validator) -> wire::Validator {
    wire::Validator {
        key: member.key.0.to_vec(),
        network_key: member.network_key.0.to_vec(),
        power: member.power,
        org: member.org,
        kind: kind_number(member.kind),
        name: member.name.clone(),
    }
}
