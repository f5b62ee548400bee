//! Any bytes are a program, and a program reaches every function of the host.

use linli_hostile::program::{Kind, STEP_BYTES, Step, Steps};
use linli_hostile::{FUNCTIONS, world};
use proptest::prelude::*;

proptest! {
    #[test]
    fn any_bytes_are_steps_and_no_byte_is_read_twice(
        code in proptest::collection::vec(any::<u8>(), 0..400),
    ) {
        let steps: Vec<Step<'_>> = Steps::new(&code).collect();
        let handed: usize = steps.iter().map(|step| step.code.len()).sum();
        prop_assert!(code.is_empty() || !steps.is_empty());
        // Only the last step may be cut short.
        let whole = steps.len() * STEP_BYTES + handed;
        prop_assert!(whole >= code.len() && whole < code.len() + STEP_BYTES);
    }
}

#[test]
fn every_function_of_the_host_is_some_steps_purpose() {
    let steps =
        |n: u8| Steps::new(&[n, n, 0, 0, 0, 0, 0, 0]).next().and_then(|s| s.host_function());
    let mut found: Vec<usize> = (0..64).filter_map(steps).collect();
    found.sort_unstable();
    found.dedup();
    let raw = (0..=255).find(|n| Steps::new(&[*n]).next().unwrap().kind == Kind::Raw).unwrap();
    for place in 0..FUNCTIONS {
        let step = Steps::new(&[raw, u8::try_from(place).unwrap()]).next().unwrap().host_function();
        assert_eq!(step, Some(place));
    }
    assert_eq!(found, (0..FUNCTIONS).collect::<Vec<_>>());
}

#[test]
fn accounts_have_ids_of_their_own() {
    let mut ids: Vec<_> = (0..world::slots()).map(world::account).collect();
    ids.dedup();
    assert_eq!(ids.len(), world::slots());
    assert!(world::find(world::slots()).is_none());
    let own = world::find(world::own(8, 4)).unwrap();
    assert_eq!(own.owner, world::Owner::Room(8));
}
