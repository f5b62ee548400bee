//! A file larger than memory wants to be: streamed through the real command line.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod support;

use linli_testnet::net::binary;
use linli_testnet::process;
use std::fs::File;
use std::process::{Child, Command, Stdio};
use support::{BOUND, Live, text};

/// Bytes of the file. It is sparse: it takes no room on disk.
const SIZE: u64 = 3 << 30;
/// What a command may hold in memory at most, whatever the file.
const MEMORY_MIB_MAX: f64 = 200.0;

#[test]
fn a_file_of_3_gb_is_anchored_and_verified_as_a_stream() {
    let live = Live::start();
    let file = live.path("survey.mp4");
    File::create(&file).unwrap().set_len(SIZE).unwrap();
    let (node, key, out) = (&live.net.validators[0].grpc, live.key("operator"), live.path("packs"));
    let (genesis, pack) = (&live.net.genesis, out.join("survey.mp4.linli"));
    // Longer on the way than a node keeps a silent connection: it must live, or be made anew.
    let anchor = ["evidence", "anchor", text(&file), "--node", node, "--key", text(&key)];
    let anchor = [&anchor[..], &["--out", text(&out), "--genesis", text(genesis)]].concat();
    let verify = ["verify", text(&pack), text(&file), "--genesis", text(genesis)];
    for args in [&anchor[..], &verify] {
        let mut command = Command::new(binary("linli").unwrap());
        command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let peak = peak_mib(&mut child);
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        println!("{}: {peak:.0} MiB at most", args[0]);
        assert!(peak > 1.0 && peak < MEMORY_MIB_MAX, "{}: {peak} MiB", args[0]);
    }
    // Cut short it is another file.
    File::options().write(true).open(&file).unwrap().set_len(1 << 20).unwrap();
    let cut = live.verify(&[text(&pack), text(&file)]);
    assert_eq!((cut.exit, &cut.json()["layer"]), (Some(1), &"file".into()), "{cut:?}");
}

/// Looks at a process until it ends; the largest memory it was seen with.
fn peak_mib(child: &mut Child) -> f64 {
    let begun = std::time::Instant::now();
    let mut peak = 0.0_f64;
    while child.try_wait().unwrap().is_none() {
        peak = peak.max(process::rss_mib_max(child.id()).unwrap_or(0.0));
        assert!(begun.elapsed() < 5 * BOUND, "it does not end");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    peak
}
