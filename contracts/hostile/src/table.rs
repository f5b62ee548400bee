//! Calls and questions of the native rooms and of the evidence contract, each as its room knows it:
//! a test holds this table against their descriptions.

use crate::machine::Machine;
use crate::message::Message;
use crate::world;
use alloc::vec::Vec;

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The room.
    pub room: &'static str,
    /// Its method.
    pub method: &'static str,
    /// The request's fields from 1 on, a letter each; `-` leaves one out. `p` a person, `i` an id,
    /// `a` an account, `k` 32 bytes, `s` 64, `x` 65, `n` a number, `u` 1 or 2, `f` yes, `t` a time,
    /// `w` a word, `r` a record's name, `g` a scope, `d` a deed, `o` a total, `c` a chunk,
    /// `h` a report.
    fields: &'static str,
}

const fn of(room: &'static str, method: &'static str, fields: &'static str) -> Asked {
    Asked { room, method, fields }
}

/// See the module. What moves money stands in `money`.
pub const TABLE: [Asked; 63] = [
    of("identity", "AdmitOrganisation", "nnw"),
    of("identity", "AdmitCentre", "nnnw"),
    of("identity", "AdmitPerson", "pkn"),
    of("identity", "AdmitDevice", "pknf"),
    of("identity", "GrantRole", "pn"),
    of("identity", "WithdrawRole", "pn"),
    of("identity", "AddKey", "kn"),
    of("identity", "RevokeKey", "kn"),
    of("identity", "StartRecovery", "pk"),
    of("identity", "CancelRecovery", "p"),
    of("identity", "CompleteRecovery", "p"),
    of("identity", "GrantMandate", "ppugnt"),
    of("identity", "WithdrawMandate", "pp"),
    of("identity", "AttestRelation", "ppnt"),
    of("identity", "WithdrawRelation", "ppn"),
    of("identity", "AttestPredicate", "pnt"),
    of("identity", "WithdrawPredicate", "pn"),
    of("identity", "SetSm2Key", "nxwsn"),
    of("identity", "RetireSm2Key", "nn"),
    of("identity", "Act", "kn"),
    of("identity", "Principal", "p"),
    of("identity", "Organisation", "n"),
    of("identity", "Centre", "n"),
    of("identity", "Mandate", "pp"),
    of("identity", "Predicates", "p"),
    of("identity", "Relations", "pp"),
    of("policy", "Set", "nt"),
    of("policy", "At", "n"),
    of("policy", "Param", "n"),
    of("policy", "WorkingDay", "tn"),
    of("governance", "OpenMotion", "idutw"),
    of("governance", "Vote", "if"),
    of("governance", "Recuse", "i"),
    of("governance", "WithdrawMotion", "i"),
    of("governance", "Decide", "if"),
    of("governance", "Resign", ""),
    of("governance", "StageCode", "knnk"),
    of("governance", "ReportRehearsal", "ikhs"),
    of("log", "SetReceiptKey", "kkns"),
    of("accounts", "Freeze", "iaffk"),
    of("accounts", "Unfreeze", "iak"),
    of("accounts", "ProposeOpening", "ikkntnokn"),
    of("accounts", "ApproveOpening", "ik"),
    of("accounts", "LoadOpening", "in-c"),
    of("accounts", "CloseOpening", "i"),
    of("accounts", "Account", "a"),
    of("accounts", "Pending", "i"),
    of("accounts", "Lots", "a"),
    of("accounts", "Supply", "n"),
    of("accounts", "Asset", "n"),
    of("evidence", "Register", "pnnkkkntn"),
    of("evidence", "RegisterBatch", "pnnkk-ttn"),
    of("evidence", "Corroborate", "rr"),
    of("evidence", "Supersede", "rnn"),
    of("evidence", "Challenge", "rn"),
    of("evidence", "Resolve", "run"),
    of("evidence", "ErasePayload", "rnnk"),
    of("evidence", "WithdrawConsent", "pi"),
    of("evidence", "RetireDevice", "p"),
    of("evidence", "Require", "rf"),
    of("evidence", "RegisterPolicy", ""),
    of("evidence", "Anchor", "pnnkknwt"),
    of("timers", "Schedule", "ti"),
];

impl Asked {
    /// A request that its room can read; the dice say about whom.
    pub(crate) fn request(&self, machine: &mut Machine, dice: [u8; 7]) -> Vec<u8> {
        let mut request = Message::default();
        let around = dice.into_iter().cycle().skip(2);
        for ((place, letter), dice) in (1..).zip(self.fields.chars()).zip(around) {
            request = match letter {
                'n' => request.number(place, 1 + u64::from(dice % 16)),
                'u' => request.number(place, 1 + u64::from(dice % 2)),
                'f' => request.number(place, 1),
                't' => request.number(
                    place,
                    machine.now_ms().saturating_add(u64::from(dice).saturating_mul(3_600_000)),
                ),
                '-' => request,
                _ => request.bytes(place, &field(machine, letter, dice)),
            };
        }
        request.done()
    }
}

/// A field of bytes.
fn field(machine: &mut Machine, letter: char, dice: u8) -> Vec<u8> {
    let part = Message::default;
    match letter {
        'p' => machine.somebody(dice).to_vec(),
        'i' if dice < 64 => world::pending(dice).to_vec(),
        'i' => machine.fresh().to_vec(),
        'a' => world::account(usize::from(dice) % world::slots()).to_vec(),
        'k' => [dice % 8; 32].to_vec(),
        's' => [dice; 64].to_vec(),
        'x' => [4; 65].to_vec(),
        'w' => b"evidence".to_vec(),
        'r' => part().bytes(1, &machine.somebody(dice)).number(2, 1 + u64::from(dice)).done(),
        'g' => part().bytes(1, b"accounts").bytes(2, b"Transfer").done(),
        // To remove a validator.
        'd' => part().bytes(6, &part().bytes(1, &[dice % 8; 32]).done()).done(),
        'o' => part().number(1, 1 + u64::from(dice % 3)).number(2, u64::MAX / 2).done(),
        'h' => part().bytes(1, &[dice; 32]).number(2, 1).number(3, 1).done(),
        _ => {
            let (account, owner) = (machine.fresh(), machine.somebody(dice));
            let line = part().bytes(1, &account).bytes(2, &owner).number(3, 1).number(4, 1 << 40);
            part().bytes(1, &line.done()).done()
        }
    }
}
