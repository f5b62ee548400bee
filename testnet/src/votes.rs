//! Whether a validator votes: its signature stands in a certificate.

use crate::net::{Member, Net};
use crate::{Failure, keys, load};
use linli_proto::BlocksRequest;
use linli_proto::ledger_client::LedgerClient;
use linli_types::certificate::Certificate;
use linli_types::genesis::Genesis;
use linli_types::header::Header;
use linli_types::id::{ChainId, PublicKey};
use std::path::Path;

/// The consensus key of a validator, as the genesis names it.
///
/// # Errors
///
/// [`Failure`] if the genesis cannot be read or names no such validator.
pub fn key_of(net: &Net, name: &str) -> Result<PublicKey, Failure> {
    let bytes = std::fs::read(&net.genesis)?;
    let (genesis, _) = Genesis::from_bytes(&bytes)
        .map_err(|why| Failure::new(format!("{}: {why}", net.genesis.display())))?;
    let member = genesis.validators.members().iter().find(|v| v.name == name);
    member.map(|v| v.key).ok_or_else(|| Failure::new(format!("the genesis names no {name}")))
}

/// Whether any other validator holds a certificate above height `above` that `name` signed.
///
/// Nodes hold different certificates of one block, so all are looked at.
///
/// # Errors
///
/// [`Failure`] if none of them answers.
pub fn voted_since(net: &Net, name: &str, above: u64) -> Result<bool, Failure> {
    let voter = key_of(net, name)?;
    for member in net.validators.iter().filter(|member| member.name != name) {
        let signed = |(_, certificate): &(Header, Certificate)| {
            certificate.precommits.iter().any(|p| p.validator == voter)
        };
        if blocks(net, member, above)?.iter().any(signed) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Headers and certificates above height `above`, as a validator holds them.
///
/// # Errors
///
/// [`Failure`] if it does not answer, or with what cannot be read.
pub fn blocks(
    net: &Net,
    member: &Member,
    above: u64,
) -> Result<Vec<(Header, Certificate)>, Failure> {
    let chain: ChainId = net.chain.parse().map_err(|_| Failure::new("net.json: bad chain"))?;
    let reader = net.keys.get("auditor").ok_or_else(|| Failure::new("the net has no auditor"))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(read_blocks(member, &chain, reader, above))
}

async fn read_blocks(
    member: &Member,
    chain: &ChainId,
    reader: &Path,
    above: u64,
) -> Result<Vec<(Header, Certificate)>, Failure> {
    let (reader, _) = keys::read(reader)?;
    let failed = |why: &dyn std::fmt::Display| Failure::new(format!("{}: {why}", member.name));
    let mut client = LedgerClient::connect(member.grpc.clone()).await.map_err(|e| failed(&e))?;
    let wanted = BlocksRequest { from_height: above + 1, history_only: true, with_receipts: false };
    let request = load::signed(wanted, chain, &reader, "/linli.v1.Ledger/StreamBlocks");
    let mut blocks = client.stream_blocks(request).await.map_err(|e| failed(&e))?.into_inner();
    let mut read = Vec::new();
    while let Some(block) = blocks.message().await.map_err(|e| failed(&e))? {
        let certificate: Certificate = borsh::from_slice(&block.certificate)
            .map_err(|why| failed(&format!("an unreadable certificate: {why}")))?;
        let header = Header::from_bytes(&block.header)
            .map_err(|why| failed(&format!("an unreadable header: {why}")))?;
        read.push((header, certificate));
    }
    Ok(read)
}
