//! The council at work through the command line, on a net of four processes.
#![allow(clippy::unwrap_used, reason = "a test may")]

mod support;

use serde_json::Value;
use support::{Live, linli, text, until};

const SEATS: [&str; 3] = ["council-resident", "council-enterprise", "council-social"];

#[test]
fn the_council_decides_from_the_command_line() {
    let live = Live::start();
    a_motion_that_passes_changes_the_policy(&live);
    a_motion_that_nobody_supports_fails(&live);
    seats_change_by_motion_and_are_left(&live);
    what_is_asked_wrongly_is_said(&live);
}

/// Opens a motion and gives its id.
fn open(live: &Live, deed: &str, seconds: u64) -> String {
    let closes = format!("{seconds}s");
    let args =
        ["motion", "open", "--text", "调整参数", "--deed", deed, "--closes-in", closes.as_str()];
    let opened = live.linli("council-resident", &args).done().json();
    assert!(opened["motion_code"].as_str().unwrap().starts_with("MO-"), "{opened}");
    opened["motion"].as_str().unwrap().to_owned()
}

fn show(live: &Live, motion: &str) -> Value {
    live.linli_at(1, "resident", &["motion", "show", motion]).done().json()
}

fn comes_to(live: &Live, motion: &str, standing: &str) -> Value {
    until(standing, || {
        let shown = show(live, motion);
        (shown["standing"] == standing).then_some(shown)
    })
}

