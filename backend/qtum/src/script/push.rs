//! Pushes: how data and numbers stand in a script.

const OP_PUSHDATA1: u8 = 0x4c;
const OP_PUSHDATA2: u8 = 0x4d;
const OP_PUSHDATA4: u8 = 0x4e;
const OP_1: u8 = 0x51;
const OP_16: u8 = 0x60;

/// Appends a push of `data` with the shortest length prefix.
///
/// Like Qtum Core's wallet it never uses `OP_1`…`OP_16` for data: gas price 4 is `01 04`.
pub fn push(script: &mut Vec<u8>, data: &[u8]) {
    let length = data.len();
    let bytes = (length as u64).to_le_bytes();
    match length {
        0..0x4c => script.push(bytes[0]),
        0x4c..=0xff => script.extend_from_slice(&[OP_PUSHDATA1, bytes[0]]),
        0x100..=0xffff => script.extend_from_slice(&[OP_PUSHDATA2, bytes[0], bytes[1]]),
        _ => {
            script.push(OP_PUSHDATA4);
            script.extend_from_slice(&bytes[..4]);
        }
    }
    script.extend_from_slice(data);
}

/// Appends a push of a non-negative number: little-endian, as short as possible, top bit clear.
pub fn push_number(script: &mut Vec<u8>, number: u64) {
    let bytes = number.to_le_bytes();
    let length = 8 - number.leading_zeros() as usize / 8;
    let mut number = bytes[..length].to_vec();
    if number.last().is_some_and(|top| 0x80 <= *top) {
        number.push(0);
    }
    push(script, &number);
}

/// Reads a number as Qtum reads gas limit and gas price: unsigned, little-endian, at most eight
/// bytes, top bit clear, not necessarily the shortest form.
pub(crate) fn number(data: &[u8]) -> Option<u64> {
    if 8 < data.len() || data.last().is_some_and(|top| 0x80 <= *top) {
        return None;
    }
    Some(
        data.iter()
            .rev()
            .fold(0, |number, byte| number << 8 | u64::from(*byte)),
    )
}

/// Walks over the pushes in a script; yields `None` once for anything that is not a whole push and
/// then ends.
#[derive(Clone, Debug)]
pub struct Pushes<'a> {
    rest: &'a [u8],
}

impl<'a> Pushes<'a> {
    /// Starts at the beginning of `script`.
    pub const fn new(script: &'a [u8]) -> Self {
        Self { rest: script }
    }

    /// What has not been read yet.
    pub const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Whether all that is left are pushes.
    pub fn only_pushes(mut self) -> bool {
        self.all(|push| push.is_some())
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (data, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(data)
    }

    fn read(&mut self) -> Option<&'a [u8]> {
        let length = match self.take(1)?[0] {
            short @ 0..OP_PUSHDATA1 => usize::from(short),
            OP_PUSHDATA1 => usize::from(self.take(1)?[0]),
            OP_PUSHDATA2 => usize::from(u16::from_le_bytes(self.take(2)?.try_into().ok()?)),
            OP_PUSHDATA4 => {
                usize::try_from(u32::from_le_bytes(self.take(4)?.try_into().ok()?)).ok()?
            }
            small @ OP_1..=OP_16 => {
                let index = usize::from(small - OP_1);
                return Some(&SMALL[index..=index]);
            }
            _ => return None,
        };
        self.take(length)
    }
}

const SMALL: [u8; 16] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16];

impl<'a> Iterator for Pushes<'a> {
    type Item = Option<&'a [u8]>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let push = self.read();
        if push.is_none() {
            self.rest = &[];
        }
        Some(push)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(value: u64, expected: &str) {
        let mut script = Vec::new();
        push_number(&mut script, value);
        assert_eq!(hex::encode(script), expected);
    }

    #[test]
    fn numbers_are_pushed_as_qtum_core_pushes_them() {
        check(250_000, "0390d003");
        check(40, "0128");
        check(0, "00");
        check(127, "017f");
        check(128, "028000");
        check(2_500_000, "03a02526");
    }

    #[test]
    fn small_number_opcodes_count_as_pushes() {
        let read: Vec<_> = Pushes::new(&[0x54, 0x60, 0x00]).collect();
        assert_eq!(read, [Some(&[4_u8][..]), Some(&[16][..]), Some(&[][..])]);
    }

    #[test]
    fn a_cut_push_ends_the_walk() {
        assert_eq!(Pushes::new(&[2, 1]).collect::<Vec<_>>(), [None]);
        assert_eq!(
            Pushes::new(&[0x4e, 0xff, 0xff, 0xff, 0xff]).collect::<Vec<_>>(),
            [None]
        );
        assert_eq!(number(&[0x80]), None);
        assert_eq!(number(&[1; 9]), None);
        assert_eq!(number(&[40, 0, 0]), Some(40));
    }

    proptest! {
        #[test]
        fn data_reads_back(data in prop::collection::vec(any::<u8>(), 0..70_000)) {
            let mut script = Vec::new();
            push(&mut script, &data);
            prop_assert_eq!(Pushes::new(&script).collect::<Vec<_>>(), vec![Some(data.as_slice())]);
        }

        #[test]
        fn numbers_read_back(value in 0..1_u64 << 63) {
            let mut script = Vec::new();
            push_number(&mut script, value);
            let pushed = Pushes::new(&script).next().flatten().unwrap();
            prop_assert_eq!(number(pushed), (pushed.len() <= 8).then_some(value));
        }
    }
}
