//! `linli motion …`: what the council decides, from the opening of a motion to its end.

mod seats;

use super::call::by_schema;
use super::connect::Connect;
use super::query::{json_args, look, number};
use super::{Failure, Output, block_on};
use crate::words::{Words, words};
use linli_sdk::key::random;
use linli_types::height::TimeMs;
use linli_types::human;
use linli_verify::time::text as time_text;
use seats::Seats;
use serde_json::{Value, json};
use std::fmt::Write as _;

const ROOM: &str = "governance";

/// Opens motions, votes on them, shows them.
#[derive(clap::Args)]
pub(super) struct Motion {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Opens a motion.
    Open(Open),
    /// Votes with one's own seat, once.
    Vote(Say),
    /// Declares a conflict of interest: one's own seat does not count for this motion.
    Recuse(Name),
    /// Takes one's own motion back while votes are taken.
    Withdraw(Name),
    /// The district decides where a chamber has nobody left to vote.
    Decide(Say),
    /// Leaves one's own seat.
    Resign(Resign),
    /// Shows a motion, its votes and where it stands.
    Show(Name),
    /// Lists motions in the order they were opened.
    List(List),
    /// Shows the chambers, their weights and their seats.
    Council(Council),
}

/// What a motion says.
#[derive(clap::Args)]
struct Open {
    #[command(flatten)]
    connect: Connect,
    /// What is moved and why, at most 2 KiB; no personal data.
    #[arg(long)]
    text: String,
    /// What the chain does if it passes, as JSON by the room's schema; without it the text is all.
    #[arg(long, value_name = "JSON", default_value = r#"{"resolution": {}}"#)]
    deed: String,
    #[command(flatten)]
    seats: Seats,
    /// Needs two thirds instead of more than one half.
    #[arg(long)]
    special: bool,
    /// How long votes are taken, such as 90s, 36h or 7d.
    #[arg(long, value_name = "TIME", default_value = "7d", value_parser = duration_ms)]
    closes_in: u64,
    /// The motion's id, 32 hexadecimal digits; drawn at random unless it is opened again.
    #[arg(long, value_name = "HEX", value_parser = motion)]
    motion: Option<Id>,
}

/// Which motion.
#[derive(clap::Args)]
struct Name {
    #[command(flatten)]
    connect: Connect,
    /// The motion, in hexadecimal or as an MO- code.
    #[arg(value_name = "MOTION", value_parser = motion)]
    motion: Id,
}

/// Which motion, and what about it.
#[derive(clap::Args)]
struct Say {
    #[command(flatten)]
    name: Name,
    /// yes or no.
    #[arg(value_name = "yes|no", value_parser = yes, action = clap::ArgAction::Set)]
    yes: bool,
}

/// Which motions.
#[derive(clap::Args)]
struct List {
    #[command(flatten)]
    connect: Connect,
    /// The first number.
    #[arg(long, default_value_t = 1)]
    from: u32,
}

/// Which connection.
#[derive(clap::Args)]
struct Resign {
    #[command(flatten)]
    connect: Connect,
}

/// The council.
#[derive(clap::Args)]
struct Council {
    #[command(flatten)]
    connect: Connect,
}

/// A motion's id.
#[derive(Clone, Copy)]
pub(super) struct Id([u8; 16]);

impl Id {
    pub(super) const fn bytes(self) -> [u8; 16] {
        self.0
    }

    pub(super) fn hex(self) -> String {
        hex::encode(self.0)
    }

    fn code(self) -> String {
        human::write(human::Kind::Motion, &self.0)
    }
}

pub(super) fn motion(text: &str) -> Result<Id, String> {
    let bytes = match hex::decode(text) {
        Ok(bytes) => bytes,
        Err(_) => human::read(text).map_err(|e| e.to_string())?.1,
    };
    bytes.try_into().map(Id).map_err(|_| "a motion has 16 bytes".into())
}

fn yes(text: &str) -> Result<bool, String> {
    match text {
        "yes" => Ok(true),
        "no" => Ok(false),
        _ => Err("yes, no".into()),
    }
}

