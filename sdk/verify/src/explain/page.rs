//! The explanation on paper: A4 pages in PDF, without embedded fonts.
//!
//! Chinese is set in STSong-Light by its predefined encoding, ASCII in Helvetica: every reader has
//! or replaces both. Nothing in the file depends on a clock or on chance.
//!
//! Sources: ISO 32000-1, sections 7.5, 9.6.2.2, 9.7.5.2; Adobe's font metrics of Helvetica.

use super::{Line, footer, lines};
use crate::report::{Edition, Report};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// A4, in points.
const PAGE: (u32, u32) = (595, 842);
/// Margins left and right.
const MARGIN: u32 = 56;
/// Where the first line of a page stands, and the last one may.
const TOP: u32 = 780;
const BOTTOM: u32 = 72;
/// The first object after those of the fonts.
const FIRST_PAGE: usize = 7;

/// Widths of Helvetica's characters 32 to 126, in thousandths of the size.
const WIDTHS: [u16; 95] = [
    278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556,
    556, 556, 556, 556, 556, 556, 556, 278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667,
    611, 778, 722, 278, 500, 667, 556, 833, 722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667,
    667, 611, 278, 278, 278, 469, 556, 333, 556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500,
    222, 833, 556, 556, 556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584,
];

/// How a line is set: size, space above, indent; all in points.
struct Style {
    size: u32,
    above: u32,
    indent: u32,
    grey: bool,
}

const fn style(line: &Line) -> Style {
    match line {
        Line::Title(_) => Style { size: 17, above: 26, indent: 0, grey: false },
        Line::Head(_) => Style { size: 12, above: 16, indent: 0, grey: false },
        Line::Text(_) => Style { size: 10, above: 5, indent: 12, grey: false },
    }
}

fn words(line: &Line) -> &str {
    match line {
        Line::Title(words) | Line::Head(words) | Line::Text(words) => words,
    }
}

/// The page's bytes.
pub(crate) fn page(report: &Report, edition: Edition) -> Vec<u8> {
    let mut pages: Vec<String> = alloc::vec![String::new()];
    let mut at = TOP;
    for line in lines(report, edition) {
        let Style { size, above, indent, grey } = style(&line);
        let starts_anew = matches!(line, Line::Title(_)) && at != TOP;
        if starts_anew {
            (at, pages) = new_page(pages);
        }
        at = at.saturating_sub(if at == TOP { 0 } else { above });
        let width = PAGE.0.saturating_sub(MARGIN.saturating_mul(2)).saturating_sub(indent);
        for row in wrap(words(&line), width.saturating_mul(1000) / size) {
            if at < BOTTOM {
                (at, pages) = new_page(pages);
            }
            let place = (MARGIN.saturating_add(indent), at);
            if let Some(content) = pages.last_mut() {
                content.push_str(&show(row, place, size, grey));
            }
            at = at.saturating_sub(size.saturating_add(5));
        }
    }
    finish(pages, &footer(report))
}

fn new_page(mut pages: Vec<String>) -> (u32, Vec<String>) {
    pages.push(String::new());
    (TOP, pages)
}

/// Thousandths of the size.
fn width_of(c: char) -> u32 {
    let at = u32::from(c).checked_sub(32).and_then(|at| usize::try_from(at).ok());
    at.and_then(|at| WIDTHS.get(at)).map_or(1000, |width| u32::from(*width))
}

/// Punctuation that begins no line.
fn clings(c: char) -> bool {
    "，。；：、）》”！？,.;:)".contains(c)
}

/// Rows of at most `most` thousandths, broken after a space or between wide characters; a long
/// digest is broken anywhere.
fn wrap(text: &str, most: u32) -> Vec<&str> {
    let (mut rows, mut start, mut width, mut may) = (Vec::new(), 0_usize, 0_u32, 0_usize);
    let mut before = ' ';
    for (at, c) in text.char_indices() {
        let breaks = before == ' ' || !before.is_ascii() || !c.is_ascii();
        if breaks && !clings(c) {
            may = at;
        }
        width = width.saturating_add(width_of(c));
        if width > most && !clings(c) && at > start {
            let end = if may > start { may } else { at };
            rows.push(text.get(start..end).unwrap_or_default());
            start = end;
            width = text.get(start..at).unwrap_or_default().chars().map(width_of).sum();
            width = width.saturating_add(width_of(c));
        }
        before = c;
    }
    rows.push(text.get(start..).unwrap_or_default());
    rows
}

/// A row as operators of a content stream, each run in its font.
fn show(row: &str, (x, y): (u32, u32), size: u32, grey: bool) -> String {
    let shade = if grey { "0.4 g" } else { "0 g" };
    let mut out = format!("BT {shade} {x} {y} Td\n");
    let mut rest = row.trim_end();
    while let Some(first) = rest.chars().next() {
        let plain = is_plain(first);
        let end = rest.find(|c| is_plain(c) != plain).unwrap_or(rest.len());
        let (run, after) = rest.split_at(end);
        match plain {
            true => out.push_str(&format!("/F1 {size} Tf ({}) Tj\n", escaped(run))),
            false => out.push_str(&format!("/F2 {size} Tf <{}> Tj\n", utf16(run))),
        }
        rest = after;
    }
    out.push_str("ET\n");
    out
}

