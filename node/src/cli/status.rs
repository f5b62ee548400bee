//! `linli status`: where a node stands.

use super::connect::Connect;
use super::{Failure, Output, block_on};
use crate::words::{Words, words};
use linli_proto::StatusResponse;
use linli_types::code::Code;
use serde_json::{Value, json};

/// Asks a node where it stands.
#[derive(clap::Args)]
pub(super) struct Status {
    #[command(flatten)]
    connect: Connect,
}

impl Status {
    pub(super) fn run(self, out: &mut Output) -> Result<(), Failure> {
        let status = block_on(async {
            let node = self.connect.open().await?;
            Ok(node.client.status().await?)
        })?;
        out.answer(&to_json(&status), &text(&status));
        Ok(())
    }
}

fn to_json(s: &StatusResponse) -> Value {
    json!({
        "chain": hex::encode(&s.chain), "chain_name": s.chain_name, "name": s.name,
        "validator": hex::encode(&s.validator), "height": s.height,
        "block": hex::encode(&s.block), "state_root": hex::encode(&s.state_root),
        "time_ms": s.time_ms, "round": s.round, "log_size": s.log_size, "peers": s.peers,
        "pool_transactions": s.pool_transactions, "pool_bytes": s.pool_bytes,
        "accepting": s.accepting, "not_accepting": reason(s).map(Code::name),
        "timer_lag_ms": s.timer_lag_ms, "validates": s.validates, "protocol": s.protocol, "version": s.version,
        "rooms": s.rooms,
    })
}

fn reason(s: &StatusResponse) -> Option<Code> {
    Code::from_number(s.not_accepting_code)
}

fn text(s: &StatusResponse) -> Words {
    let (name, chain, height) = (&s.name, &s.chain_name, s.height);
    let (id, root) = (hex::encode(&s.chain), hex::encode(&s.state_root));
    let (peers, pool, bytes, leaves) = (s.peers, s.pool_transactions, s.pool_bytes, s.log_size);
    let (lag, rooms) = (s.timer_lag_ms, s.rooms.join(" "));
    let taking = match reason(s) {
        _ if !s.validates => words!(
            "不是现任验证节点，只保存数据，不参与表决",
            "not a validator: it keeps its data and has no vote"
        ),
        None => words!("受理中", "accepting"),
        Some(code) => Words {
            zh: format!("暂停受理：{}", code.text(linli_types::code::Lang::Zh).0),
            en: format!("not accepting: {}", code.text(linli_types::code::Lang::En).0),
        },
    };
    let (zh, en) = (taking.zh, taking.en);
    words!(
        "节点 {name}　{zh}\n链 {chain}　{id}\n高度 {height}　状态根 {root}\n\
         邻居 {peers}　等待 {pool} 笔（{bytes} 字节）　存证 {leaves} 条　定时滞后 {lag} 毫秒\n模块 {rooms}",
        "node {name}: {en}\nchain {chain} {id}\nheight {height}, state root {root}\n\
         peers {peers}, waiting {pool} ({bytes} bytes), log leaves {leaves}, timer lag {lag} ms\nrooms {rooms}"
    )
}
