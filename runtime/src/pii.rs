//! The filter for personal data: what must never stand on a ledger that nobody can erase
//! (design D13).
//!
//! A pure function of the text, part of `check`, and so part of the protocol: two validators with
//! other rules would judge a block differently. It reads only fields that a schema marks
//! `free_text`. It cannot find every datum; it finds the forms that people paste by mistake:
//! resident identity-card numbers, mobile numbers, bank cards, e-mail addresses, precise
//! coordinates and images as base64. Names and addresses are beyond it.
//!
//! # Invariants
//!
//! - **P1 mute.** The answer names a kind, never a part of the text.
//! - **P2 versioned.** Rules of a protocol never change; new rules stand under a new one.
//!
//! Source: GB 11643-1999 (ISO 7064 MOD 11-2) for identity cards, ISO/IEC 7812-1 for bank cards.

/// Protocol whose rules stand here.
pub const PROTOCOL: u32 = 1;

/// Digits of the numbers that the filter knows, joined groups included, are at most this many.
const DIGITS_MAX: usize = 19;
/// Groups that one number is written in, at most: `6222 0212 3456 7890 123`.
const GROUPS_MAX: usize = 7;
/// Characters of base64 after an image's first bytes, from which on it is an image.
const IMAGE_BASE64_MIN: usize = 64;
/// A run of base64 this long is no text whatever it holds.
const BASE64_MAX: usize = 512;
/// Decimals from which on a coordinate is precise: four are about ten metres.
const DECIMALS_MIN: usize = 4;
/// Characters between the two numbers of a coordinate, at most: `, 经度: `.
const BETWEEN_MAX: usize = 16;

/// Whether a text holds one kind of personal datum.
type Rule = fn(&[char]) -> bool;

/// The kind of personal datum that `text` seems to hold, if any.
pub fn find(text: &str) -> Option<&'static str> {
    let chars: Vec<char> = text.chars().filter(|c| !is_unseen(*c)).map(plain).collect();
    let rules: [(&str, Rule); 4] = [
        ("image", has_image),
        ("e-mail", has_email),
        ("coordinates", has_coordinates),
        ("coordinates", has_degrees),
    ];
    number(&chars).or_else(|| rules.iter().find(|(_, holds)| holds(&chars)).map(|(kind, _)| *kind))
}

/// Characters without width: what is pasted from a web page may hold them between digits.
fn is_unseen(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}' | '\u{feff}')
}

/// Full-width forms and other scripts' digits as ASCII; every dash as a hyphen, every space as one.
fn plain(c: char) -> char {
    match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xff01 + 0x21).unwrap_or(c),
        '\u{2010}'..='\u{2015}' | '\u{2212}' => '-',
        '\u{3000}' | '\u{a0}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\t' => ' ',
        '。' | '·' | '・' => '.',
        _ => digit(c),
    }
}

/// Where the ten digits of other scripts and styles begin (Unicode, general category Nd), as far as
/// a keyboard or a web page may produce them.
const ZEROS: [u32; 10] =
    [0x660, 0x6f0, 0x966, 0x9e6, 0xe50, 0x1d7ce, 0x1d7d8, 0x1d7e2, 0x1d7ec, 0x1d7f6];

fn digit(c: char) -> char {
    let code = u32::from(c);
    let value = ZEROS.iter().find_map(|zero| code.checked_sub(*zero).filter(|v| *v < 10));
    value.and_then(|v| char::from_digit(v, 10)).unwrap_or(c)
}

/// A run of digits: where it begins and ends.
#[derive(Clone, Copy)]
struct Group {
    from: usize,
    to: usize,
}

/// Whether what stands from `from` to `to` joins two groups of one number: one or two spaces,
/// hyphens, dots or slashes.
fn joins(chars: &[char], from: usize, to: usize) -> bool {
    let between = chars.get(from..to).unwrap_or_default();
    matches!(between.len(), 1 | 2) && between.iter().all(|c| " -./".contains(*c))
}

/// Looks for numbers: single runs of digits, and runs that are joined.
fn number(chars: &[char]) -> Option<&'static str> {
    let groups = groups(chars);
    for (i, first) in groups.iter().enumerate() {
        let (mut digits, mut end) = (Vec::with_capacity(DIGITS_MAX), first.from);
        for (taken, group) in groups.iter().skip(i).take(GROUPS_MAX).enumerate() {
            let joined = joins(chars, end, group.from);
            if taken > 0 && !joined || digits.len() + (group.to - group.from) > DIGITS_MAX {
                break;
            }
            digits.extend(chars.get(group.from..group.to).unwrap_or_default());
            end = group.to;
            if let Some(kind) = kind_of(&digits, chars.get(end).copied(), chars.get(end + 1)) {
                return Some(kind);
            }
        }
    }
    None
}

