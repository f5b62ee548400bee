//! A node in trouble, as its administrator meets it: a full disk, a write that fails, a second
//! node with the same key, a folder in use. Real processes and their exit codes.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod support;

use linli_testnet::net::{Member, bare, binary};
use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Instant;
use support::{BOUND, Live, Ran, linli, run, text, until};

/// In the order of the net: district 3, operators 2 and 2, fund 3; seven of ten decide.
const DISTRICT: usize = 0;
const OPERATOR_A: usize = 1;
const OPERATOR_B: usize = 2;
const FUND: usize = 3;

/// No file of a node may grow beyond this many KiB: enough to start, and for some blocks.
const FILE_KIB_MAX: u32 = 300;

#[test]
fn nodes_in_trouble_say_so_and_the_others_go_on() {
    let mut live = Live::start();
    live.transfer(DISTRICT, 1).done();
    a_folder_in_use_is_left_alone(&live);
    below_its_reserve_a_node_takes_nothing_and_votes(&mut live);
    a_failing_write_is_exit_3_and_with_room_it_goes_on(&mut live);
    a_second_node_with_the_same_key_is_exit_3(&mut live);
}

fn a_folder_in_use_is_left_alone(live: &Live) {
    let data = &live.net.validators[DISTRICT].data_dir;
    for command in ["check-db", "replay"] {
        let ran = linli(&[command, "--data", text(data)]);
        ran.fails(3, "BROKEN", "nothing").saying("running");
    }
    // Its ports are taken too, and that is found first.
    let ran = linli(&["run", "--data", text(data)]).fails(3, "BROKEN", "nothing");
    ran.saying(bare(&live.net.validators[DISTRICT].grpc)).saying("port");
    live.transfer(DISTRICT, 2).done();
}

/// Stops a validator as an administrator would, and waits until it has.
fn stop(member: &mut Member) {
    let pid = i32::try_from(member.pid).ok().and_then(rustix::process::Pid::from_raw).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    until("the validator stops", || (!linli_testnet::process::is_alive(member.pid)).then_some(()));
    member.pid = 0;
}

fn set_reserve(member: &Member, bytes: u64) {
    let path = member.data_dir.join("config.toml");
    let config = fs::read_to_string(&path).unwrap();
    let line = config.lines().find(|line| line.starts_with("reserve_bytes")).unwrap();
    fs::write(&path, config.replace(line, &format!("reserve_bytes = {bytes}"))).unwrap();
}

fn below_its_reserve_a_node_takes_nothing_and_votes(live: &mut Live) {
    let usual = linli_types::limits::DISK_RESERVE_BYTES;
    stop(&mut live.net.validators[FUND]);
    set_reserve(&live.net.validators[FUND], i64::MAX as u64);
    live.net.validators[FUND].restart().unwrap();
    until("the node sees its disk", || {
        let status = live.linli_at(FUND, "operator", &["status"]).done().json();
        (status["not_accepting"] == "DISK_RESERVE" && status["accepting"] == false).then_some(())
    });
    live.transfer(FUND, 10).fails(1, "DISK_RESERVE", "nothing").saying("another node");
    // Without operator A the quorum needs the fund's vote.
    stop(&mut live.net.validators[OPERATOR_A]);
    live.transfer(DISTRICT, 10).done();
    live.net.validators[OPERATOR_A].restart().unwrap();
    stop(&mut live.net.validators[FUND]);
    set_reserve(&live.net.validators[FUND], usual);
    live.net.validators[FUND].restart().unwrap();
    live.transfer(FUND, 11).done();
}

