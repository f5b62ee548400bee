//! The ledger that its programs know: rooms, people, accounts, pending transfers. A test that runs
//! them makes this ledger; on another one they would name nobody.

/// The rooms that have this code, the first to be called first.
pub const ROOMS: [&str; 9] = [
    "hostile",
    "hostile-b",
    "hostile-c",
    "hostile-d",
    "hostile-e",
    "hostile-f",
    "hostile-g",
    "hostile-h",
    "hostile-i",
];

/// People who have accounts.
pub const PEOPLE: u8 = 6;

/// Who owns an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// A person.
    Person(u8),
    /// A contract, by its place among [`ROOMS`].
    Room(u8),
    /// The community.
    Nobody,
}

/// An account: its owner, asset and kind, by their numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slot {
    /// Who owns it.
    pub owner: Owner,
    /// The asset.
    pub asset: u32,
    /// The kind.
    pub kind: u32,
}

/// A person's account or a plain one of a contract.
pub const HOLDER: u32 = 0;
/// An order's.
pub const ESCROW: u32 = 1;
/// Where donations go.
pub const DONATION_POOL: u32 = 4;
/// Where ended lots go.
pub const EXPIRED_SINK: u32 = 6;
/// What is owed back.
pub const RECEIVABLE: u32 = 7;

/// Yuan, minutes, points, corporate points.
pub const ASSETS: [u32; 4] = [1, 2, 3, 5];

/// Accounts that are no contract's.
pub const OTHERS: [Slot; 14] = [
    slot(Owner::Person(0), 1, HOLDER),
    slot(Owner::Person(1), 1, HOLDER),
    slot(Owner::Person(2), 1, HOLDER),
    slot(Owner::Person(0), 2, HOLDER),
    slot(Owner::Person(1), 2, HOLDER),
    slot(Owner::Person(0), 3, HOLDER),
    slot(Owner::Person(1), 3, HOLDER),
    slot(Owner::Person(0), 5, HOLDER),
    slot(Owner::Person(2), 2, HOLDER),
    slot(Owner::Person(0), 1, ESCROW),
    slot(Owner::Nobody, 3, EXPIRED_SINK),
    slot(Owner::Nobody, 1, DONATION_POOL),
    slot(Owner::Person(1), 1, RECEIVABLE),
    slot(Owner::Nobody, 1, RECEIVABLE),
];

/// Asset and kind of the accounts that each contract has.
pub const OWN: [(u32, u32); 5] = [(1, HOLDER), (1, HOLDER), (1, ESCROW), (3, HOLDER), (2, HOLDER)];

const fn slot(owner: Owner, asset: u32, kind: u32) -> Slot {
    Slot { owner, asset, kind }
}

/// How many accounts there are.
pub const fn slots() -> usize {
    OTHERS.len() + ROOMS.len() * OWN.len()
}

/// An account by its number.
pub fn find(number: usize) -> Option<Slot> {
    if let Some(slot) = OTHERS.get(number) {
        return Some(*slot);
    }
    let own = number.checked_sub(OTHERS.len())?;
    let room = own.checked_div(OWN.len()).filter(|room| *room < ROOMS.len())?;
    let (asset, kind) = OWN.get(own.checked_rem(OWN.len())?)?;
    Some(slot(Owner::Room(u8::try_from(room).ok()?), *asset, *kind))
}

/// The number of a contract's own account.
pub fn own(room: u8, number: u8) -> usize {
    let number = usize::from(number) % OWN.len();
    OTHERS.len() + usize::from(room) % ROOMS.len() * OWN.len() + number
}

fn named(letter: u8, number: usize) -> [u8; 16] {
    let mut id = [letter; 16];
    id[15] = u8::try_from(number).unwrap_or(u8::MAX);
    id
}

/// The id of an account.
pub fn account(number: usize) -> [u8; 16] {
    named(0xa0, number)
}

/// The id of a pending transfer: those of people first, then whatever the programs name so.
pub fn pending(number: u8) -> [u8; 16] {
    named(0xb0, usize::from(number))
}

/// The id of a person.
pub const fn person(number: u8) -> [u8; 16] {
    [number.wrapping_add(1); 16]
}

/// The account that an asset is issued from.
pub fn issuance(asset: u32) -> [u8; 16] {
    let mut id = *b"issuance\0\0\0\0\0\0\0\0";
    let (_, number) = id.split_at_mut(12);
    number.copy_from_slice(&asset.to_be_bytes());
    id
}
