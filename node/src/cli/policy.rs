//! `linli policy show | set | working-day`: what is governed, and since when.
//!
//! A version is written as JSON, by the room's own schema, with two words more for people: a time
//! may be a date, and a year of the calendar may name its holidays and its working weekends instead
//! of its bits. Whether a version may stand is the ledger's to judge.

use super::call::by_schema;
use super::connect::Connect;
use super::moment::{day, day_of_year, time};
use super::query::{look, number};
use super::{Failure, Output, block_on, unreadable};
use crate::words::{Words, words};
use linli_types::calendar::{YEAR_BYTES, days_of};
use linli_types::height::TimeMs;
use linli_types::policy::PARAMS;
use linli_verify::time::text as time_text;
use serde_json::{Map, Value, json};
use std::fmt::Write as _;
use std::path::PathBuf;

const ROOM: &str = "policy";

/// Shows and sets what is governed.
#[derive(clap::Args)]
pub(super) struct Policy {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// The version in force now, at a height or at a time.
    Show(Show),
    /// Makes the next version from a JSON file.
    Set(Set),
    /// The working day that lies so many working days after a day.
    WorkingDay(WorkingDay),
}

#[derive(clap::Args)]
struct Show {
    #[command(flatten)]
    connect: Connect,
    /// As of the block of this height.
    #[arg(long, value_name = "HEIGHT", conflicts_with = "at_time")]
    at_height: Option<u64>,
    /// As of this time: 2027-01-01, 2027-01-01T08:30:00 (UTC+8), or milliseconds since 1970.
    #[arg(long, value_name = "TIME", value_parser = time)]
    at_time: Option<TimeMs>,
}

#[derive(clap::Args)]
struct Set {
    #[command(flatten)]
    connect: Connect,
    /// JSON file with the changes to the last version: params, calendar, negative, duties, weights.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// When it begins, instead of the file's effective_at_ms.
    #[arg(long, value_name = "TIME", value_parser = time)]
    effective_at: Option<TimeMs>,
    /// The last version that the author knows, instead of the file's base.
    #[arg(long, value_name = "VERSION")]
    base: Option<u32>,
}

#[derive(clap::Args)]
struct WorkingDay {
    #[command(flatten)]
    connect: Connect,
    /// From this day on: 2027-01-01, or a time.
    #[arg(long, value_name = "TIME", value_parser = time)]
    from: TimeMs,
    /// How many working days later; 0: that day itself, or the first working day after it.
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    count: u32,
}

impl Policy {
    pub(super) fn run(self, out: &mut Output) -> Result<(), Failure> {
        match self.command {
            Command::Show(show) => show.run(out),
            Command::Set(set) => set.run(out),
            Command::WorkingDay(day) => day.run(out),
        }
    }
}

impl Show {
    fn run(self, out: &mut Output) -> Result<(), Failure> {
        let args = match (self.at_height, self.at_time) {
            (Some(height), _) => json!({ "height": height.to_string() }),
            (None, Some(time)) => json!({ "time_ms": time.0.to_string() }),
            (None, None) => json!({}),
        };
        let json = look(&self.connect, ROOM, "At", &args)?;
        out.answer(&json, &shown(&json));
        Ok(())
    }
}

/// A version for people.
fn shown(json: &Value) -> Words {
    let (version, height) = (number(json, "version"), number(json, "set_at_height"));
    let from = time_text(TimeMs(number(json, "effective_at_ms")));
    let mut text = words!(
        "版本 {version}　自 {from} 起生效　设于区块 {height}",
        "version {version}  in force from {from}  set in block {height}"
    );
    let mut line = |zh: String, en: String| {
        let _ = write!(text.zh, "\n{zh}");
        let _ = write!(text.en, "\n{en}");
    };
    for param in list(json, "params") {
        let (known, value) = (number(param, "param"), number(param, "value"));
        let rule = PARAMS.iter().find(|rule| u64::from(rule.param.number()) == known);
        let name = rule.map_or_else(|| known.to_string(), |rule| rule.name.to_owned());
        line(format!("参数 {name} = {value}"), format!("parameter {name} = {value}"));
    }
    for weights in list(json, "weights") {
        let of = weights.get("of").and_then(Value::as_str).unwrap_or("?");
        let parts: Vec<String> = list(weights, "parts").map(Value::to_string).collect();
        let parts = parts.join(" / ");
        line(format!("权重 {of} = {parts}"), format!("weights {of} = {parts}"));
    }
    let years: Vec<String> =
        list(json, "calendar").map(|year| number(year, "year").to_string()).collect();
    let years = if years.is_empty() { "-".to_owned() } else { years.join(" ") };
    line(format!("工作日历：{years}"), format!("calendar of working days: {years}"));
    let of = |name: &str, rows: &str| json.get(name).map_or(0, |table| list(table, rows).count());
    let (negative, duties) = (of("negative", "codes"), of("duties", "pairs"));
    line(
        format!("负面清单 {negative} 项，不相容职责 {duties} 对"),
        format!("{negative} codes on the negative list, {duties} pairs of duties kept apart"),
    );
    text
}

fn list<'j>(json: &'j Value, name: &str) -> impl Iterator<Item = &'j Value> {
    json.get(name).and_then(Value::as_array).into_iter().flatten()
}

impl Set {
    fn run(self, out: &mut Output) -> Result<(), Failure> {
        let args = Value::Object(self.request()?);
        let done =
            block_on(async { by_schema(&self.connect.open().await?, ROOM, "Set", &args).await })?;
        let version = done.results.first().map_or(0, |result| number(result, "version"));
        let from = time_text(TimeMs(number(&args, "effective_at_ms")));
        done.answer(
            out,
            &words!(
                "版本 {version} 已排定，自 {from} 起生效",
                "version {version} is set and begins at {from}"
            ),
        );
        Ok(())
    }

