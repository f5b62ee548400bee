//! A log that is read in parts, and every way in which a node could tamper with it.

use super::*;
use linli_types::signature::Zip215;

const CHAIN: ChainId = ChainId([5; 32]);
const ME: PrincipalId = PrincipalId([1; 16]);

fn key() -> SecretKey {
    SecretKey::from_bytes(&[9; 32])
}

fn entry(n: u8, subject: Subject) -> Entry {
    Entry {
        time: TimeMs(u64::from(n)),
        reader: Some(PrincipalId([7; 16])),
        key: PublicKey([8; 32]),
        org: 3,
        method: "Query".into(),
        subject,
        request: Digest([n; 32]),
        salt: [n; 16],
    }
}

/// Six entries, of which 1 and 4 are about me.
fn entries() -> Vec<Entry> {
    let about = |n: u8| if n % 3 == 1 { ME } else { PrincipalId([2; 16]) };
    (0..6).map(|n| entry(n, Subject::Principal(about(n)))).collect()
}

fn link_to(entry: &Entry) -> AccessLink {
    let bytes = linli_types::encode(entry);
    match entry.subject == Subject::Principal(ME) {
        true => AccessLink { entry: bytes, digest: Vec::new() },
        false => AccessLink { entry: Vec::new(), digest: entry_digest(&bytes).0.to_vec() },
    }
}

/// The chain's digest after each of the first entries.
fn digests(entries: &[Entry]) -> Vec<Digest> {
    let mut all = vec![start(&CHAIN, &key().public())];
    for entry in entries {
        let digest = entry_digest(&linli_types::encode(entry));
        all.push(link(all.last().unwrap(), &digest));
    }
    all
}

fn head(count: usize, digest: Digest) -> SignedHead {
    let head = Head { node: key().public(), count: count as u64, digest, time: TimeMs(50) };
    SignedHead::sign(&CHAIN, head, &key())
}

/// The answer that holds the entries from..to of a log of six.
fn part(from: usize, to: usize) -> AccessLogResponse {
    let (entries, digests) = (entries(), digests(&entries()));
    AccessLogResponse {
        head: linli_types::encode(&head(6, digests[6])),
        from: from as u64,
        before: digests[from].0.to_vec(),
        links: entries[from..to].iter().map(link_to).collect(),
        ..Default::default()
    }
}

fn read(parts: &[AccessLogResponse]) -> Result<Option<Log>, Error> {
    let mut reading = Reading::new(CHAIN);
    let mut head = None;
    for part in parts {
        head = reading.take(part, &Zip215)?;
    }
    Ok(head.map(|head| reading.finish(head)))
}

#[test]
fn parts_make_a_whole_and_show_what_is_about_the_reader() {
    for cut in 1..6 {
        let log = read(&[part(0, cut), part(cut, 6)]).unwrap().unwrap();
        let shown: Vec<u64> = log.entries.iter().map(|(index, _)| *index).collect();
        assert_eq!((shown, log.head.count), (vec![1, 4], 6));
        assert_eq!(log.entries[1].1, entries()[4]);
    }
    assert_eq!(read(&[part(0, 3)]).unwrap(), None);
}

#[test]
fn whatever_is_left_out_moved_or_changed_shows() {
    let broken = |change: fn(&mut AccessLogResponse)| {
        let mut answer = part(0, 6);
        change(&mut answer);
        // Whatever looks like a part of the whole is asked to go on.
        read(&[answer, part(5, 6)]).unwrap_err()
    };
    let changes: [fn(&mut AccessLogResponse); 8] = [
        |a| drop(a.links.remove(1)),
        |a| a.links.swap(0, 2),
        |a| a.links[0].digest[0] ^= 1,
        |a| *a.links[1].entry.last_mut().unwrap() ^= 1,
        |a| a.links.push(link_to(&entry(1, Subject::All))),
        |a| a.before[0] ^= 1,
        |a| *a.head.last_mut().unwrap() ^= 1,
        |a| a.from = 1,
    ];
    for change in changes {
        let error = broken(change);
        assert_eq!(error.kind(), ErrorKind::BadAnswer, "{error}");
    }
    // A part twice, and a part that stands somewhere else.
    assert!(read(&[part(0, 2), part(0, 2)]).is_err());
    assert!(read(&[part(0, 2), part(3, 6)]).is_err());
}

#[test]
fn a_head_of_another_chain_or_of_another_node_is_refused() {
    let mut reading = Reading::new(ChainId([6; 32]));
    assert!(reading.take(&part(0, 6), &Zip215).is_err());
    let other = SecretKey::from_bytes(&[4; 32]);
    let digest = digests(&entries())[6];
    let forged = Head { node: key().public(), count: 6, digest, time: TimeMs(50) };
    let forged = SignedHead::sign(&CHAIN, forged, &other);
    let mut answer = part(0, 6);
    answer.head = linli_types::encode(&forged);
    assert!(read(&[answer]).is_err());
}

#[test]
fn the_log_must_go_through_the_head_that_was_anchored() {
    let anchored = |digest: Digest| {
        let mut answer = part(0, 6);
        answer.anchored_head = linli_types::encode(&head(3, digest));
        answer.anchored_pack = vec![1];
        read(&[answer])
    };
    let log = anchored(digests(&entries())[3]).unwrap().unwrap();
    assert_eq!(log.anchored.unwrap().head.head.count, 3);
    // A log that was written anew after its head was anchored.
    let error = anchored(Digest([1; 32])).unwrap_err();
    assert!(error.to_string().contains("anchored"), "{error}");
}

#[test]
fn the_encoding_of_an_entry_is_frozen() {
    let bytes = linli_types::encode(&entry(1, Subject::Principal(ME)));
    let digest = entry_digest(&bytes);
    assert_eq!(bytes.len(), 8 + 1 + 16 + 32 + 4 + 4 + 5 + 1 + 16 + 32 + 16);
    assert_eq!(Entry::try_from_slice(&bytes).unwrap(), entry(1, Subject::Principal(ME)));
    assert_eq!(digest, digest::plain(&[b"linli.access-entry.v1\0", bytes.as_slice()].concat()));
}
