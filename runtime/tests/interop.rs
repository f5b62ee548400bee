//! The evidence log, judged by an implementation of RFC 9162 that others wrote.
#![allow(clippy::unwrap_used, reason = "a test may")]

#[path = "../../testnet/tests/interop/python.rs"]
mod python;

use linli_runtime::log::{Log, consistency, leaf_path, node_key, root_at};
use linli_types::id::Digest;
use linli_types::merkle::STATEMENT_VERSION;
use linli_types::store::{Batch, Column, Memory};

const SIZES: u64 = 41;

fn hex(nodes: &[Digest]) -> String {
    let nodes: Vec<String> = nodes.iter().map(|node| format!("\"{node}\"")).collect();
    format!("[{}]", nodes.join(","))
}

#[test]
#[allow(clippy::disallowed_methods, reason = "a test may write a file for another program")]
fn roots_and_paths_of_every_size_are_the_standards() {
    let statement = |n: u64| linli_types::digest::plain(&n.to_le_bytes());
    let (mut log, mut nodes, mut batch) = (Log::default(), Vec::new(), Batch::default());
    (0..SIZES).for_each(|n| log.append(&statement(n), &mut nodes));
    for (level, index, hash) in nodes {
        batch.put(Column::Log, node_key(level, index), hash.0);
    }
    let mut store = Memory::default();
    store.apply(&batch);

    let entry = |n| format!("\"{STATEMENT_VERSION:02x}{}\"", statement(n));
    let entries: Vec<String> = (0..SIZES).map(entry).collect();
    let (mut roots, mut inclusion, mut consistent) = (Vec::new(), Vec::new(), Vec::new());
    for size in 1..=SIZES {
        roots.push(format!("\"{size}\":\"{}\"", root_at(&store, size).unwrap()));
        for index in 0..size {
            let path = hex(&leaf_path(&store, index, size).unwrap().unwrap());
            inclusion.push(format!(r#"{{"index":{index},"size":{size},"path":{path}}}"#));
        }
        for from in 1..=size {
            let path = hex(&consistency(&store, from, size).unwrap().unwrap());
            consistent.push(format!(r#"{{"from":{from},"to":{size},"path":{path}}}"#));
        }
    }
    let job = format!(
        r#"{{"entries":[{}],"roots":{{{}}},"inclusion":[{}],"consistency":[{}]}}"#,
        entries.join(","),
        roots.join(","),
        inclusion.join(","),
        consistent.join(",")
    );
    let file = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("log.json");
    std::fs::write(&file, job).unwrap();
    let paths = inclusion.len() + consistent.len();
    let expected = format!(r#"{{"roots": {SIZES}, "paths": {paths}, "wrong": []}}"#);
    assert_eq!(python::check(&["log", file.to_str().unwrap()]), expected);
}