/// `90s`, `15m`, `36h`, `7d` in milliseconds.
fn duration_ms(text: &str) -> Result<u64, String> {
    let bad = || String::from("a whole number with s, m, h or d, such as 36h");
    let number = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = text.strip_prefix(number).unwrap_or_default();
    let unit: u64 = match unit {
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(bad()),
    };
    let number: u64 = number.parse().map_err(|_| bad())?;
    number.checked_mul(unit).ok_or_else(bad)
}

impl Motion {
    pub(super) fn run(self, out: &mut Output) -> Result<(), Failure> {
        match self.command {
            Command::Open(open) => open.run(out),
            Command::Vote(say) => say.name.call(out, "Vote", Some(say.yes)),
            Command::Recuse(name) => name.call(out, "Recuse", None),
            Command::Withdraw(name) => name.call(out, "WithdrawMotion", None),
            Command::Decide(say) => say.name.call(out, "Decide", Some(say.yes)),
            Command::Resign(resign) => resign.run(out),
            Command::Show(name) => name.show(out),
            Command::List(list) => list.run(out),
            Command::Council(council) => council.run(out),
        }
    }
}

impl Open {
    fn run(self, out: &mut Output) -> Result<(), Failure> {
        let seats = self.seats.deed();
        let special = self.special || seats.is_some();
        let deed = seats.map_or_else(|| json_args(&self.deed), Ok)?;
        let id = match self.motion {
            Some(id) => id,
            None => Id(random()?),
        };
        let closes = linli_sdk::clock::now()?.plus_ms(self.closes_in);
        let args = json!({
            "motion": id.hex(), "deed": deed, "text": self.text, "closes_at_ms": closes.0,
            "threshold": if special { "SPECIAL" } else { "SIMPLE" },
        });
        let called = block_on(async {
            let node = self.connect.open().await?;
            by_schema(&node, ROOM, "OpenMotion", &args).await
        });
        let (code, hex, ends) = (id.code(), id.hex(), time_text(closes));
        let called = called.map_err(|failure| failure.with(json!({ "motion": hex })))?;
        called.answer_with(
            out,
            &json!({ "motion": hex, "motion_code": code }),
            &words!(
                "议案 {code}（{hex}）　表决截止 {ends}",
                "motion {code} ({hex}); voting ends {ends}"
            ),
        );
        Ok(())
    }
}

impl Name {
    fn call(&self, out: &mut Output, method: &str, yes: Option<bool>) -> Result<(), Failure> {
        let mut args = json!({ "motion": self.motion.hex() });
        if let (Some(yes), Some(args)) = (yes, args.as_object_mut()) {
            args.insert("yes".into(), yes.into());
        }
        let called = block_on(async {
            let node = self.connect.open().await?;
            by_schema(&node, ROOM, method, &args).await
        })?;
        called.answer(out, &Words::same(self.motion.code()));
        Ok(())
    }

    fn show(&self, out: &mut Output) -> Result<(), Failure> {
        let args = json!({ "motion": self.motion.hex() });
        let motion = look(&self.connect, ROOM, "Motion", &args)?;
        let mut text = line(&motion);
        chambers(&motion, &mut text);
        out.answer(&motion, &text);
        Ok(())
    }
}

impl List {
    fn run(&self, out: &mut Output) -> Result<(), Failure> {
        let answer = look(&self.connect, ROOM, "Motions", &json!({ "from": self.from }))?;
        let motions = answer["motions"].as_array().cloned().unwrap_or_default();
        let last = number(&answer, "last");
        let mut text = words!("共 {last} 件", "{last} motions");
        for motion in &motions {
            let one = line(motion);
            let _ = write!(text.zh, "\n{}", one.zh);
            let _ = write!(text.en, "\n{}", one.en);
        }
        out.answer(&answer, &text);
        Ok(())
    }
}

