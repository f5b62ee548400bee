//! Source files of opening balances: strict lines of text to lines of a batch, and back.
//!
//! A file is CSV with a first line that names the columns, or one JSON object per line:
//!
//! ```text
//! account,owner,asset,amount,origin,earned_month,expires_day
//! 5f…,77…,2,1500,1,2024-03,2027-12-31
//! {"account":"5f…","owner":"77…","asset":2,"amount":1500}
//! ```
//!
//! Amounts are whole minor units in plain ASCII digits: no sign, no fraction, no grouping, no
//! full-width digits, no leading zero. Nothing is corrected or guessed; what is wrong is named with
//! its line.

use crate::error::{Error, ErrorKind};
use linli_types::calendar::days_of;
use linli_types::human;
use linli_types::id::{AccountId, PrincipalId};
use linli_types::limits;
use linli_types::opening::{BadBatch, Batch, CHUNK_LINES};
use linli_types::wire::accounts::OpeningLine;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::io::{BufRead, Write};

/// The columns, in order; the last three may be left out.
const COLUMNS: [&str; 7] =
    ["account", "owner", "asset", "amount", "origin", "earned_month", "expires_day"];
/// The columns that must be there.
const NEEDED: usize = 4;
/// Bytes of one line: what no sound line comes near.
const LINE_BYTES_MAX: usize = 1024;

/// Reads a whole source file.
///
/// # Errors
///
/// [`ErrorKind::Input`] with the line that is wrong and why; [`ErrorKind::File`] if it cannot be
/// read.
pub fn read(source: impl BufRead) -> Result<Vec<OpeningLine>, Error> {
    let (mut lines, mut shape) = (Vec::new(), None);
    let mut seen: BTreeMap<[u8; 16], usize> = BTreeMap::new();
    for (number, text) in (1_usize..).zip(source.lines()) {
        let text = text.map_err(|e| match e.kind() {
            std::io::ErrorKind::InvalidData => wrong(number, "不是 UTF-8", "is not UTF-8"),
            _ => Error::new(
                ErrorKind::File,
                format!("第 {number} 行无法读取：{e}"),
                format!("line {number} cannot be read: {e}"),
            ),
        })?;
        if text.len() > LINE_BYTES_MAX {
            return Err(wrong(number, "过长", "is too long"));
        }
        let text = if number == 1 { text.trim_start_matches('\u{feff}') } else { &text };
        let known = shape.is_some();
        let columns = *shape.get_or_insert_with(|| Columns::of(text));
        let values = match columns {
            Columns::Json => from_json(text, number)?,
            Columns::Csv(_) if !known => continue,
            Columns::Csv(count) => from_csv(text, count, number)?,
            Columns::Unknown => return Err(no_header()),
        };
        let line = line(&values, number)?;
        let id = AccountId::from_slice(&line.account).unwrap_or_default().0;
        if let Some(first) = seen.insert(id, number) {
            return Err(wrong(
                number,
                &format!("与第 {first} 行是同一账户"),
                &format!("names the account of line {first} again"),
            ));
        }
        lines.push(line);
    }
    Ok(lines)
}

/// The batch that lines come to, cut as every proposer, approver and loader cuts it.
///
/// # Errors
///
/// [`ErrorKind::Input`] with the reason.
pub fn batch(lines: Vec<OpeningLine>) -> Result<Batch, Error> {
    Batch::new(lines, CHUNK_LINES).map_err(|bad| {
        let zh = match bad {
            BadBatch::Empty => "文件中没有账户".to_owned(),
            BadBatch::TooMany { found, max } => format!("共 {found} 行，一个批次最多 {max} 行"),
            BadBatch::Assets(max) => format!("一个批次最多 {max} 种资产"),
            BadBatch::Overflow(asset) => format!("资产 {asset} 的合计超出账本可计数的范围"),
        };
        Error::new(ErrorKind::Input, zh, bad.to_string())
    })
}

/// Writes lines as CSV with all columns.
///
/// # Errors
///
/// The writer's.
pub fn write(lines: &[OpeningLine], to: &mut impl Write) -> std::io::Result<()> {
    writeln!(to, "{}", COLUMNS.join(","))?;
    for line in lines {
        let id = |bytes: &[u8]| hex::encode(bytes);
        let month = match line.earned_month {
            0 => String::new(),
            month => format!("{:04}-{:02}", 1970 + month / 12, month % 12 + 1),
        };
        let day = match line.expires_day {
            0 => String::new(),
            day => date(u64::from(day)),
        };
        let (account, owner) = (id(&line.account), id(&line.owner));
        let OpeningLine { asset, amount, origin, .. } = line;
        writeln!(to, "{account},{owner},{asset},{amount},{origin},{month},{day}")?;
    }
    Ok(())
}

