//! From prepared files to the statement that their source signs.

use crate::error::{Error, ErrorKind};
use crate::key::SecretKey;
use crate::manifest::Prepared;
use crate::sm2::Sm2Key;
use linli_types::id::{ChainId, Digest, PrincipalId};
use linli_verify::cose::statement::{self, Claims, ClockSource, SUBJECT};
use linli_verify::file;

/// Whose statement it is, and with which keys.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// The source.
    pub id: PrincipalId,
    /// The chain it is meant for.
    pub chain: ChainId,
    /// The source's key in force.
    pub key: &'a SecretKey,
    /// The organisation's second key.
    pub second: Option<&'a Sm2Key>,
}

/// A signed statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// What it says.
    pub claims: Claims,
    /// Its exact bytes.
    pub bytes: Vec<u8>,
    /// Their digest: the record's id.
    pub id: Digest,
    /// The second signature, as a pack holds it.
    pub second: Option<Vec<u8>>,
}

impl Source<'_> {
    /// Signs what the manifest says, as the source's `number`; `kind` is a place in
    /// [`super::KINDS`].
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`] if there is no such statement, [`ErrorKind::Key`] if a key cannot sign.
    pub fn sign(&self, prepared: &Prepared, kind: i32, number: u64) -> Result<Statement, Error> {
        let manifest = &prepared.manifest;
        let (manifest_sha256, sm3) = file::both(&prepared.bytes);
        let claims = Claims {
            source: self.id,
            subject: manifest.order.clone().unwrap_or_else(|| SUBJECT.to_owned()),
            manifest_sha256,
            number,
            kind: u16::try_from(kind).map_err(|_| no_statement())?,
            sm3,
            size: manifest.size().ok_or_else(no_statement)?,
            captured_at_ms: manifest.captured_at,
            clock_source: Some(ClockSource::Device),
            device: None,
            not_before: None,
            env_digest: None,
            sm2_key: self.second.map(|key| linli_verify::sm2::key_id(&key.public())),
            chain: Some(self.chain),
            counter: None,
        };
        let to_sign = claims.to_be_signed(&self.key.public()).map_err(|_| no_statement())?;
        let signed = |key: &Sm2Key| key.sign(to_sign.sig_structure()).map(|s| s.to_bytes());
        let second = self.second.map(signed).transpose()?;
        let bytes = to_sign.finish(&self.key.sign(to_sign.sig_structure()));
        Ok(Statement { claims, id: statement::id(&bytes), bytes, second })
    }
}

fn no_statement() -> Error {
    let (zh, en) = ("这些内容不能写成声明", "no statement can say this");
    Error::new(ErrorKind::Input, zh, en)
        .hint_with("请核对种类、大小与订单编号", "check the kind, the sizes and the order's code")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::prepare;
    use linli_types::signature::Zip215;
    use linli_verify::sm2;

    #[test]
    fn a_statement_says_what_its_manifest_says_and_both_signatures_hold() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.pdf");
        std::fs::write(&path, b"abc").unwrap();
        let prepared = prepare(&[&path], 7).unwrap();
        let (key, second) = (SecretKey::from_bytes(&[1; 32]), Sm2Key::generate("org").unwrap());
        let (id, chain) = (PrincipalId([2; 16]), ChainId([3; 32]));
        let source = Source { id, chain, key: &key, second: Some(&second) };
        let made = source.sign(&prepared, 5, 9).unwrap();
        let read = statement::parse(&made.bytes).unwrap();
        read.check(&Zip215).unwrap();
        assert_eq!((&read.claims, read.id(), read.key), (&made.claims, made.id, key.public()));
        assert_eq!((made.claims.number, made.claims.kind, made.claims.size), (9, 5, 3));
        assert_eq!(made.claims.manifest_sha256, file::both(&prepared.bytes).0);
        let signed = sm2::Signed::parse(&made.second.unwrap()).unwrap();
        assert_eq!(made.claims.sm2_key, Some(signed.key_id()));
        assert_eq!(signed.verify(read.sig_structure()), Ok(()));
        // Another number is another statement.
        assert_ne!(source.sign(&prepared, 5, 10).unwrap().id, made.id);
        let error = source.sign(&prepared, -1, 9).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Input);
    }
}