fn param(base: u32, value: u32) -> String {
    format!(r#"{{"policy":{{"base":{base},"params":[{{"param":1000,"value":"{value}"}}]}}}}"#)
}

fn a_motion_that_passes_changes_the_policy(live: &Live) {
    // What the administrator did alone is the council's now.
    let set =
        r#"{"base":1,"effective_at_ms":"9999999999999","params":[{"param":1000,"value":"1"}]}"#;
    let set = live.linli("district-admin", &["call", "policy", "Set", "--args", set]);
    set.fails(1, "MOTION_NEEDED", "refusal receipt").saying("motion");
    let council = live.linli("resident", &["motion", "council"]).done().json();
    assert_eq!(council["stands"], true, "{council}");
    let motion = open(live, &param(1, 77), 8);
    // Each votes through another node.
    for (at, seat) in SEATS.iter().enumerate() {
        live.linli_at(at + 1, seat, &["motion", "vote", &motion, "yes"]).done();
    }
    let again = live.linli(SEATS[0], &["motion", "vote", &motion, "no"]);
    again.fails(1, "ALREADY_VOTED", "refusal receipt");
    comes_to(live, &motion, "EXECUTED");
    let vote = live.linli(SEATS[0], &["motion", "vote", &motion, "yes"]);
    vote.fails(1, "MOTION_CLOSED", "refusal receipt");
    // The version begins by itself once its lock is over; every node says so with its next block.
    let mut id = 500;
    for at in 0..4 {
        until("the version begins", || {
            id += 1;
            live.transfer(0, id).done();
            let at = live.linli_at(at, "resident", &["query", "policy", "At"]).done().json();
            let result = &at["result"];
            let params = result["params"].as_array().unwrap().iter();
            let ours = params.filter(|p| p["param"] == 1000).map(|p| p["value"].clone()).next();
            (result["version"] == 2).then(|| assert!(ours.is_some_and(|v| v == "77" || v == 77)))
        });
    }
}

fn a_motion_that_nobody_supports_fails(live: &Live) {
    let motion = open(live, r#"{"resolution":{}}"#, 3);
    live.linli(SEATS[2], &["motion", "vote", &motion, "no"]).done();
    let shown = comes_to(live, &motion, "FAILED");
    assert_eq!(shown["chambers"][2]["no"], 1, "{shown}");
    let list = live.linli("resident", &["motion", "list", "--from", "2"]).done().json();
    assert_eq!((&list["last"], list["motions"].as_array().unwrap().len()), (&2.into(), 1));
}

/// The residents' seat goes to the person "resident", and is left again.
fn seats_change_by_motion_and_are_left(live: &Live) {
    let of = |who: &str| {
        let shown = linli(&["key", "show", text(&live.key(who))]).done().json();
        shown["principal"].as_str().unwrap().to_owned()
    };
    let (old, new) = (of(SEATS[0]), of("resident"));
    let office =
        |what: &str, who: &str, role: &str| live.linli("district-admin", &["org", what, who, role]);
    office("grant", &new, "council_res").fails(1, "MOTION_NEEDED", "refusal receipt");
    office("withdraw", &old, "council_res").fails(1, "MOTION_NEEDED", "refusal receipt");
    let seat = |who: &str| format!("residents={who}");
    let (take, give) = (seat(&old), seat(&new));
    let open = |more: &[&str]| {
        let args = ["motion", "open", "--text", "换届", "--closes-in", "8s"];
        live.linli(SEATS[1], &[&args[..], more].concat())
    };
    open(&["--take-seat", &take]).fails(1, "CHAMBER_EMPTY", "refusal receipt");
    open(&["--give-seat", "board=1"]).fails(2, "USAGE", "nothing").saying("residents=");
    open(&["--give-seat", &give, "--absent"]).fails(2, "USAGE", "nothing");
    open(&["--give-seat", &give, "--deed", "{}"]).fails(2, "USAGE", "nothing");
    open(&["--take-seat", &take, "--give-seat", &give, "--absent"]).fails(
        1,
        "MOTION_CLOSE",
        "refusal receipt",
    );
    let opened = open(&["--take-seat", &take, "--give-seat", &give]).done().json();
    let motion = opened["motion"].as_str().unwrap().to_owned();
    assert_eq!(show(live, &motion)["threshold"], "SPECIAL");
    for (at, seat) in SEATS.iter().enumerate() {
        live.linli_at(at + 1, seat, &["motion", "vote", &motion, "yes"]).done();
    }
    comes_to(live, &motion, "EXECUTED");
    live.linli(SEATS[0], &["motion", "resign"]).fails(1, "ROLE_DENIED", "refusal receipt");
    live.linli("resident", &["motion", "resign"]).done();
    // It was the last one: the district fills that chamber, once.
    office("grant", &new, "council_res").done();
    office("grant", &old, "council_res").fails(1, "MOTION_NEEDED", "refusal receipt");
}

fn what_is_asked_wrongly_is_said(live: &Live) {
    let nobody = "ab".repeat(16);
    live.linli("resident", &["motion", "show", &nobody]).fails(1, "NO_MOTION", "nothing");
    let vote =
        |who: &str, motion: &str, say: &str| live.linli(who, &["motion", "vote", motion, say]);
    vote("operator", &nobody, "yes").fails(1, "ROLE_DENIED", "refusal receipt");
    vote(SEATS[1], &nobody, "yes").fails(1, "NO_MOTION", "refusal receipt");
    vote(SEATS[0], &nobody, "perhaps").fails(2, "USAGE", "nothing").saying("yes, no");
    vote(SEATS[0], "MO-1234", "yes").fails(2, "USAGE", "nothing");
    let open = |deed: &str, closes: &str| {
        let args = ["motion", "open", "--text", "议案", "--deed", deed, "--closes-in", closes];
        live.linli(SEATS[1], &args)
    };
    open("{}", "1.5h").fails(2, "USAGE", "nothing").saying("36h");
    open("not json", "1h").fails(2, "USAGE", "nothing");
    open(r#"{"nonsense":{}}"#, "1h").fails(2, "SCHEMA", "nothing");
    open("{}", "1h").fails(1, "MALFORMED", "refusal receipt");
    open(r#"{"resolution":{}}"#, "365d").fails(1, "MOTION_CLOSE", "refusal receipt");
    open(&param(9, 1), "1h").fails(1, "POLICY_BASE", "refusal receipt");
    let weights = r#"{"policy":{"base":2,"weights":[{"of":"COUNCIL","parts":[40,30,31]}]}}"#;
    open(weights, "1h").fails(1, "THRESHOLD_LOW", "refusal receipt").saying("SPECIAL");
    let args = ["motion", "open", "--text", "议案", "--special", "--deed", weights];
    live.linli(SEATS[1], &args).fails(1, "WEIGHTS", "refusal receipt");
    let text = ["motion", "open", "--text", "电话 13800138000"];
    live.linli(SEATS[1], &text).fails(1, "PII_SUSPECTED", "nothing");
}