/// How the lines of a file are written.
#[derive(Clone, Copy)]
enum Columns {
    Json,
    Csv(usize),
    Unknown,
}

impl Columns {
    fn of(first: &str) -> Self {
        if first.starts_with('{') {
            return Self::Json;
        }
        let named: Vec<&str> = first.split(',').collect();
        let known = COLUMNS.get(..named.len()) == Some(named.as_slice());
        if known && named.len() >= NEEDED { Self::Csv(named.len()) } else { Self::Unknown }
    }
}

fn no_header() -> Error {
    let columns = COLUMNS.join(",");
    wrong(1, "没有列出各列的名称", "does not name the columns").hint_with(
        format!("第一行应为 {columns}（后三列可省略），或每行一个 JSON 对象"),
        format!("begin with {columns} (the last three may be left out), or give one JSON object per line"),
    )
}

fn wrong(number: usize, zh: &str, en: &str) -> Error {
    let (zh, en) = (format!("第 {number} 行{zh}"), format!("line {number} {en}"));
    Error::new(ErrorKind::Input, zh, en).hint_with(
        "请在源文件中改正；数额为最小单位的整数，不带符号、小数点、分隔符",
        "correct the source file; amounts are whole minor units without sign, point or separator",
    )
}

fn field(number: usize, name: &str, zh: &str, en: &str) -> Error {
    wrong(number, &format!("的 {name} {zh}"), &format!("has {name} {en}"))
}

/// The values of a line by their column; what is left out is empty.
type Values<'t> = [std::borrow::Cow<'t, str>; COLUMNS.len()];

fn from_csv(text: &str, count: usize, number: usize) -> Result<Values<'_>, Error> {
    let mut values: Values<'_> = Default::default();
    let found = text.split(',').count();
    if found != count {
        return Err(wrong(
            number,
            &format!("有 {found} 列，应为 {count} 列"),
            &format!("has {found} columns instead of {count}"),
        ));
    }
    values.iter_mut().zip(text.split(',')).for_each(|(place, value)| *place = value.into());
    Ok(values)
}

fn from_json(text: &str, number: usize) -> Result<Values<'static>, Error> {
    let object: Map<String, Value> = serde_json::from_str(text).map_err(|e| {
        wrong(number, &format!("不是 JSON 对象：{e}"), &format!("is no JSON object: {e}"))
    })?;
    let mut values: Values<'static> = Default::default();
    for (name, value) in object {
        let at = COLUMNS.iter().position(|known| *known == name);
        let place = at.and_then(|at| values.get_mut(at));
        let place = place.ok_or_else(|| {
            wrong(number, &format!("有未知的字段 {name}"), &format!("has an unknown field {name}"))
        })?;
        *place = match value {
            Value::String(text) => text.into(),
            Value::Number(digits) => digits.to_string().into(),
            _ => {
                return Err(field(
                    number,
                    &name,
                    "须为文本或数字",
                    "that is no text and no number",
                ));
            }
        };
    }
    Ok(values)
}