fn is_plain(c: char) -> bool {
    matches!(c, ' '..='~')
}

fn escaped(run: &str) -> String {
    let mut out = String::new();
    for c in run.chars() {
        if matches!(c, '(' | ')' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

fn utf16(run: &str) -> String {
    run.encode_utf16().map(|unit| format!("{unit:04X}")).collect()
}

/// The fonts: objects 3 to 6.
fn fonts() -> [String; 4] {
    [
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>".into(),
        "<< /Type /Font /Subtype /Type0 /BaseFont /STSong-Light /Encoding /UniGB-UTF16-H /DescendantFonts [5 0 R] >>".into(),
        "<< /Type /Font /Subtype /CIDFontType0 /BaseFont /STSong-Light /CIDSystemInfo << /Registry (Adobe) /Ordering (GB1) /Supplement 4 >> /FontDescriptor 6 0 R /DW 1000 >>".into(),
        "<< /Type /FontDescriptor /FontName /STSong-Light /Flags 6 /FontBBox [-25 -254 1000 880] /ItalicAngle 0 /Ascent 880 /Descent -120 /CapHeight 880 /StemV 93 >>".into(),
    ]
}

/// Numbers the objects, and says where each begins.
fn finish(pages: Vec<String>, footer: &str) -> Vec<u8> {
    let count = pages.len();
    let number = |i: usize| FIRST_PAGE.saturating_add(i.saturating_mul(2));
    let kids: String = (0..count).map(|i| format!("{} 0 R ", number(i))).collect();
    let mut objects: Vec<String> = alloc::vec![
        "<< /Type /Catalog /Pages 2 0 R >>".into(),
        format!("<< /Type /Pages /Kids [{}] /Count {count} >>", kids.trim_end()),
    ];
    objects.extend(fonts());
    for (i, mut content) in pages.into_iter().enumerate() {
        let (page, stream) = (i.saturating_add(1), number(i).saturating_add(1));
        let foot = format!("{footer}　　{page} / {count}");
        content.push_str(&show(&foot, (MARGIN, 40), 8, true));
        let (width, height) = PAGE;
        objects.push(format!("<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {width} {height}] /Resources << /Font << /F1 3 0 R /F2 4 0 R >> >> /Contents {stream} 0 R >>"));
        objects.push(format!("<< /Length {} >>\nstream\n{content}endstream", content.len()));
    }
    let mut out = String::from("%PDF-1.4\n%\u{e9}\u{e9}\u{e9}\u{e9}\n");
    let mut places = Vec::new();
    for (i, object) in objects.iter().enumerate() {
        places.push(out.len());
        out.push_str(&format!("{} 0 obj\n{object}\nendobj\n", i.saturating_add(1)));
    }
    let (start, size) = (out.len(), objects.len().saturating_add(1));
    out.push_str(&format!("xref\n0 {size}\n0000000000 65535 f \n"));
    places.iter().for_each(|place| out.push_str(&format!("{place:010} 00000 n \n")));
    out.push_str(&format!("trailer\n<< /Size {size} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n"));
    out.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_keep_every_character_and_fit() {
        let digest = "ab".repeat(60);
        let text =
            format!("文件 a.pdf，2000 字节，SHA-256 {digest}，其后还有一些话。plain words as well");
        let most = 20_000;
        let rows = wrap(&text, most);
        assert_eq!(rows.concat(), text);
        assert!(rows.len() > 3);
        for row in &rows {
            // A clinging mark may stand over the edge.
            let width: u32 = row.trim_end().chars().map(width_of).sum();
            assert!(width <= most + 1000, "{row}");
            assert!(!row.starts_with(clings), "{row}");
        }
        assert_eq!(wrap("", most), [""]);
    }

    #[test]
    fn marks_of_the_language_are_written_so_that_no_reader_trips() {
        assert_eq!(escaped(r"a(b)\c"), r"a\(b\)\\c");
        assert_eq!(utf16("文😀"), "6587D83DDE00");
    }

    #[test]
    fn every_object_stands_where_the_table_says() {
        let bytes = finish(alloc::vec![String::from("one"), String::from("two")], "脚注");
        let text = String::from_utf8(bytes).unwrap();
        let table = text.rsplit("xref\n0 ").next().unwrap();
        for (i, line) in table.lines().skip(2).take(FIRST_PAGE + 3).enumerate() {
            let at: usize = line.split(' ').next().unwrap().parse().unwrap();
            assert!(text[at..].starts_with(&format!("{} 0 obj", i + 1)), "{line}");
        }
    }
}