/// The runs of digits of the text, without those inside long hexadecimal words: digests.
fn groups(chars: &[char]) -> Vec<Group> {
    let (mut groups, mut at) = (Vec::new(), 0);
    while at < chars.len() {
        let word = run(chars, at, |c| c.is_ascii_alphanumeric());
        let hex = run(chars, at, |c| c.is_ascii_hexdigit());
        if word == 0 {
            at += 1;
            continue;
        }
        let is_digest = word == hex
            && word >= 32
            && chars.iter().skip(at).take(word).any(char::is_ascii_alphabetic);
        let end = at + word;
        while at < end {
            let digits = run(chars, at, |c| c.is_ascii_digit());
            if digits > 0 && !is_digest {
                groups.push(Group { from: at, to: at + digits });
            }
            at += digits.max(1);
        }
    }
    groups
}

/// How many characters from `at` on are of this sort.
fn run(chars: &[char], at: usize, is: impl Fn(&char) -> bool) -> usize {
    chars.iter().skip(at).take_while(|c| is(c)).count()
}

fn kind_of(digits: &[char], next: Option<char>, after: Option<&char>) -> Option<&'static str> {
    let values: Vec<u32> = digits.iter().filter_map(|c| c.to_digit(10)).collect();
    let ends_in_x =
        matches!(next, Some('X' | 'x')) && !after.is_some_and(char::is_ascii_alphanumeric);
    match values.as_slice() {
        v @ [.., last] if v.len() == 18 && is_identity_card(v.get(..17)?, *last) => {
            Some("identity card")
        }
        v if v.len() == 17 && ends_in_x && is_identity_card(v, 10) => Some("identity card"),
        [0, 0, 8, 6, mobile @ ..] | [8, 6, mobile @ ..] | mobile if is_mobile(mobile) => {
            Some("mobile number")
        }
        v if (16..=19).contains(&v.len()) && is_bank_card(v) => Some("bank card"),
        _ => None,
    }
}

/// 1[3-9] and nine more digits.
fn is_mobile(digits: &[u32]) -> bool {
    matches!(digits, [1, 3..=9, rest @ ..] if rest.len() == 9)
}

/// Seventeen digits with a date of birth in the middle, and their check.
fn is_identity_card(digits: &[u32], check: u32) -> bool {
    const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    const CHECKS: [u32; 11] = [1, 0, 10, 9, 8, 7, 6, 5, 4, 3, 2];
    let [1..=9, _, _, _, _, _, y1, y2, _, _, m1, m2, d1, d2, ..] = digits else { return false };
    let born = (18..=20).contains(&(y1 * 10 + y2))
        && (1..=12).contains(&(m1 * 10 + m2))
        && (1..=31).contains(&(d1 * 10 + d2));
    let sum: u32 = digits.iter().zip(WEIGHTS).map(|(digit, weight)| digit * weight).sum();
    born && CHECKS.iter().zip(0..).any(|(expected, rest)| rest == sum % 11 && *expected == check)
}

/// Luhn's check, and a first digit that card schemes use.
fn is_bank_card(digits: &[u32]) -> bool {
    let doubled = |(i, digit): (usize, &u32)| match i % 2 {
        0 => *digit,
        _ if *digit > 4 => digit * 2 - 9,
        _ => digit * 2,
    };
    let sum: u32 = digits.iter().rev().enumerate().map(doubled).sum();
    matches!(digits, [2..=6 | 9, ..]) && sum.is_multiple_of(10)
}

fn has_email(chars: &[char]) -> bool {
    let is_local = |c: &char| c.is_ascii_alphanumeric() || "._%+-".contains(*c);
    let is_domain = |c: &char| c.is_ascii_alphanumeric() || ".-".contains(*c);
    chars.iter().enumerate().filter(|(_, c)| **c == '@').any(|(at, _)| {
        let before = at.checked_sub(1).and_then(|i| chars.get(i)).is_some_and(is_local);
        let domain: String = chars.iter().skip(at + 1).take_while(|c| is_domain(c)).collect();
        let top = domain.trim_end_matches(['.', '-']).rsplit_once('.');
        let is_top = |top: &str| top.len() >= 2 && top.chars().all(|c| c.is_ascii_alphabetic());
        before && top.is_some_and(|(host, top)| !host.is_empty() && is_top(top))
    })
}

/// A number with decimals: its whole part, where it ends.
struct Decimal {
    whole: u32,
    from: usize,
    to: usize,
}

/// Two numbers near each other, each with four decimals or more, that can be a place.
fn has_coordinates(chars: &[char]) -> bool {
    let mut found = Vec::new();
    let mut at = 0;
    while at < chars.len() {
        let whole = run(chars, at, |c| c.is_ascii_digit());
        let dot = matches!(chars.get(at + whole), Some('.'));
        let decimals = run(chars, at + whole + 1, |c| c.is_ascii_digit());
        if (1..=3).contains(&whole) && dot && decimals >= DECIMALS_MIN {
            let digits = chars.iter().skip(at).take(whole).filter_map(|c| c.to_digit(10));
            let value = digits.fold(0, |sum, digit| sum * 10 + digit);
            found.push(Decimal { whole: value, from: at, to: at + whole + 1 + decimals });
            at += whole + 1 + decimals;
        } else {
            at += whole.max(1);
        }
    }
    found.windows(2).any(|pair| match pair {
        [a, b] => {
            let (small, large) = (a.whole.min(b.whole), a.whole.max(b.whole));
            small < 90 && large < 180 && b.from - a.to <= BETWEEN_MAX
        }
        _ => false,
    })
}

