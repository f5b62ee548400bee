//! A network that loses, delays, repeats, reorders, clogs and parts.
//!
//! It decides when a message arrives, or that it does not. Its rates are themselves drawn per run
//! ("swarm testing"): a run with 30 % loss and no duplicates finds other bugs than the average of
//! all runs would.

use crate::chance::Chance;
use std::collections::{BTreeMap, BTreeSet};

/// Which way: from, to.
pub type Way = (usize, usize);

/// How the network is for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Weather {
    /// Shortest and longest latency of an ordinary message, in milliseconds.
    pub latency_ms: (u64, u64),
    /// Messages lost, in a thousand.
    pub loss: u64,
    /// Messages that arrive twice, in a thousand.
    pub repeat: u64,
    /// Messages that are held up, in a thousand.
    pub late: u64,
    /// Longest such hold-up, in milliseconds.
    pub late_ms: u64,
    /// Messages after which their way is clogged, in a thousand.
    pub clog: u64,
    /// Longest clog, in milliseconds.
    pub clog_ms: u64,
    /// Whether messages of one way keep their order, as on a TCP connection.
    pub ordered: bool,
}

impl Weather {
    /// A healthy local network.
    pub const FAIR: Self = Self {
        latency_ms: (1, 5),
        loss: 0,
        repeat: 0,
        late: 0,
        late_ms: 0,
        clog: 0,
        clog_ms: 0,
        ordered: true,
    };

    /// Draws the weather of a run.
    pub fn draw(chance: &mut Chance) -> Self {
        let some = |chance: &mut Chance, max: u64| match chance.below(3) {
            0 => 0,
            _ => chance.below(max + 1),
        };
        let low = chance.between(1, 20);
        Self {
            latency_ms: (low, low + chance.below(80)),
            loss: some(chance, 200),
            repeat: some(chance, 300),
            late: some(chance, 100),
            late_ms: chance.between(50, 5_000),
            clog: some(chance, 10),
            clog_ms: chance.between(50, 2_000),
            ordered: chance.one_in(2),
        }
    }

    /// The kinds of fault that this weather has.
    pub fn faults(&self) -> impl Iterator<Item = &'static str> {
        [
            (self.loss > 0, "loss"),
            (self.repeat > 0, "duplication"),
            (self.late > 0, "delay"),
            (self.clog > 0, "clog"),
            (!self.ordered, "reorder"),
        ]
        .into_iter()
        .filter_map(|(is, name)| is.then_some(name))
    }
}

/// What became of messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Carried {
    /// Handed in.
    pub sent: u64,
    /// Arrived never.
    pub lost: u64,
    /// Arrived twice.
    pub repeated: u64,
}

/// Every way between any two machines.
pub struct Network {
    chance: Chance,
    weather: Weather,
    /// Ways that carry nothing now.
    cut: BTreeSet<Way>,
    /// Ways that carry nothing before a time.
    clogged: BTreeMap<Way, u64>,
    /// Latest arrival on each way.
    last: BTreeMap<Way, u64>,
    /// What became of all messages.
    pub carried: Carried,
}

impl Network {
    /// A network with this weather.
    pub fn new(chance: Chance, weather: Weather) -> Self {
        let (cut, clogged, last) = (BTreeSet::new(), BTreeMap::new(), BTreeMap::new());
        let carried = Carried { sent: 0, lost: 0, repeated: 0 };
        Self { chance, weather, cut, clogged, last, carried }
    }

    /// Changes the weather.
    pub fn set_weather(&mut self, weather: Weather) {
        self.weather = weather;
    }

    /// Cuts one way; the way back stays as it is.
    pub fn cut(&mut self, way: Way) {
        self.cut.insert(way);
    }

    /// Mends one way.
    pub fn mend(&mut self, way: Way) {
        self.cut.remove(&way);
    }

    /// Mends everything, and clears every clog.
    pub fn mend_all(&mut self) {
        self.cut.clear();
        self.clogged.clear();
    }

    /// Whether a way is cut.
    pub fn is_cut(&self, way: Way) -> bool {
        self.cut.contains(&way)
    }

    /// When a message handed in now arrives: never, once, or twice.
    pub fn carry(&mut self, now_ms: u64, way: Way) -> impl Iterator<Item = u64> + use<> {
        self.carried.sent += 1;
        let lost = self.cut.contains(&way) || self.chance.permille(self.weather.loss);
        let first = (!lost).then(|| self.arrival(now_ms, way));
        let again = first.is_some() && self.chance.permille(self.weather.repeat);
        let second = again.then(|| self.arrival(now_ms, way));
        self.carried.lost += u64::from(lost);
        self.carried.repeated += u64::from(again);
        first.into_iter().chain(second)
    }

    fn arrival(&mut self, now_ms: u64, way: Way) -> u64 {
        let (low, high) = self.weather.latency_ms;
        let mut when = now_ms + self.chance.between(low, high);
        if self.chance.permille(self.weather.late) {
            when += self.chance.below(self.weather.late_ms + 1);
        }
        if self.chance.permille(self.weather.clog) {
            self.clogged.insert(way, now_ms + self.chance.below(self.weather.clog_ms + 1));
        }
        when = when.max(self.clogged.get(&way).copied().unwrap_or(0));
        if self.weather.ordered {
            let last = self.last.entry(way).or_insert(0);
            when = when.max(*last);
            *last = when;
        }
        when
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(weather: Weather) -> Network {
        Network::new(Chance::new(1), weather)
    }

    #[test]
    fn fair_weather_loses_nothing_and_keeps_the_order() {
        let mut network = network(Weather::FAIR);
        let arrivals: Vec<u64> = (0..500).flat_map(|t| network.carry(t, (0, 1))).collect();
        assert_eq!(arrivals.len(), 500);
        assert!(arrivals.is_sorted());
    }

    #[test]
    fn a_cut_way_carries_nothing_and_the_way_back_does() {
        let mut network = network(Weather::FAIR);
        network.cut((0, 1));
        assert_eq!(network.carry(0, (0, 1)).count(), 0);
        assert_eq!(network.carry(0, (1, 0)).count(), 1);
        network.mend((0, 1));
        assert_eq!(network.carry(0, (0, 1)).count(), 1);
    }

    #[test]
    fn foul_weather_loses_repeats_and_reorders() {
        let weather = Weather {
            latency_ms: (1, 50),
            loss: 100,
            repeat: 100,
            ordered: false,
            ..Weather::FAIR
        };
        let mut network = network(weather);
        let arrivals: Vec<u64> = (0..1_000).flat_map(|t| network.carry(t, (0, 1))).collect();
        assert!(!arrivals.is_sorted());
        assert!((50..150).contains(&network.carried.lost), "{:?}", network.carried);
        assert!((50..150).contains(&network.carried.repeated), "{:?}", network.carried);
    }

    #[test]
    fn a_clog_holds_everything_up() {
        let weather = Weather { clog: 1_000, clog_ms: 10_000, ..Weather::FAIR };
        let mut network = network(weather);
        let latest = (0..50).flat_map(|_| network.carry(0, (0, 1))).max();
        assert!(latest > Some(1_000), "{latest:?}");
    }
}
