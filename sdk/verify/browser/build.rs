//! Puts the page together: the module, the script and the style inside one file of HTML.
#![allow(clippy::disallowed_methods, reason = "a build script is told by its environment")]

use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};

const MODULE: &str = ".build/linli-browser.wasm";
const PARTS: [&str; 3] = ["page/page.html", "page/page.css", "page/page.js"];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed={MODULE}");
    PARTS.iter().for_each(|part| println!("cargo:rerun-if-changed={part}"));
    // The module itself holds no page.
    if std::env::var("CARGO_CFG_TARGET_ARCH").as_deref() == Ok("wasm32") {
        return Ok(());
    }
    let from = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR")?);
    if !from.join(MODULE).is_file() {
        eprintln!("sdk/verify/browser/{MODULE} is missing: run ./dev setup, which builds it");
        std::process::exit(1);
    }
    let page = page(&from)?;
    let to = PathBuf::from(std::env::var("OUT_DIR")?).join("linli-verify.html");
    std::fs::write(to, page)?;
    Ok(())
}

/// The page. Its policy lets this script and this style run, and nothing else.
fn page(from: &Path) -> Result<String, Box<dyn std::error::Error>> {
    let module = base64(&std::fs::read(from.join(MODULE))?);
    let [html, css, js] = PARTS.map(|part| std::fs::read_to_string(from.join(part)));
    let (css, js) = (css?, js?.replace("{{module}}", &module));
    let of = |text: &str| base64(&Sha256::digest(text));
    Ok(html?
        .replace("{{style-digest}}", &of(&css))
        .replace("{{script-digest}}", &of(&js))
        .replace("{{style}}", &css)
        .replace("{{script}}", &js))
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            let digit = DIGITS[(bits >> (18 - place * 6)) as usize & 63];
            text.push(if place > chunk.len() { '=' } else { char::from(digit) });
        }
    }
    text
}
