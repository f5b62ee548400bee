//! Taking a pack apart, to seal it anew with what came later. Nothing is believed.

use super::Whole;
use crate::check::read;
use crate::cose;
use crate::failure::{Failure, Reason};
use crate::pack::{BlockProof, Pack};
use crate::said;
use crate::seal::{Kind, Name};
use alloc::vec::Vec;
use linli_types::delegation::Delegation;
use linli_types::header::Header;

impl Whole {
    /// What a pack holds; `None` if it is none with a signed statement.
    ///
    /// # Errors
    ///
    /// [`Failure`] names the entry that cannot be read.
    pub fn open(pack: &Pack<'_>) -> Result<Option<(Self, BlockProof)>, Failure> {
        let sealed = &pack.0;
        if sealed.kind != Kind::Whole {
            return Ok(None);
        }
        let bytes = |name| sealed.find(name).map(<[u8]>::to_vec);
        let files = sealed.files.iter().map(|(name, bytes)| (name.as_ref().into(), bytes.to_vec()));
        let whole = Self {
            manifest: sealed.get(Name::Manifest).to_vec(),
            statement: sealed.get(Name::Cose).to_vec(),
            sm2: bytes(Name::Sm2),
            log: read(sealed.get(Name::Log), Reason::LogMalformed)?,
            receipts: receipts(pack)?,
            transaction: read(sealed.get(Name::Transaction), Reason::TransactionMalformed)?,
            receipt: read(sealed.get(Name::Receipt), Reason::ReceiptMalformed)?,
            token: optional(pack, Name::Token, Reason::TokenMalformed)?,
            checkpoint: optional(pack, Name::Checkpoint, Reason::CheckpointMalformed)?,
            platform: bytes(Name::Platform),
            policy: optional(pack, Name::Policy, Reason::PolicyMalformed)?,
            files: files.collect(),
        };
        let header = Header::from_bytes(sealed.get(Name::Header))
            .map_err(|e| Failure::new(Reason::HeaderMalformed, [said::header(&e)]))?;
        let certificate = read(sealed.get(Name::Certificate), Reason::CertificateMalformed)?;
        let sets = read(sealed.get(Name::Sets), Reason::SetsMalformed)?;
        Ok(Some((whole, BlockProof { header, certificate, sets })))
    }
}

fn optional<T: borsh::BorshDeserialize>(
    pack: &Pack<'_>,
    name: Name,
    reason: Reason,
) -> Result<Option<T>, Failure> {
    pack.0.find(name).map(|bytes| read(bytes, reason)).transpose()
}

fn receipts(pack: &Pack<'_>) -> Result<Vec<(cose::receipt::Receipt, Delegation)>, Failure> {
    let Some(bytes) = pack.0.find(Name::Receipts) else { return Ok(Vec::new()) };
    let receipts =
        cose::bare::read_array(bytes).map_err(|_| Failure::plain(Reason::CoseMalformed))?;
    let keys: Vec<Delegation> = read(pack.0.get(Name::Keys), Reason::ReceiptKeyMalformed)?;
    Ok(receipts.into_iter().zip(keys).collect())
}
