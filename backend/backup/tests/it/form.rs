//! Both forms: what opens them, and what is said of those that can not be opened.

use proptest::prelude::*;
use sparky_backup::{Content, Error, File, Kept, Stretch, blob};

use crate::{QUICK, channel, content, key, paid};

const PASSPHRASE: &str = "correct horse";

fn full() -> Content {
    let (channel, update) = paid(&channel(), 20);
    content(vec![Kept {
        channel,
        outbox: vec![update],
    }])
}

fn file(content: &Content) -> File {
    File::seal(content, &key(1), PASSPHRASE, QUICK, [1; 16], [2; 24]).expect("seals")
}

fn text(file: &File) -> String {
    serde_json::to_string(file).expect("JSON")
}

fn opened(text: &str, passphrase: &str) -> Result<Content, Error> {
    Ok(File::parse(text)?.open(passphrase)?.content)
}

#[test]
fn what_went_in_comes_out() {
    let content = full();
    let back = File::parse(&text(&file(&content)))
        .and_then(|file| file.open(PASSPHRASE))
        .expect("opens");
    assert_eq!(back.content, content);
    assert_eq!(*back.key.to_bytes(), *key(1).to_bytes());
    let blob = blob::seal(&content, &key(1), [3; 24]).expect("seals");
    assert_eq!(blob::open(&blob, &key(1), 7), Ok(content));
}

#[test]
fn every_reason_has_its_own_name() {
    let whole = text(&file(&full()));
    assert_eq!(opened(&whole, "correct house"), Err(Error::WrongPassphrase));
    assert_eq!(opened("holiday photo", PASSPHRASE), Err(Error::NotABackup));
    assert_eq!(
        opened("{\"format\":\"other\",\"version\":1}", PASSPHRASE),
        Err(Error::NotABackup)
    );
    assert_eq!(
        opened(&whole[..whole.len() / 2], PASSPHRASE),
        Err(Error::Damaged)
    );
    let newer = whole.replace("\"version\":1", "\"version\":2");
    assert_eq!(
        opened(&newer, PASSPHRASE),
        Err(Error::NewerVersion { found: 2 })
    );
    let elsewhere = File::parse(&whole)
        .expect("a file")
        .expect_network("mainnet");
    assert_eq!(
        elsewhere,
        Err(Error::OtherNetwork {
            found: "dev".into(),
            expected: "mainnet".into()
        })
    );
    assert_eq!(
        File::parse(&whole)
            .expect("a file")
            .expect_network("regtest"),
        Ok(())
    );
    let weak = File::seal(&full(), &key(1), "seven77", QUICK, [1; 16], [2; 24]);
    assert_eq!(weak, Err(Error::WeakPassphrase { least: 8 }));
}

/// The head is readable by all and writable by nobody.
#[test]
fn nothing_in_the_head_can_be_changed() {
    let whole = text(&file(&full()));
    for (from, to) in [
        ("\"network\":\"dev\"", "\"network\":\"mainnet\""),
        ("1700000000", "1700000001"),
        ("\"memoryKib\":64", "\"memoryKib\":65"),
        ("\"passes\":1", "\"passes\":2"),
    ] {
        let changed = whole.replace(from, to);
        assert_ne!(changed, whole);
        assert_eq!(opened(&changed, PASSPHRASE), Err(Error::Damaged), "{to}");
    }
}

#[test]
fn a_hostile_file_exhausts_nobody() {
    let greedy = Stretch {
        memory_kib: 1024 * 1024,
        ..QUICK
    };
    let refused = File::seal(&full(), &key(1), PASSPHRASE, greedy, [1; 16], [2; 24]);
    assert_eq!(
        refused,
        Err(Error::TooHard {
            memory_kib: 1024 * 1024
        })
    );
}

#[test]
fn nothing_secret_stands_in_either_form() {
    let whole = text(&file(&full()));
    let secret = hex::encode(*key(1).to_bytes());
    assert!(
        !whole.contains(&secret) && !whole.contains("Alice"),
        "{whole}"
    );
    let blob = blob::seal(&full(), &key(1), [3; 24]).expect("seals");
    assert!(!blob.windows(5).any(|window| window == b"Alice"));
    // And the length says little: a name more or less is not seen.
    let mut other = full();
    other.app = serde_json::json!({ "name": "Alicia of the many names" });
    assert_eq!(
        blob::seal(&other, &key(1), [3; 24]).expect("seals").len(),
        blob.len()
    );
}

/// A relay can not show an old one as new, nor one of somebody else.
#[test]
fn a_blob_is_of_one_key_and_one_revision() {
    let blob = blob::seal(&full(), &key(1), [3; 24]).expect("seals");
    assert_eq!(blob::open(&blob, &key(1), 8), Err(Error::WrongKey));
    assert_eq!(blob::open(&blob, &key(2), 7), Err(Error::WrongKey));
    assert_eq!(blob::open(&[], &key(1), 7), Err(Error::Damaged));
    assert_eq!(blob::open(&[1; 9], &key(1), 7), Err(Error::Damaged));
    assert_eq!(
        blob::open(&[2; 99], &key(1), 7),
        Err(Error::NewerVersion { found: 2 })
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn whatever_a_program_adds_comes_back(name in ".{0,40}", number in any::<u32>(), at in any::<u8>()) {
        let mut content = full();
        content.app = serde_json::json!({ "name": name, "number": number });
        let sealed = File::seal(&content, &key(1), PASSPHRASE, QUICK, [at; 16], [at; 24]).expect("seals");
        prop_assert_eq!(opened(&text(&sealed), PASSPHRASE), Ok(content));
    }

    #[test]
    fn one_changed_byte_is_noticed(at in any::<prop::sample::Index>(), by in 1_u8..=255) {
        let mut bytes = text(&file(&full())).into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = bytes[at].wrapping_add(by);
        if let Ok(changed) = String::from_utf8(bytes) {
            // Blanks and the case of hex digits are not part of what is said.
            if let Ok(content) = opened(&changed, PASSPHRASE) {
                prop_assert_eq!(content, full());
            }
        }
        let mut blob = blob::seal(&full(), &key(1), [3; 24]).expect("seals");
        let at = at % blob.len();
        blob[at] = blob[at].wrapping_add(by);
        prop_assert!(blob::open(&blob, &key(1), 7).is_err());
    }

    #[test]
    fn nothing_makes_it_panic(noise in ".{0,300}", bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = opened(&noise, &noise);
        let _ = blob::open(&bytes, &key(1), 7);
    }
}
