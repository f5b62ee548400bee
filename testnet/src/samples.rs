//! Sample service records, made here: a form (PDF), a photo (BMP), a list (CSV), a note (WAV).
//!
//! Real file formats that any viewer opens, with invented contents and no personal data.

use std::io;
use std::path::{Path, PathBuf};

/// Writes the samples into `dir` and returns their paths, in a fixed order.
///
/// # Errors
///
/// The file system's error.
pub fn write(dir: &Path) -> io::Result<Vec<PathBuf>> {
    std::fs::create_dir_all(dir)?;
    let files: [(&str, Vec<u8>); 4] = [
        ("service-form.pdf", pdf()),
        ("doorstep-photo.bmp", photo()),
        ("visits.csv", csv()),
        ("handover-note.wav", wav()),
    ];
    let mut paths = Vec::new();
    for (name, bytes) in files {
        let path = dir.join(name);
        std::fs::write(&path, bytes)?;
        paths.push(path);
    }
    Ok(paths)
}

/// A one-page PDF form.
fn pdf() -> Vec<u8> {
    let text = "BT /F1 14 Tf 60 760 Td 20 TL (Service record SO-7K2M) Tj T* (Service: home cleaning, 120 min) Tj \
                T* (Accepted after 18 s, dispatched after 112 s) Tj T* (Result: done, score 5) Tj ET";
    let objects = [
        "<< /Type /Catalog /Pages 2 0 R >>".to_string(),
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>".to_string(),
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R \
         /Resources << /Font << /F1 5 0 R >> >> >>"
            .to_string(),
        format!("<< /Length {} >>\nstream\n{text}\nendstream", text.len()),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>".to_string(),
    ];
    let mut out = b"%PDF-1.4\n".to_vec();
    let mut offsets = Vec::new();
    for (i, object) in objects.iter().enumerate() {
        offsets.push(out.len());
        out.extend_from_slice(format!("{} 0 obj\n{object}\nendobj\n", i + 1).as_bytes());
    }
    let start = out.len();
    out.extend_from_slice(
        format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1).as_bytes(),
    );
    for offset in offsets {
        out.extend_from_slice(format!("{offset:010} 00000 n \n").as_bytes());
    }
    let count = objects.len() + 1;
    let trailer = format!("trailer\n<< /Size {count} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n");
    out.extend_from_slice(trailer.as_bytes());
    out
}

/// A 320 × 240 photograph of a door, more or less: a 24-bit BMP.
fn photo() -> Vec<u8> {
    const WIDTH: u32 = 320;
    const HEIGHT: u32 = 240;
    let body = WIDTH * HEIGHT * 3;
    let mut out = b"BM".to_vec();
    for word in [54 + body, 0, 54, 40, WIDTH, HEIGHT] {
        out.extend_from_slice(&word.to_le_bytes());
    }
    out.extend_from_slice(&1_u16.to_le_bytes());
    out.extend_from_slice(&24_u16.to_le_bytes());
    for word in [0, body, 2835, 2835, 0, 0] {
        out.extend_from_slice(&word.to_le_bytes());
    }
    for y in 0..HEIGHT {
        for x in 0..WIDTH {
            let door = (110..210).contains(&x) && y < 200;
            let shade = u8::try_from((x / 4 + y / 3) % 40).unwrap_or(0);
            let [b, g, r] = if door { [40, 70, 120] } else { [150, 160, 170] };
            out.extend([b + shade, g + shade, r + shade]);
        }
    }
    out
}

/// A day's visits, without a name in it.
fn csv() -> Vec<u8> {
    let mut out = String::from("order,service,accepted_s,dispatched_s,minutes,score\n");
    for i in 0..48_u32 {
        let (accepted, dispatched) = (8 + i * 7 % 50, 60 + i * 13 % 110);
        let line = format!(
            "SO-{:04},{},{accepted},{dispatched},{},{}\n",
            1000 + i,
            i % 12,
            30 + i % 5 * 15,
            3 + i % 3
        );
        out.push_str(&line);
    }
    out.into_bytes()
}

/// One second of a 440 Hz square wave, 8 kHz, 8 bit: a WAV file.
fn wav() -> Vec<u8> {
    const RATE: u32 = 8_000;
    let mut out = b"RIFF".to_vec();
    out.extend_from_slice(&(36 + RATE).to_le_bytes());
    out.extend_from_slice(b"WAVEfmt ");
    for word in [16_u32, 1 | 1 << 16, RATE, RATE, 1 | 8 << 16] {
        out.extend_from_slice(&word.to_le_bytes());
    }
    out.extend_from_slice(b"data");
    out.extend_from_slice(&RATE.to_le_bytes());
    out.extend((0..RATE).map(|t| if (t * 880 / RATE).is_multiple_of(2) { 96 } else { 160 }));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_samples_are_what_their_names_say() {
        let heads: [(&[u8], Vec<u8>); 4] =
            [(b"%PDF-1.4", pdf()), (b"BM", photo()), (b"order,", csv()), (b"RIFF", wav())];
        for (head, file) in heads {
            assert!(file.starts_with(head));
            assert!(file.len() > 600);
        }
    }
}