fn line(values: &Values<'_>, number: usize) -> Result<OpeningLine, Error> {
    let [account, owner, asset, amount, origin, month, day] = values;
    let id = |name: &str, text: &str, prefix: &str| -> Result<[u8; 16], Error> {
        let bytes = match text.starts_with(prefix) && text.len() != 32 {
            true => human::read(text).ok().map(|(_, bytes)| bytes),
            false => hex::decode(text).ok(),
        };
        let bytes = bytes.and_then(|bytes| bytes.try_into().ok());
        bytes.ok_or_else(|| {
            let zh = format!("须为 32 位十六进制或 {prefix}- 编号");
            field(
                number,
                name,
                &zh,
                &format!("that is no {prefix}- code and no 32 hexadecimal digits"),
            )
        })
    };
    let count = |name: &str, text: &str, max: u64| -> Result<u64, Error> {
        whole(text).filter(|found| *found <= max).ok_or_else(|| {
            let zh = format!("“{text}”须为 0 到 {max} 的整数");
            field(number, name, &zh, &format!("{text:?}: it must be a whole number up to {max}"))
        })
    };
    let optional = |name: &str, text: &str| match text {
        "" => Ok(0),
        text => count(name, text, u64::from(u32::MAX)),
    };
    let small = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
    let account = id("account", account, "AC")?;
    let owner = PrincipalId(id("owner", owner, "PR")?);
    let asset = small(count("asset", asset, u64::from(u32::MAX))?);
    let amount = count("amount", amount, u64::MAX)?;
    if amount == 0 {
        return Err(field(number, "amount", "须大于零", "0: it must be above zero"));
    }
    let dated = |name: &str, text: &str, read: fn(&str) -> Option<u32>, shape: &str| match text {
        "" => Ok(0),
        text => read(text).ok_or_else(|| {
            let zh = format!("“{text}”须写作 {shape}");
            field(number, name, &zh, &format!("{text:?}: it is written {shape}"))
        }),
    };
    Ok(OpeningLine {
        account: account.to_vec(),
        owner: owner.0.to_vec(),
        asset,
        amount,
        origin: small(optional("origin", origin)?),
        earned_month: dated("earned_month", month, month_of, "2024-03")?,
        expires_day: dated("expires_day", day, day_of, "2027-12-31")?,
    })
}

/// A whole number in its one spelling.
fn whole(text: &str) -> Option<u64> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let spelled = plain && (text == "0" || !text.starts_with('0'));
    spelled.then(|| text.parse().ok())?
}

fn digits(text: &str, length: usize) -> Option<u64> {
    let plain = text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok())?
}

/// Months since 1970 of `2024-03`; the first month of all is not writable, it would mean none.
fn month_of(text: &str) -> Option<u32> {
    let (year, month) = text.split_once('-')?;
    let (year, month) = (digits(year, 4)?, digits(month, 2)?);
    let years = year.checked_sub(1970)?;
    let months = years * 12 + month.checked_sub(1).filter(|month| *month < 12)?;
    u32::try_from(months).ok().filter(|months| *months > 0)
}

/// Days since 1970 of `2027-12-31`.
fn day_of(text: &str) -> Option<u32> {
    let (year, rest) = text.split_once('-')?;
    let (month, day) = rest.split_once('-')?;
    let (year, month, day) = (digits(year, 4)?, digits(month, 2)?, digits(day, 2)?);
    let years = 1970..u64::from(limits::CALENDAR_YEAR_END);
    let at = month.checked_sub(1).filter(|at| *at < 12 && years.contains(&year))?;
    let before =
        (1970..year).map(days_of).sum::<u64>() + (0..at).map(|at| length(year, at)).sum::<u64>();
    let day = day.checked_sub(1).filter(|day| *day < length(year, at))?;
    u32::try_from(before + day).ok().filter(|days| *days > 0)
}

/// Days of a month, counted from 0.
fn length(year: u64, month: u64) -> u64 {
    match month {
        // The other months have 337 days.
        1 => days_of(year) - 337,
        3 | 5 | 8 | 10 => 30,
        _ => 31,
    }
}

