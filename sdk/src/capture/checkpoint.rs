//! The last block that a device saw: what it captures after that is not older.

use crate::durable;
use crate::error::{Error, ErrorKind};
use linli_types::code::Lang;
use linli_types::signature::Verify;
use linli_verify::certified;
use linli_verify::pack::BlockProof;
use serde::{Deserialize, Serialize};
use std::path::Path;

const FILE: &str = "checkpoint";
const BYTES_MAX: u64 = 4 * 1024;

/// A block that was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Checkpoint {
    /// The block's id.
    pub block: [u8; 32],
    /// Its height.
    pub height: u64,
    /// Its time, milliseconds since 1970 UTC.
    pub time_ms: u64,
    /// The highest number that the source had used.
    pub highest: u64,
}

impl Checkpoint {
    /// A block that a node shows, once the validators are found to have certified it, from the genesis
    /// on (Q3): nobody's word is believed about what a device saw. `highest` is the node's word; the
    /// ledger refuses a number that was used whatever it says.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::BadAnswer`], named `NOT_PROVED`, if the certificate does not hold.
    pub fn certified(
        block: &BlockProof,
        genesis: &[u8],
        highest: u64,
        verify: &dyn Verify,
    ) -> Result<Self, Error> {
        let BlockProof { header, certificate, sets } = block;
        certified::check(header, certificate, sets, genesis, verify).map_err(|why| {
            let (zh, en) = (why.text(Lang::Zh), why.text(Lang::En));
            Error::new(
                ErrorKind::BadAnswer,
                format!("节点给出的区块未经验证节点认证：{zh}；未保存"),
                format!("the validators did not certify the node's block: {en}; it was not saved"),
            )
            .hint_with(
                "请核对创世文件，或换一个节点",
                "check the genesis file, or ask another node",
            )
            .named("NOT_PROVED")
        })?;
        let (block, height) = (header.id().0, header.height.0);
        Ok(Self { block, height, time_ms: header.time.0, highest })
    }

    /// Reads what was saved in a queue's folder.
    ///
    /// # Errors
    ///
    /// It cannot be read.
    pub fn read(folder: &Path) -> Result<Option<Self>, Error> {
        let path = folder.join(FILE);
        let Some(bytes) = durable::read(&path, BYTES_MAX)? else { return Ok(None) };
        let broken = |e: serde_json::Error| durable::failed(&path, &e.into());
        serde_json::from_slice(&bytes).map(Some).map_err(broken)
    }

    /// Saves it, unless a later one is saved. Answers whether it did.
    ///
    /// # Errors
    ///
    /// It cannot be written.
    pub fn save(&self, folder: &Path) -> Result<bool, Error> {
        durable::folder(folder)?;
        if Self::read(folder)?.is_some_and(|before| before.height >= self.height) {
            return Ok(false);
        }
        let path = folder.join(FILE);
        let text = serde_json::to_vec(self).unwrap_or_default();
        durable::write_private(&path, &text).map_err(|e| durable::failed(&path, &e))?;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::witness::tests::{genesis, state};
    use linli_types::signature::Zip215;

    fn shown(height: u64) -> BlockProof {
        let state = state(height, 3, u64::MAX, 0);
        BlockProof { header: state.header, certificate: state.certificate, sets: state.sets }
    }

    fn noted(block: &BlockProof, genesis: &[u8]) -> Result<Checkpoint, Error> {
        Checkpoint::certified(block, genesis, 7, &Zip215)
    }

    #[test]
    fn a_block_that_the_validators_certified_is_noted_as_its_header_says() {
        let (block, genesis) = (shown(41), genesis().to_bytes());
        let seen = noted(&block, &genesis).unwrap();
        assert_eq!((seen.block, seen.height), (block.header.id().0, 41));
        assert_eq!((seen.time_ms, seen.highest), (block.header.time.0, 7));
    }

    #[test]
    fn what_a_node_makes_up_is_never_noted_as_seen() {
        type Lie = fn(&mut BlockProof);
        let genesis = genesis();
        let mut other = genesis.clone();
        other.name = "another".into();
        let genesis = genesis.to_bytes();
        let changes: [(&str, Lie); 6] = [
            ("too few", |block| block.certificate.precommits.truncate(2)),
            ("none", |block| block.certificate.precommits.clear()),
            ("an earlier time", |block| block.header.time.0 -= 3_600_000),
            ("a later time", |block| block.header.time.0 += 3_600_000),
            ("another height", |block| block.header.height.0 += 1),
            ("another block's", |block| block.certificate = shown(42).certificate),
        ];
        for (name, change) in changes {
            let mut block = shown(41);
            change(&mut block);
            assert_eq!(noted(&block, &genesis).unwrap_err().name(), "NOT_PROVED", "{name}");
        }
        let why = noted(&shown(41), &other.to_bytes()).unwrap_err();
        assert_eq!(why.name(), "NOT_PROVED", "another chain's genesis");
    }
}
