//! `linli check-db`: is what stands on this disk whole? Executes nothing, writes nothing.

use super::store::open;
use super::{Failure, Output};
use crate::words::words;
use linli_runtime::{Settings, check_db};
use linli_types::signature::Zip215;
use serde_json::json;
use std::path::PathBuf;

/// Checks every block, receipt, certificate and entry of a stopped node.
#[derive(clap::Args)]
pub(super) struct CheckDb {
    /// The node's data folder.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
}

impl CheckDb {
    pub(super) fn run(self, out: &mut Output) -> Result<(), Failure> {
        let store = open(&self.data, out)?;
        let complaints = check_db(&store, &Zip215, Settings::default());
        for complaint in &complaints {
            out.note(&crate::words::Words::same(complaint.as_str()));
        }
        let found = complaints.len();
        if found > 0 {
            let failure = Failure::broken(
                words!("数据库有 {found} 处不符", "the database has {found} faults"),
                words!(
                    "请保留现场，换新目录从其他节点同步",
                    "keep the folder as it is and let a new one catch up from the others"
                ),
            );
            return Err(failure.with(json!({"clean": false, "complaints": complaints})));
        }
        let head = linli_runtime::stored::load_head(&store).ok().flatten();
        let (height, root) = head.map_or_else(Default::default, |h| (h.height, h.state_root));
        out.answer(
            &json!({"clean": true, "complaints": [], "height": height.0,
                    "state_root": root.to_string()}),
            &words!(
                "数据库完好：高度 {height}，状态根 {root}",
                "clean: height {height}, state root {root}"
            ),
        );
        Ok(())
    }
}
