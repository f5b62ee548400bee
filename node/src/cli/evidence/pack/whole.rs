//! Packs of version 2: gathered from a node, verified, then written.

use super::{Beside, Written};
use crate::cli::connect::{Connect, Node};
use crate::cli::query::write_new;
use crate::cli::{Failure, Output, genesis};
use crate::words::words;
use linli_sdk::anchor::gather::{Kept, ORGANISATIONS, Proved, Sealed};
use linli_sdk::cose::Leaves;
use linli_types::code::Lang;
use linli_types::human;
use linli_types::signature::{Verify, Zip215};
use linli_verify::cose::statement;
use std::path::Path;

/// Gathers what proves a registered statement and writes its pack.
pub(in crate::cli::evidence) async fn write(
    node: &Node,
    of: Leaves,
    kept: &Kept,
    path: &Path,
    genesis: &[u8],
    out: &mut Output<'_>,
) -> Result<Written, Failure> {
    let gathered = node.client.gather(of, std::slice::from_ref(kept)).await?;
    let Some(mut proved) = gathered.into_iter().next() else { return Err(nothing()) };
    let (bytes, written) = seal(&mut proved, genesis, &Zip215, out)?;
    write_new(path, &bytes)?;
    Ok(written)
}

/// Verifies and seals; says what is not in the pack and might be.
pub(in crate::cli::evidence) fn seal(
    proved: &mut Proved,
    genesis: &[u8],
    verify: &dyn Verify,
    out: &mut Output<'_>,
) -> Result<(Vec<u8>, Written), Failure> {
    let Sealed { bytes, left_out } = proved.seal(genesis, verify).map_err(|why| not_sound(&why))?;
    for why in &left_out {
        let [zh, en] = [Lang::Zh, Lang::En].map(|lang| why.text(lang));
        out.note(&words!(
            "节点给出的附加证明不成立，未放入证据包：{zh}",
            "what the node gave beside the proof does not hold and is left out: {en}"
        ));
    }
    let written = Written::of(proved)?;
    let organisations = written.beside.as_ref().map_or(0, |beside| beside.organisations);
    if organisations < ORGANISATIONS as usize {
        out.note(&words!(
            "证据包中只有 {organisations} 家机构的 COSE 回执：稍后可用 linli evidence renew 补充",
            "the pack holds COSE receipts of {organisations} organisations only: `linli evidence renew` adds them later"
        ));
    }
    Ok((bytes, written))
}

impl Written {
    /// What a pack proves, in a few words.
    pub(super) fn of(proved: &Proved) -> Result<Self, Failure> {
        let (whole, header) = (&proved.whole, &proved.block.header);
        let signed = statement::parse(&whole.statement).map_err(|_| nothing())?;
        let id = signed.id();
        Ok(Self {
            evidence: human::write(human::Kind::Evidence, &id.0),
            statement: id,
            leaf: whole.log.leaf,
            height: header.height.0,
            time_ms: header.time.0,
            beside: Some(Beside {
                number: signed.claims.number,
                organisations: proved.organisations(),
                token: whole.token.is_some(),
                checkpoint: whole.checkpoint.is_some(),
                policy: whole.policy.is_some(),
            }),
        })
    }
}

fn nothing() -> Failure {
    Failure::broken(
        words!("节点没有给出该声明的证明", "the node gave no proof of the statement"),
        words!("请换一个节点", "use another node"),
    )
}

pub(super) fn not_sound(why: &linli_verify::Failure) -> Failure {
    let (zh, en) = (why.text(Lang::Zh), why.text(Lang::En));
    Failure::broken(
        words!("节点给出的证明不成立：{zh}", "the node's proof does not hold: {en}"),
        words!(
            "请换一个节点，并通知其运维人员",
            "use another node and tell this one's administrator"
        ),
    )
}

/// The genesis that packs are verified against: the user's own, else the node's, whose digest must be
/// the chain's id that the key file names.
pub(in crate::cli::evidence) async fn chain_genesis(
    connect: &Connect,
    node: &Node,
    out: &mut Output<'_>,
) -> Result<Vec<u8>, Failure> {
    if let Some(path) = connect.genesis() {
        return Ok(genesis::read(path)?.2);
    }
    let bytes = node.client.genesis().await.map_err(|why| {
        let hint = words!("请用 --genesis 给出创世文件", "give the genesis file with --genesis");
        Failure::from(why).advising(hint)
    })?;
    out.note(&words!(
        "未给出 --genesis：创世文件取自节点，已按密钥文件所载的链编号核对",
        "no --genesis is given: the node's was taken, and it is the one of the chain that the key file names"
    ));
    Ok(bytes)
}
