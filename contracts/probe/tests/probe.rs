//! The probe does what it is asked, so that a test of the host tests the host.

use linli_contract::testing::{Outcome, Pretend};
use linli_probe::schema as ask;
use linli_probe::{call, fire, query, raw_call};
use prost::Message;

fn key(key: &[u8]) -> ask::Key {
    ask::Key { key: key.into() }
}

#[test]
fn a_write_stays_and_a_write_before_a_refusal_does_not() {
    let mut host = Pretend::default();
    let entry =
        |value: u8| ask::Entry { key: b"k".into(), value: vec![value], note: String::new() };
    assert!(matches!(host.call(call, "Write", &entry(1)), Outcome::Done { .. }));
    assert_eq!(host.call(call, "WriteThenRefuse", &entry(2)).code(), Some(1));
    let read: ask::Entry = host.query(query, "Read", &key(b"k")).result().unwrap();
    assert_eq!(read.value, [1]);
    host.call(call, "Remove", &key(b"k"));
    assert!(host.state.entries.is_empty());
}

#[test]
fn a_timer_fires_once_at_its_time_and_a_cancelled_one_never() {
    let mut host = Pretend { now_ms: 1000, ..Pretend::default() };
    let set = |payload: &[u8]| ask::ScheduleRequest { after_ms: 500, payload: payload.into() };
    host.call(call, "Schedule", &set(b"stays"));
    let gone: ask::Id = host.call(call, "Schedule", &set(b"goes")).result().unwrap();
    let cancelled: ask::Number = host.call(call, "Cancel", &gone).result().unwrap();
    let again: ask::Number = host.call(call, "Cancel", &gone).result().unwrap();
    assert_eq!((cancelled.number, again.number), (1, 0));
    host.now_ms = 1499;
    assert!(host.fire_due(fire).is_empty());
    host.now_ms = 1500;
    let [fired] = host.fire_due(fire).try_into().unwrap();
    let event = ask::Fired::decode(fired.events()[0].data.as_slice()).unwrap();
    assert_eq!((event.payload.as_slice(), event.number, event.at_ms), (&b"stays"[..], 1, 1500));
    assert!(host.fire_due(fire).is_empty());
}

#[test]
fn bad_behaviour_ends_as_it_should() {
    let mut host = Pretend::default();
    let amount = |amount| ask::Amount { amount };
    let many = |amount, bytes| ask::Many { amount, bytes };
    assert_eq!(host.call(call, "Trap", &ask::Nothing {}), Outcome::Trapped);
    assert_eq!(host.call(call, "Panic", &ask::Nothing {}), Outcome::Trapped);
    assert_eq!(host.call(call, "Emit", &many(65, 1)), Outcome::Stopped("events"));
    assert_eq!(host.call(call, "Emit", &many(1, 1024)), Outcome::Stopped("event bytes"));
    assert_eq!(host.call(call, "BigResult", &amount(16 * 1024)), Outcome::Stopped("result bytes"));
    assert_eq!(host.call(call, "RefuseUnknown", &amount(404)).code(), Some(404));
    assert_eq!(host.query(query, "Write", &key(b"k")), Outcome::Stopped("a write in a query"));
    let cross = ask::CrossRequest { room: "nowhere".into(), ..ask::CrossRequest::default() };
    assert_eq!(host.call(call, "Cross", &cross), Outcome::Stopped("refused by another room"));
    let odd = [b"\x03Odd".as_slice(), &ask::OddRequest { code: -7 }.encode_to_vec()].concat();
    assert_eq!(host.run(false, |env| raw_call(env, &odd)), Outcome::Stopped("an unknown answer"));
    assert_eq!(host.state, Pretend::default().state);
}