fn date(day: u64) -> String {
    let (mut year, mut left) = (1970, day);
    while left >= days_of(year) {
        left -= days_of(year);
        year += 1;
    }
    let mut month = 0;
    while left >= length(year, month) {
        left -= length(year, month);
        month += 1;
    }
    format!("{year:04}-{:02}-{:02}", month + 1, left + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use linli_types::code::Lang;

    const A: &str = "0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a";
    const B: &str = "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b";
    const HEAD: &str = "account,owner,asset,amount";

    fn lines(text: &str) -> Result<Vec<OpeningLine>, Error> {
        read(text.as_bytes())
    }

    fn named(text: &str) -> String {
        let error = lines(text).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Input, "{error}");
        assert!(error.text(Lang::Zh).starts_with("第 "), "{}", error.text(Lang::Zh));
        error.text(Lang::En).to_owned()
    }

    #[test]
    fn both_spellings_give_the_same_lines() {
        let csv = format!(
            "account,owner,asset,amount,origin,earned_month,expires_day\n\
             {A},{B},2,1500,7,2024-03,2027-12-31\n{B},{B},1,18446744073709551615,,,\n"
        );
        let json = format!(
            "{{\"account\":\"{A}\",\"owner\":\"{B}\",\"asset\":2,\"amount\":1500,\"origin\":7,\
             \"earned_month\":\"2024-03\",\"expires_day\":\"2027-12-31\"}}\n\
             {{\"account\":\"{B}\",\"owner\":\"{B}\",\"asset\":\"1\",\"amount\":\"18446744073709551615\"}}\n"
        );
        let found = lines(&csv).unwrap();
        assert_eq!(found, lines(&json).unwrap());
        assert_eq!((found[0].earned_month, found[0].expires_day), (54 * 12 + 2, 21_183));
        assert_eq!((found[1].amount, found[1].expires_day), (u64::MAX, 0));
        let mut written = Vec::new();
        write(&found, &mut written).unwrap();
        assert_eq!(read(written.as_slice()).unwrap(), found);
        assert_eq!(lines(&format!("{HEAD}\r\n{A},{B},1,5\r\n")).unwrap().len(), 1);
        let account = human::write(human::Kind::Account, &[0x0a; 16]);
        let owner = human::write(human::Kind::Principal, &[0x0b; 16]);
        let coded = lines(&format!("{HEAD}\n{account},{owner},1,5\n")).unwrap();
        assert_eq!(
            (coded[0].account.clone(), coded[0].owner.clone()),
            (vec![0x0a; 16], vec![0x0b; 16])
        );
    }

    #[test]
    fn amounts_that_are_not_plain_whole_numbers_are_named_with_their_line() {
        let odd = [
            "-5",
            "+5",
            "1.5",
            "1,500",
            "１５００",
            "0",
            "",
            " 5",
            "5 ",
            "05",
            "1e3",
            "0x10",
            "五",
            "18446744073709551616",
            "\"5\"",
            "5\u{200b}",
            "٥",
        ];
        for amount in odd {
            let csv = format!("{HEAD}\n{A},{B},1,7\n{B},{B},1,{amount}\n");
            assert!(named(&csv).starts_with("line 3 "), "{amount}");
        }
        for amount in ["-5", "1.5", "1e3", "null", "[5]", "\"1,500\"", "\"１５\"", "true"] {
            let json = format!(
                "{{\"account\":\"{A}\",\"owner\":\"{B}\",\"asset\":1,\"amount\":{amount}}}"
            );
            assert!(named(&json).starts_with("line 1 "), "{amount}");
        }
    }

    #[test]
    fn what_is_no_account_no_date_or_no_header_is_named() {
        let line =
            |rest: &str| named(&format!("{},origin,earned_month,expires_day\n{rest}\n", HEAD));
        assert!(line(&format!("0a0a,{B},1,5,,,")).contains("account"));
        assert!(line(&format!("{A},不是,1,5,,,")).contains("owner"));
        assert!(line(&format!("{A},{B},4294967296,5,,,")).contains("asset"));
        assert!(line(&format!("{A},{B},1,5,-1,,")).contains("origin"));
        for month in ["2024-13", "2024-3", "1970-01", "1969-12", "03-2024"] {
            assert!(line(&format!("{A},{B},1,5,,{month},")).contains("earned_month"), "{month}");
        }
        for day in ["2027-02-29", "2027-00-10", "2027-12-32", "1970-01-01", "2027/12/31"] {
            assert!(line(&format!("{A},{B},1,5,,,{day}")).contains("expires_day"), "{day}");
        }
        assert!(line(&format!("{A},{B},1,5")).contains("4 columns instead of 7"));
        assert!(
            named(&format!("{HEAD}\n{A},{B},1,5\n{B},{B},1,5\n{A},{B},2,5\n"))
                .contains("line 4 names the account of line 2")
        );
        assert!(named(&format!("{A},{B},1,5\n")).contains("columns"));
        assert!(named("account,amount\n").contains("columns"));
        assert!(named(&format!("{{\"account\":\"{A}\",\"fee\":1}}")).contains("fee"));
        assert!(named("{\"account\":").contains("JSON"));
        assert!(named(&format!("{HEAD}\n\n")).contains("1 columns"));
        assert!(named(&format!("{HEAD}\n{}\n", "9".repeat(2_000))).contains("too long"));
    }

    #[test]
    fn a_file_without_lines_is_no_batch() {
        assert_eq!(lines("").unwrap(), []);
        assert_eq!(lines(&format!("{HEAD}\n")).unwrap(), []);
        assert_eq!(batch(Vec::new()).unwrap_err().kind(), ErrorKind::Input);
    }
}
