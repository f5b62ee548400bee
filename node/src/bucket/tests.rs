//! The laws of a token bucket, for every rate and every clock.

use super::*;
use proptest::prelude::*;

const RATE: Rate = Rate { per_s: 10, burst: 5 };

/// Takes at `now` until refused; how many were given.
fn drain(table: &mut Table<u8>, name: u8, now: u64) -> u64 {
    (0..).take_while(|_| table.take(&name, now).is_ok()).count() as u64
}

#[test]
fn a_burst_passes_and_then_the_rate_holds() {
    let mut table = Table::new(RATE);
    assert_eq!(drain(&mut table, 1, 1000), 5);
    // The wait that is named is exactly long enough.
    assert_eq!(table.take(&1, 1000), Err(100));
    assert_eq!(table.take(&1, 1099), Err(1));
    assert_eq!(table.take(&1, 1100), Ok(()));
    assert_eq!(drain(&mut table, 1, 2100), 5);
}

#[test]
fn every_name_has_its_own_and_looking_costs_nothing() {
    let mut table = Table::new(RATE);
    assert_eq!(drain(&mut table, 1, 0), 5);
    for _ in 0..100 {
        assert_eq!((table.wait(&2, 0), table.available(&2, 0)), (0, 5));
    }
    assert_eq!(drain(&mut table, 2, 0), 5);
    assert_eq!((table.wait(&1, 0), table.available(&1, 0)), (100, 0));
}

#[test]
fn what_was_done_already_is_paid_for_later() {
    let mut table = Table::new(RATE);
    table.charge(&1, 4, 0);
    assert_eq!(table.available(&1, 0), 1);
    table.charge(&1, u64::MAX, 0);
    assert_eq!(table.take(&1, 0), Err(100));
}

#[test]
fn a_crowd_of_names_is_bounded_and_forgets_the_longest_silent() {
    let mut table = Table::with(RATE, 8);
    assert_eq!(drain(&mut table, 255, 0), 5);
    for name in 0..8 {
        table.charge(&name, 1, 0);
        assert!(table.take(&255, 0).is_err(), "it has asked all the time");
        table.charge(&255, 0, 0);
    }
    for name in 0..200 {
        table.charge(&name, 1, 0);
        assert!(table.young.len() + table.old.len() <= 16);
    }
    assert_eq!(table.available(&255, 0), 5);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    /// K1: in every window no more than the burst and what the window earns.
    #[test]
    fn no_window_gives_more_than_burst_and_rate(
        per_s in 1_u64..5_000,
        burst in 1_u64..50,
        steps in prop::collection::vec(0_u64..400, 1..80),
    ) {
        let mut table = Table::new(Rate { per_s, burst });
        let (mut now, mut given) = (0, Vec::new());
        for step in steps {
            now += step;
            if table.take(&0_u8, now).is_ok() {
                given.push(now);
            }
        }
        for (i, from) in given.iter().enumerate() {
            for (j, to) in given.iter().enumerate().skip(i) {
                let count = (j - i + 1) as u64;
                // Thousandths, so that nothing is rounded.
                prop_assert!(count * 1000 <= burst * 1000 + per_s * (to - from));
            }
        }
    }

    /// K2: the level is what exact arithmetic says, however finely time is cut.
    #[test]
    fn refill_is_exact(
        per_s in 1_u64..100_000,
        burst in 1_u64..10_000,
        steps in prop::collection::vec((0_u64..2_000, 0_u64..50), 1..50),
    ) {
        let mut table = Table::new(Rate { per_s, burst });
        let full = u128::from(burst) * 1000;
        let (mut now, mut level) = (7, full);
        for (step, cost) in steps {
            now += step;
            level = (level + u128::from(per_s) * u128::from(step)).min(full);
            table.charge(&0_u8, cost, now);
            level = level.saturating_sub(u128::from(cost) * 1000);
            prop_assert_eq!(u128::from(table.available(&0, now)), level / 1000);
            // A wait that is named is enough, and no shorter one is.
            let wait = table.wait(&0, now);
            if wait > 0 {
                prop_assert!(table.wait(&0, now + wait) == 0 && table.wait(&0, now + wait - 1) > 0);
            }
        }
    }

    /// K3: whatever the clock does, nobody gains more than its forward moves, and a clock that goes
    /// on earns again at once.
    #[test]
    fn a_clock_that_jumps_does_nothing_bad(
        per_s in 1_u64..1_000,
        burst in 1_u64..20,
        times in prop::collection::vec(0_u64..10_000, 1..60),
    ) {
        let mut table = Table::new(Rate { per_s, burst });
        let (mut before, mut forward, mut given) = (times[0], 0_u64, 0_u64);
        for now in &times {
            forward += now.saturating_sub(before);
            given += u64::from(table.take(&0_u8, *now).is_ok());
            before = *now;
        }
        prop_assert!(given * 1000 <= burst * 1000 + per_s * forward);
        // Empty at a time that never was: from now on it earns as ever.
        table.charge(&0, u64::MAX, 1_000_000_000);
        prop_assert!(table.take(&0, before).is_err());
        prop_assert!(table.take(&0, before + 1000_u64.div_ceil(per_s)).is_ok());
    }
}
