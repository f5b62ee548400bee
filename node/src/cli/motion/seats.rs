//! `linli motion open --give-seat …`: the deed that gives and takes seats, from what people type.

use super::super::key::principal;
use linli_types::id::PrincipalId;
use serde_json::{Value, json};

/// Who is to sit in the council, and who no longer.
#[derive(clap::Args)]
pub(super) struct Seats {
    /// Gives a seat, such as residents=PR-…; the motion needs two thirds.
    #[arg(long, value_name = "CHAMBER=PRINCIPAL", value_parser = seat, conflicts_with = "deed")]
    give_seat: Vec<Seat>,
    /// Takes a seat, before any is given.
    #[arg(long, value_name = "CHAMBER=PRINCIPAL", value_parser = seat, conflicts_with = "deed")]
    take_seat: Vec<Seat>,
    /// The seats are taken for absence: whoever of them says nothing until the close is not counted.
    /// Votes are then taken for at least half of the longest time.
    #[arg(long, requires = "take_seat")]
    absent: bool,
}

/// One person's seat.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Seat {
    chamber: &'static str,
    principal: PrincipalId,
}

/// What people type for a chamber, and its name in messages.
const CHAMBERS: [(&str, &str); 3] = [
    ("residents", "RESIDENTS"),
    ("enterprises", "ENTERPRISES"),
    ("social", "SOCIAL_ORGANISATIONS"),
];

fn seat(text: &str) -> Result<Seat, String> {
    let bad = || String::from("residents=…, enterprises=… or social=…, and a principal");
    let (name, who) = text.split_once('=').ok_or_else(bad)?;
    let chamber = CHAMBERS.iter().find(|(known, _)| *known == name).ok_or_else(bad)?.1;
    Ok(Seat { chamber, principal: principal(who)? })
}

impl Seats {
    /// The deed, if any seat is named.
    pub(super) fn deed(&self) -> Option<Value> {
        let list = |seats: &[Seat]| -> Vec<Value> {
            let one = |seat: &Seat| json!({ "principal": seat.principal.to_string(), "chamber": seat.chamber });
            seats.iter().map(one).collect()
        };
        if self.give_seat.is_empty() && self.take_seat.is_empty() {
            return None;
        }
        let (take, give) = (list(&self.take_seat), list(&self.give_seat));
        Some(json!({ "seats": { "take": take, "give": give, "absent": self.absent } }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seat_is_a_chamber_and_a_person() {
        let who = "07".repeat(16);
        let read = seat(&format!("social={who}")).unwrap();
        assert_eq!(read, Seat { chamber: "SOCIAL_ORGANISATIONS", principal: PrincipalId([7; 16]) });
        for bad in
            ["", "social", "social=", "board=", "=", "Social=PR-1", "residents=07", "social:1"]
        {
            assert!(seat(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_deed_names_what_is_taken_and_given() {
        let seat = |chamber| Seat { chamber, principal: PrincipalId([7; 16]) };
        let none = Seats { give_seat: vec![], take_seat: vec![], absent: false };
        assert_eq!(none.deed(), None);
        let both = Seats {
            give_seat: vec![seat("RESIDENTS")],
            take_seat: vec![seat("ENTERPRISES")],
            absent: true,
        };
        let deed = both.deed().unwrap();
        assert_eq!(deed["seats"]["give"][0]["chamber"], "RESIDENTS");
        assert_eq!(deed["seats"]["take"][0]["principal"], "07".repeat(16));
        assert_eq!(deed["seats"]["absent"], true);
    }
}
