//! Notes and checkpoints: known ones read, other spellings refused.

use super::*;
use ed25519_dalek::{Signer, SigningKey};
use linli_types::id::{ChainId, Digest, PublicKey};
use linli_types::signature::Zip215;
use proptest::prelude::*;

/// The note by which the format was first described, in the documentation of Go's sumdb.
const KNOWN: &str = "If you think cryptography is the answer to your problem,\n\
    then you don't know what your problem is.\n\n\
    — PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
const KNOWN_KEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";

fn signer(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

fn key(name: &str, kind: Kind, seed: u8) -> Key {
    Key::new(name, kind, PublicKey(signer(seed).verifying_key().to_bytes())).unwrap()
}

fn sign(note: &mut Note, key: &Key, seed: u8, time: u64) {
    let signature = signer(seed).sign(&key.kind().message(note.text(), time));
    note.push(Line::new(key, time, &Signature(signature.to_bytes()))).unwrap();
}

fn checkpoint() -> Checkpoint {
    Checkpoint::of(&ChainId([0x5f; 32]), 20_852_163, Digest([7; 32]))
}

fn signed() -> (Note, Key, Key) {
    let mut note = checkpoint().note().unwrap();
    let log = key(&checkpoint().origin, Kind::Log, 1);
    let witness = key("court.example/w1", Kind::Witness, 2);
    sign(&mut note, &log, 1, 0);
    sign(&mut note, &witness, 2, 1_679_315_147);
    (note, log, witness)
}

#[test]
fn the_known_note_holds() {
    let (note, key) = (Note::parse(KNOWN.as_bytes()).unwrap(), Key::parse(KNOWN_KEY).unwrap());
    assert_eq!((key.name(), key.kind()), ("PeterNeumann", Kind::Log));
    assert_eq!(key.id(), [0xc7, 0x4f, 0x20, 0xa3]);
    assert_eq!(note.signed_by(&key, &Zip215), Ok(Some(0)));
    let changed = KNOWN.replace("answer", "Answer");
    let note = Note::parse(changed.as_bytes()).unwrap();
    assert_eq!(note.signed_by(&key, &Zip215), Err(BadNote::Signature));
}

#[test]
fn a_checkpoint_reads_as_the_standard_writes_it() {
    // The example of C2SP tlog-checkpoint.
    let text =
        "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";
    let read = Checkpoint::parse(text).unwrap();
    assert_eq!((read.origin.as_str(), read.size), ("example.com/behind-the-sofa", 20_852_163));
    assert_eq!(read.to_string(), text);
    let more = format!("{text}one more line\n");
    assert_eq!(Checkpoint::parse(&more).unwrap().extensions, ["one more line"]);
}

#[test]
fn what_a_witness_signs_is_what_the_standard_says() {
    // C2SP tlog-cosignature: two lines, then the whole text with its last newline.
    let text =
        "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";
    let expected = "cosignature/v1\ntime 1679315147\nexample.com/behind-the-sofa\n20852163\n\
        CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";
    assert_eq!(Kind::Witness.message(text, 1_679_315_147), expected.as_bytes());
}

#[test]
fn logs_and_witnesses_are_told_apart_by_key_and_kind() {
    let (note, log, witness) = signed();
    let note = Note::parse(note.to_string().as_bytes()).unwrap();
    assert_eq!(note.signed_by(&log, &Zip215), Ok(Some(0)));
    assert_eq!(note.signed_by(&witness, &Zip215), Ok(Some(1_679_315_147)));
    // The same key in the other office, or under another name, is another key.
    let as_witness = key(log.name(), Kind::Witness, 1);
    let renamed = key("court.example/w2", Kind::Witness, 2);
    assert_eq!(note.signed_by(&as_witness, &Zip215), Ok(None));
    assert_eq!(note.signed_by(&renamed, &Zip215), Ok(None));
    assert_eq!(Checkpoint::parse(note.text()), Ok(checkpoint()));
}

#[test]
fn a_line_of_a_known_key_that_does_not_hold_spoils_the_note() {
    let (note, _, witness) = signed();
    for (at, len) in [(0, 72), (8, 72), (71, 72), (0, 71), (0, 64)] {
        let mut lines = note.lines().to_vec();
        lines[1].bytes[at] ^= 1;
        lines[1].bytes.truncate(len);
        let bad = Note { text: note.text().into(), lines };
        assert_eq!(bad.signed_by(&witness, &Zip215), Err(BadNote::Signature), "{at} {len}");
    }
}

#[test]
fn other_spellings_of_a_note_are_refused() {
    let good = signed().0.to_string();
    assert!(Note::parse(good.as_bytes()).is_ok());
    let bad = [
        good.trim_end().to_string(),
        format!("{good}\n"),
        format!("{good}— x AAAA\n"),
        good.replace("— ", "- "),
        good.replace("\n\n", "\n"),
        good.replace('\n', "\r\n"),
        good.replace("court.example/w1", "court example"),
        good.replace("court.example/w1", "court+example"),
        good.replace("court.example/w1", ""),
        good.replace("court.example/w1 ", "court.example/w1  "),
        good.split_once("— ").unwrap().0.to_string(),
        String::new(),
        "\n\n".to_string(),
    ];
    for text in bad {
        assert!(Note::parse(text.as_bytes()).is_err(), "{text:?}");
    }
    assert_eq!(Note::parse(&[0xff, b'\n']), Err(BadNote::Malformed));
    assert_eq!(Note::parse(&[b'a'; limits::NOTE_BYTES_MAX + 1]), Err(BadNote::TooLarge));
}

#[test]
fn two_lines_of_one_key_and_too_many_lines_are_refused() {
    let (mut note, _, witness) = signed();
    let again = Line::new(&witness, 5, &Signature([0; 64]));
    assert_eq!(note.push(again), Err(BadNote::Twice));
    for i in note.lines().len()..limits::NOTE_SIGNATURES_MAX {
        let key = key(&format!("w{i}"), Kind::Witness, 9);
        note.push(Line::new(&key, 5, &Signature([0; 64]))).unwrap();
    }
    let last = Line::new(&key("one-more", Kind::Witness, 9), 5, &Signature([0; 64]));
    assert_eq!(note.push(last), Err(BadNote::TooLarge));
}

#[test]
fn other_spellings_of_a_checkpoint_are_refused() {
    let root = base64::encode(&[7; 32]);
    for text in [
        format!("o\n01\n{root}\n"),
        format!("o\n+1\n{root}\n"),
        format!("o\n-1\n{root}\n"),
        format!("o\n\n{root}\n"),
        format!("\n1\n{root}\n"),
        format!("o\n1\n{root}"),
        format!("o\n1\n{root}\n\n"),
        format!("o\n1\n{}\n", root.trim_end_matches('=')),
        format!("o\n1\n{}\n", base64::encode(&[7; 31])),
        format!("o\n18446744073709551616\n{root}\n"),
        "o\n1\n".to_string(),
    ] {
        assert_eq!(Checkpoint::parse(&text), Err(BadNote::NoCheckpoint), "{text:?}");
    }
}

#[test]
fn the_text_of_a_key_has_one_spelling() {
    let witness = key("court.example/w1", Kind::Witness, 2);
    let text = witness.to_string();
    assert_eq!(Key::parse(&text), Ok(witness));
    let flipped = text.replacen('+', "+0", 1);
    for bad in [flipped.as_str(), &text.to_uppercase(), "", "a+b", "a+00000000+AQ==", "+1+2"] {
        assert!(Key::parse(bad).is_err(), "{bad:?}");
    }
}

proptest! {
    #[test]
    fn no_text_panics_and_what_is_read_is_written_back(
        text in "(o|1|\n|— |w |AAAAAAA=|[ -~]){0,12}",
    ) {
        if let Ok(note) = Note::parse(text.as_bytes()) {
            prop_assert_eq!(note.to_string(), text.clone());
        }
        if let Ok(read) = Checkpoint::parse(&text) {
            prop_assert_eq!(read.to_string(), text);
        }
    }

    #[test]
    fn no_flipped_bit_leaves_a_note_as_it_was(bit in any::<proptest::sample::Index>()) {
        let (note, log, witness) = signed();
        let mut bytes = note.to_string().into_bytes();
        let bit = bit.index(bytes.len() * 8);
        bytes[bit / 8] ^= 1 << (bit % 8);
        // Refused, or one of the two lines is no longer that of its key.
        if let Ok(changed) = Note::parse(&bytes) {
            let holds = |key| changed.signed_by(key, &Zip215).is_ok_and(|time| time.is_some());
            prop_assert!(!(holds(&log) && holds(&witness)));
        }
    }
}