/// Starts a validator that cannot write beyond a bound. The signal that the system sends for it is
/// ignored, so that the write fails as it does on a full disk.
fn start_bounded(data: &str) -> Child {
    let script = format!(
        "trap '' XFSZ; ulimit -f {FILE_KIB_MAX}; exec \"$0\" run --data \"$1\" --json --lang en"
    );
    let mut command = Command::new("bash");
    command.args(["-c", &script, text(&binary("linli").unwrap()), data]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

/// What a process said in the end. It must end by itself.
fn ended(mut child: Child) -> Ran {
    until("the process ends", || child.try_wait().unwrap());
    Ran::of(&child.wait_with_output().unwrap(), std::time::Duration::ZERO)
}

fn a_failing_write_is_exit_3_and_with_room_it_goes_on(live: &mut Live) {
    stop(&mut live.net.validators[OPERATOR_B]);
    let data = live.net.validators[OPERATOR_B].data_dir.clone();
    let mut child = start_bounded(text(&data));
    // Anchors fill its disk; what is submitted through others is not lost by its end.
    let begun = Instant::now();
    let mut id = 1000;
    while child.try_wait().unwrap().is_none() {
        assert!(begun.elapsed() < BOUND, "it never filled up");
        id += 1;
        live.transfer(DISTRICT, id).done();
    }
    let ran = ended(child).fails(3, "BROKEN", "nothing");
    ran.saying("damaged").saying("check-db");
    let transfers = id;
    // Nothing stands there half-written.
    let checked = linli(&["check-db", "--data", text(&data)]).done().json();
    assert_eq!(checked["clean"], true, "{checked}");
    let replayed = linli(&["replay", "--data", text(&data)]).done().json();
    assert_eq!(replayed["state_root"], checked["state_root"]);
    live.net.validators[OPERATOR_B].restart().unwrap();
    let height = live.height(DISTRICT);
    until("it has caught up", || (live.height(OPERATOR_B) >= height).then_some(()));
    live.transfer(OPERATOR_B, transfers + 1).done();
    live.transfer(OPERATOR_B, transfers).fails(1, "DUPLICATE", "refusal receipt");
}

fn free_address() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

/// A second data folder with the district's keys, as somebody makes it who moves a validator and
/// forgets to stop the first.
fn twin(live: &Live) -> PathBuf {
    let keys = live.path("net/keys");
    let data = live.path("twin");
    let first = &live.net.validators[DISTRICT];
    let mut command = Command::new(binary("linli").unwrap());
    command.args(["init", "--json", "--lang", "en", "--data", text(&data)]);
    command.args(["--genesis", text(&live.net.genesis)]);
    command.arg("--validator-key").arg(keys.join("district.validator.key"));
    command.arg("--network-key").arg(keys.join("district.network.key"));
    run(&mut command).done();
    // The same peers, and other places to listen.
    let config = fs::read_to_string(first.data_dir.join("config.toml")).unwrap();
    let own = config.lines().filter(|line| line.contains("listen = "));
    let other = own.fold(config.clone(), |config, line| {
        let key = line.split_once(" = ").unwrap().0;
        config.replacen(line, &format!("{key} = \"{}\"", free_address()), 1)
    });
    fs::write(data.join("config.toml"), other).unwrap();
    let carrier = "keys/carrier.key";
    fs::copy(first.data_dir.join(carrier), data.join(carrier)).unwrap();
    data
}

fn a_second_node_with_the_same_key_is_exit_3(live: &mut Live) {
    // Two of four cannot commit: the next height stays under way, with votes of the first one.
    for at in [OPERATOR_B, FUND] {
        stop(&mut live.net.validators[at]);
    }
    let mut waiting = start_transfer(live, OPERATOR_A, 100_000);
    until("the height is under way", || {
        let status = live.linli_at(OPERATOR_A, "operator", &["status"]).done().json();
        (status["pool_transactions"] == 1).then_some(())
    });
    let mut command = Command::new(binary("linli").unwrap());
    command.args(["run", "--json", "--lang", "en", "--data", text(&twin(live))]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let ran = ended(command.spawn().unwrap()).fails(3, "BROKEN", "nothing");
    ran.saying("same key").saying("one node only");
    for at in [OPERATOR_B, FUND] {
        live.net.validators[at].restart().unwrap();
    }
    // Three of four are a quorum whether or not the first one noticed the second and stopped too.
    until("what waited is done", || waiting.try_wait().unwrap());
    assert!(waiting.wait().unwrap().success());
    live.transfer(FUND, 100_001).done();
}

/// A transfer whose receipt somebody waits for.
fn start_transfer(live: &Live, at: usize, id: u64) -> Child {
    let mut command = live.transfer_command(at, id);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().unwrap()
}
