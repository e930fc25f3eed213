//! Small damage to bytes, repeatable.

use std::panic::catch_unwind;

/// Damaged inputs that each reader gets, unless `SPARKY_DECODER_CASES` says otherwise.
const CASES: u32 = 2_500;

/// A reader: its name, which is also that of its corpus, and what it does with bytes.
type Target = (&'static str, fn(&[u8]));

/// Each reader reads its examples and damaged copies of them: none of it may end in a panic.
pub fn replay(targets: &[Target]) {
    let cases = std::env::var("SPARKY_DECODER_CASES").ok();
    let cases: u32 = cases.map_or(CASES, |text| text.parse().expect("a number of cases"));
    for (name, read) in targets {
        let examples = examples(name);
        assert!(!examples.is_empty(), "{name} has no corpus");
        let mut dice = Dice(0xdec0);
        let damaged = (0..cases).map(|_| damaged(&mut dice, &examples));
        for bytes in examples.iter().cloned().chain(damaged) {
            if catch_unwind(|| read(&bytes)).is_err() {
                let text = String::from_utf8_lossy(&bytes);
                panic!("{name}: {}\n{text}", hex::encode(&bytes));
            }
        }
    }
}

/// Numbers that a seed fixes for ever (`SplitMix64`).
pub struct Dice(pub u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below a limit.
    pub fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit.max(1) as u64).expect("small")
    }

    fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[0]
    }
}

/// Words that readers stumble over.
const WORDS: [&[u8]; 16] = [
    b"0",
    b"-1",
    b"null",
    b"\"\"",
    b"[]",
    b"{}",
    b"1e400",
    b"18446744073709551616",
    b"79228162514264337593543950336",
    b"0x",
    b"\\u0000",
    b"\xff\xff\xff\xff",
    b"\0\0\0\0",
    b"\xfd\xff\xff",
    b"\xc3\xa4",
    b",",
];

/// One of the examples, damaged a little; now and then nothing but noise.
pub fn damaged(dice: &mut Dice, examples: &[Vec<u8>]) -> Vec<u8> {
    if examples.is_empty() || dice.below(16) == 0 {
        let length = dice.below(200);
        return (0..length).map(|_| dice.byte()).collect();
    }
    let mut bytes = examples[dice.below(examples.len())].clone();
    for _ in 0..=dice.below(4) {
        let at = dice.below(bytes.len() + 1);
        let until = (at + dice.below(12)).min(bytes.len());
        match dice.below(8) {
            0 => bytes.truncate(at),
            1 => drop(bytes.drain(at..until)),
            2 => {
                let copy = bytes[at..until].to_vec();
                drop(bytes.splice(at..at, copy));
            }
            3 => drop(bytes.splice(at..until, WORDS[dice.below(16)].iter().copied())),
            4 => {
                let other = &examples[dice.below(examples.len())];
                let from = dice.below(other.len() + 1);
                bytes.truncate(at);
                bytes.extend(&other[from..]);
            }
            5 if at < bytes.len() => bytes[at] ^= 1 << dice.below(8),
            6 if at < bytes.len() => bytes[at] = b'0' + dice.byte() % 10,
            _ if at < bytes.len() => bytes[at] = dice.byte(),
            _ => {}
        }
    }
    bytes
}

/// The examples that are kept for a reader, in order of their names.
pub fn examples(target: &str) -> Vec<Vec<u8>> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../fuzz/corpus")
        .join(target);
    let entries =
        std::fs::read_dir(&folder).unwrap_or_else(|cause| panic!("{}: {cause}", folder.display()));
    let mut paths: Vec<_> = entries
        .map(|entry| entry.expect("a folder").path())
        .collect();
    paths.sort();
    paths
        .iter()
        .map(|path| std::fs::read(path).expect("a file"))
        .collect()
}