impl Resign {
    fn run(self, out: &mut Output) -> Result<(), Failure> {
        let called = block_on(async {
            let node = self.connect.open().await?;
            by_schema(&node, ROOM, "Resign", &json!({})).await
        })?;
        called.answer(out, &words!("已辞去席位", "the seat is left"));
        Ok(())
    }
}

impl Council {
    fn run(&self, out: &mut Output) -> Result<(), Failure> {
        let answer = look(&self.connect, ROOM, "Council", &json!({}))?;
        let mut text = match answer["stands"].as_bool() {
            Some(true) => {
                words!("理事会已成立，重大事项由议案决定", "the council stands: motions decide")
            }
            _ => words!(
                "理事会尚未成立，由区级管理员决定",
                "the council does not stand yet: the district's administrator decides"
            ),
        };
        chambers(&answer, &mut text);
        out.answer(&answer, &text);
        Ok(())
    }
}

/// One motion in a line.
fn line(motion: &Value) -> Words {
    let id = motion["motion"].as_str().unwrap_or_default();
    let code = hex::decode(id).map(|id| human::write(human::Kind::Motion, &id)).unwrap_or_default();
    let at = number(motion, "number");
    let text = motion["text"].as_str().unwrap_or_default();
    let standing = motion["standing"].as_str().unwrap_or_default();
    let zh = match standing {
        "OPEN" => "表决中",
        "FAILED" => "未通过",
        "ESCALATED" => "待区级裁定",
        "PASSED" => "已通过，待执行",
        "EXECUTED" => "已执行",
        "REFUSED" => "被规则拒绝",
        "WITHDRAWN" => "已撤回",
        "LAPSED" => "逾期未裁定，已失效",
        other => other,
    };
    let closes = time_text(TimeMs(number(motion, "closes_at_ms")));
    words!(
        "{at}　{code}　{zh}　截止 {closes}　{text}",
        "{at}  {code}  {standing}  closes {closes}  {text}"
    )
}

/// The chambers, a line each.
fn chambers(answer: &Value, text: &mut Words) {
    let names =
        [("居民", "residents"), ("企业", "enterprises"), ("社会组织", "social organisations")];
    let chambers = answer["chambers"].as_array().map(Vec::as_slice).unwrap_or_default();
    for ((zh, en), chamber) in names.into_iter().zip(chambers) {
        let number = |field: &str| number(chamber, field);
        let [weight, seats, recused] = ["weight", "seats", "recused"].map(number);
        let [yes, no] = ["yes", "no"].map(number);
        let _ = write!(
            text.zh,
            "\n{zh}　权重 {weight}　席位 {seats}　回避 {recused}　赞成 {yes}　反对 {no}"
        );
        let _ = write!(
            text.en,
            "\n{en}: weight {weight}, seats {seats}, recused {recused}, yes {yes}, no {no}"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_whole_numbers_with_a_unit() {
        let read = |text| duration_ms(text).ok();
        assert_eq!(
            ["90s", "15m", "36h", "7d"].map(read),
            [90_000, 900_000, 129_600_000, 604_800_000].map(Some)
        );
        for bad in [
            "",
            "7",
            "d",
            "1.5h",
            "-1d",
            "７d",
            "1 d",
            "1w",
            "99999999999999999999s",
            "18446744073709551615d",
        ] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_motion_is_shown_with_the_day_on_which_voting_ends() {
        let motion = json!({
            "motion": "07".repeat(16), "number": 3, "text": "议案", "standing": "OPEN",
            "closes_at_ms": "951782400000",
        });
        let Words { zh, en } = line(&motion);
        assert!(en.starts_with("3  MO-") && en.contains("closes 2000-02-29 08:00:00"), "{en}");
        assert!(zh.contains("表决中　截止 2000-02-29 08:00:00"), "{zh}");
    }

    #[test]
    fn a_motion_is_named_in_hexadecimal_or_by_its_code() {
        let id = Id([7; 16]);
        assert_eq!(motion(&id.hex()).unwrap().0, id.0);
        assert_eq!(motion(&id.code()).unwrap().0, id.0);
        assert!(motion("07").is_err() && motion("").is_err() && motion("MO-7").is_err());
    }
}