    /// The request that the file and the options give.
    fn request(&self) -> Result<Map<String, Value>, Failure> {
        let text = std::fs::read_to_string(&self.file).map_err(|e| unreadable(&self.file, &e))?;
        let mut args: Map<String, Value> = serde_json::from_str(&text)
            .map_err(|e| self.wrong(&words!("不是 JSON 对象：{e}", "is no JSON object: {e}")))?;
        if let Some(at) = self.effective_at {
            args.insert("effective_at_ms".into(), json!(at.0.to_string()));
        } else if let Some(Value::String(text)) = args.get("effective_at_ms") {
            let at = time(text).map_err(|e| {
                self.wrong(&words!("effective_at_ms 须为 {e}", "effective_at_ms must be {e}"))
            })?;
            args.insert("effective_at_ms".into(), json!(at.0.to_string()));
        }
        if let Some(base) = self.base {
            args.insert("base".into(), json!(base));
        }
        for year in args.get_mut("calendar").and_then(Value::as_array_mut).into_iter().flatten() {
            let written = spelled(year).map_err(|why| self.wrong(&why))?;
            *year = written;
        }
        Ok(args)
    }

    fn wrong(&self, why: &Words) -> Failure {
        let (file, Words { zh, en }) = (self.file.display(), why);
        Failure::usage(
            words!("{file}：{zh}", "{file}: {en}"),
            words!(
                "例如 {{\"base\":1,\"effective_at_ms\":\"2027-01-01\",\"weights\":[{{\"of\":\"COUNCIL\",\"parts\":[40,30,30]}}]}}",
                "for example {{\"base\":1,\"effective_at_ms\":\"2027-01-01\",\"weights\":[{{\"of\":\"COUNCIL\",\"parts\":[40,30,30]}}]}}"
            ),
        )
    }
}

/// A year of the calendar with its bits: as it stands, or Monday to Friday without the holidays and
/// with the working weekends that it names.
fn spelled(json: &Value) -> Result<Value, Words> {
    let named = ["holidays", "workdays"].iter().any(|name| json.get(name).is_some());
    if !named {
        return Ok(json.clone());
    }
    let year = number(json, "year");
    let first = day(&format!("{year:04}-01-01"));
    let first =
        first.ok_or_else(|| words!("日历缺少 year", "a year of the calendar lacks its number"))?;
    // 1970-01-01 was a Thursday: 0 is Monday.
    let weekday = |at: u64| first.saturating_add(at).saturating_add(3) % 7;
    let mut working: Vec<bool> = (0..days_of(year)).map(|at| weekday(at) < 5).collect();
    for (name, works) in [("holidays", false), ("workdays", true)] {
        for date in list(json, name) {
            let at = date.as_str().and_then(|date| day_of_year(year, date));
            let place = at.and_then(|at| working.get_mut(usize::try_from(at).ok()?));
            let odd = || {
                words!(
                    "{name} 中的 {date} 不是 {year} 年的日期，如 \"02-14\"",
                    "{date} among the {name} is no day of {year} such as \"02-14\""
                )
            };
            *place.ok_or_else(odd)? = works;
        }
    }
    let mut bits = [0_u8; YEAR_BYTES];
    for (at, _) in working.iter().enumerate().filter(|(_, works)| **works) {
        if let Some(byte) = bits.get_mut(at / 8) {
            *byte |= 1 << (at % 8);
        }
    }
    Ok(json!({ "year": year, "working": hex::encode(bits) }))
}

impl WorkingDay {
    fn run(self, out: &mut Output) -> Result<(), Failure> {
        let args = json!({ "from_ms": self.from.0.to_string(), "count": self.count });
        let json = look(&self.connect, ROOM, "WorkingDay", &args)?;
        let day = time_text(TimeMs(number(&json, "day_ms")));
        let date = day.split(' ').next().unwrap_or_default();
        out.answer(&json, &Words::same(date));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use linli_types::calendar::Year;

    #[test]
    fn a_year_is_its_week_without_holidays_and_with_working_weekends() {
        // 2027: the first of January is a Friday, the second a Saturday.
        let json = json!({ "year": 2027, "holidays": ["01-01", "12-31"], "workdays": ["01-02"] });
        let spelled = spelled(&json).unwrap();
        let bits = hex::decode(spelled["working"].as_str().unwrap()).unwrap();
        let year = Year { year: 2027, working: bits.try_into().unwrap() };
        assert!(year.is_sound());
        let works = |at: usize| year.working[at / 8] >> (at % 8) & 1 == 1;
        assert_eq!((works(0), works(1), works(2), works(3)), (false, true, false, true));
        assert_eq!((works(363), works(364)), (true, false), "the last two days");
        let count: u32 = year.working.iter().map(|byte| byte.count_ones()).sum();
        assert_eq!(count, 261 - 2 + 1);
    }

    #[test]
    fn bits_stand_as_they_are_written_and_odd_dates_are_named() {
        let plain = json!({ "year": 2027, "working": "00" });
        assert_eq!(spelled(&plain).unwrap(), plain);
        for odd in ["02-29", "13-01", "1-1", "2027-01-01"] {
            let why = spelled(&json!({ "year": 2027, "holidays": [odd] })).unwrap_err();
            assert!(why.en.contains(odd) && why.zh.contains(odd), "{why:?}");
        }
        spelled(&json!({ "holidays": ["01-01"] })).unwrap_err();
    }
}
