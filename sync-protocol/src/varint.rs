//! Whole numbers in as few bytes as they need: seven bits a byte, low bits first, high bit = more follows.
//!
//! Only the shortest form is read, so that equal values have equal bytes.

/// The input ended, or a number is longer than 64 bits or not in its shortest form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BadVarint;

pub(crate) fn put(out: &mut Vec<u8>, mut value: u64) {
    loop {
        let low = u8::try_from(value & 0x7f).unwrap_or_default();
        value >>= 7;
        if value == 0 {
            out.push(low);
            return;
        }
        out.push(low | 0x80);
    }
}

/// Small numbers of either sign in few bytes.
pub(crate) fn put_signed(out: &mut Vec<u8>, value: i64) {
    put(out, ((value << 1) ^ (value >> 63)).cast_unsigned());
}

pub(crate) fn take(input: &mut &[u8]) -> Result<u64, BadVarint> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = input.split_first().ok_or(BadVarint)?;
        *input = rest;
        let bits = u64::from(byte & 0x7f);
        if shift == 63 && bits > 1 {
            return Err(BadVarint);
        }
        value |= bits << shift;
        if byte & 0x80 == 0 {
            return if bits == 0 && shift > 0 { Err(BadVarint) } else { Ok(value) };
        }
    }
    Err(BadVarint)
}

pub(crate) fn take_signed(input: &mut &[u8]) -> Result<i64, BadVarint> {
    let value = take(input)?;
    Ok((value >> 1).cast_signed() ^ -(value & 1).cast_signed())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_number_comes_back(value: u64, signed: i64) {
            let mut bytes = Vec::new();
            put(&mut bytes, value);
            put_signed(&mut bytes, signed);
            let mut input = &bytes[..];
            prop_assert_eq!(take(&mut input), Ok(value));
            prop_assert_eq!(take_signed(&mut input), Ok(signed));
            prop_assert!(input.is_empty());
        }

        #[test]
        fn what_is_read_is_the_shortest_form(bytes in proptest::collection::vec(any::<u8>(), 0..12)) {
            let mut input = &bytes[..];
            if let Ok(value) = take(&mut input) {
                let mut again = Vec::new();
                put(&mut again, value);
                prop_assert_eq!(&bytes[..bytes.len() - input.len()], &again[..]);
            }
        }
    }

    #[test]
    fn long_forms_and_overflow_are_refused() {
        for bad in [&[0x80, 0x00][..], &[0xff; 10], &[0x80], &[]] {
            assert_eq!(take(&mut &bad[..]), Err(BadVarint));
        }
    }
}