/// Degrees with minutes: 30°15′.
fn has_degrees(chars: &[char]) -> bool {
    chars.iter().enumerate().filter(|(_, c)| **c == '°' || **c == '度').any(|(at, _)| {
        let digit_before = at.checked_sub(1).and_then(|i| chars.get(i));
        let minutes = run(chars, at + 1, |c| c.is_ascii_digit() || *c == '.' || *c == ' ');
        let mark = chars.get(at + 1 + minutes);
        digit_before.is_some_and(char::is_ascii_digit)
            && minutes > 0
            && matches!(mark, Some('\'' | '′' | '’' | '分'))
    })
}

/// An image as a data link, or the first bytes of one in base64 and enough after them, or a run
/// of base64 that no text has.
fn has_image(chars: &[char]) -> bool {
    const MAGIC: [&str; 5] = ["/9j/", "iVBORw0KGgo", "R0lGOD", "UklGR", "AAAAIGZ0eX"];
    let is_base64 = |c: &char| c.is_ascii_alphanumeric() || "+/=-_".contains(*c);
    let starts = |at: usize, with: &str| {
        with.chars().zip(chars.iter().skip(at)).filter(|(a, b)| a == *b).count() == with.len()
    };
    let mut at = 0;
    while at < chars.len() {
        if starts(at, "data:image/") {
            return true;
        }
        let length = run(chars, at, is_base64);
        let magic = MAGIC.iter().any(|magic| {
            length >= magic.len() + IMAGE_BASE64_MIN
                && (0..=length - magic.len() - IMAGE_BASE64_MIN).any(|i| starts(at + i, magic))
        });
        if length >= BASE64_MAX || magic {
            return true;
        }
        // Word by word, but a data link may begin inside one.
        at += if length > 11 { length - 4 } else { 1 };
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn leg_05_what_people_paste_by_mistake_is_found() {
        let cases = [
            ("身份证 11010519491231002X 已核", "identity card"),
            ("id:440308199901101512.", "identity card"),
            ("４４０３０８１９９９０１１０１５１２", "identity card"),
            ("440308 19990110 1512", "identity card"),
            ("请致电13812345678联系", "mobile number"),
            ("+86 138-1234-5678", "mobile number"),
            ("tel13812345678x", "mobile number"),
            ("138.1234.5678", "mobile number"),
            ("138\u{200b}1234\u{2060}5678", "mobile number"),
            ("138\t1234  5678", "mobile number"),
            ("138\u{202f}1234/5678", "mobile number"),
            ("١٣٨١٢٣٤٥٦٧٨", "mobile number"),
            ("440308\u{2009}19990110·1512", "identity card"),
            ("卡号 4111 1111 1111 1111", "bank card"),
            ("6222020000000000000", "bank card"),
            ("邮箱 zhang.san@example.com。", "e-mail"),
            ("ｚｓ＠example.cn", "e-mail"),
            ("在 30.27415, 120.15515 处", "coordinates"),
            ("纬度: 30.2741 经度: 120.1551", "coordinates"),
            ("30°16'27\"N", "coordinates"),
            ("data:image/png;base64,AA", "image"),
        ];
        for (text, kind) in cases {
            assert_eq!(find(text), Some(kind), "{text}");
        }
        let jpeg = format!("附图 /9j/{}", "4AAQSkZJRgABAQ".repeat(8));
        assert_eq!(find(&jpeg), Some("image"));
        assert_eq!(find(&"QUJD".repeat(200)), Some("image"));
    }

    #[test]
    fn ordinary_words_pass() {
        let cases = [
            "",
            "上门维修水管，更换阀门两个，用时 45 分钟",
            "order 2026-11-23 10:30, batch 17, 3.50 元",
            "440308199901101513",
            "1234567890123456",
            "12812345678",
            "版本 1.0000 之后又过了很久很久很久很久，才有版本 2.0000",
            "温度 36.5° 正常",
            "@home @work a@b",
            "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            "a8f13812345678a8f138123456780123",
        ];
        for text in cases {
            assert_eq!(find(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn every_identity_number_with_its_check_is_found(
            region in 110_000_u32..660_000, year in 1900_u32..2026, month in 1_u32..=12,
            day in 1_u32..=28, serial in 0_u32..1000, before in "[ a-z汉]{0,5}",
        ) {
            let digits = format!("{region}{year}{month:02}{day:02}{serial:03}");
            let weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
            let sum: u32 = digits.chars().zip(weights)
                .map(|(c, weight)| c.to_digit(10).unwrap() * weight).sum();
            let check = ["1", "0", "X", "9", "8", "7", "6", "5", "4", "3", "2"][sum as usize % 11];
            let text = format!("{before}{digits}{check}。");
            prop_assert_eq!(find(&text), Some("identity card"));
        }

        #[test]
        fn no_text_makes_it_stumble(text in any::<String>(), digits in "[0-9@.°'X /=+-]{0,80}") {
            let _ = (find(&text), find(&digits));
        }
    }
}
