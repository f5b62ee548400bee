//! GetStatus: where the node stands.

use super::Api;
use linli_proto as wire;

impl Api {
    pub(super) fn standing(&self) -> wire::StatusResponse {
        let rooms = self.node.checker().rooms().map(|(name, _)| name.to_owned()).collect();
        let status = self.node.status();
        let head = &status.head;
        wire::StatusResponse {
            chain: head.chain.0.to_vec(),
            chain_name: self.genesis.name.clone(),
            height: head.height.0,
            block: head.block.0.to_vec(),
            state_root: head.state_root.0.to_vec(),
            time_ms: head.time.0,
            log_size: head.log_size,
            validator: status.validator.0.to_vec(),
            name: status.name.clone(),
            peers: status.peers,
            pool_transactions: status.pool_transactions,
            pool_bytes: status.pool_bytes,
            accepting: status.accepting(),
            timer_lag_ms: status.timer_lag_ms,
            protocol: head.protocol,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            rooms,
            not_accepting_code: status.not_accepting.map_or(0, linli_types::code::Code::number),
            round: status.round,
            validates: status.validates,
        }
    }
}
