//! Whether a JPEG file is whole: the decoder fills what a cut file lacks with grey and says nothing.

/// True if the segments of `file` lead to an end-of-image marker.
///
/// Segments are skipped by their length, so that the end of an embedded thumbnail does not count; in entropy-coded data
/// FF is followed by 00 or by a restart marker, so anything else there is a marker. Bytes after the end are ignored.
/// Source: ITU-T T.81, annex B.
pub(super) fn is_whole(file: &[u8]) -> bool {
    const END_OF_IMAGE: u8 = 0xd9;
    let mut rest = file;
    while let Some((marker, after)) = next_marker(rest) {
        match marker {
            END_OF_IMAGE => return true,
            // Start of image, restart and TEM stand alone.
            0x01 | 0xd0..=0xd8 => rest = after,
            _ => {
                let length = match after {
                    [high, low, ..] => usize::from(u16::from_be_bytes([*high, *low])),
                    _ => return false,
                };
                let Some(following) = after.get(length..) else {
                    return false;
                };
                rest = following;
            }
        }
    }
    false
}

/// The next marker code, and what follows it; skips entropy-coded data, stuffed zeros and fill bytes.
fn next_marker(mut data: &[u8]) -> Option<(u8, &[u8])> {
    loop {
        let at = data.iter().position(|&byte| byte == 0xff)?;
        let after = data.get(at + 1..)?;
        match after {
            [] => return None,
            [0x00, following @ ..] => data = following,
            [0xff, ..] => data = after,
            [code, following @ ..] => return Some((*code, following)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::is_whole;

    /// Start, an APP1 segment that holds a whole thumbnail, a scan with a stuffed FF and a restart, end.
    const FILE: &[u8] = &[
        0xff, 0xd8, 0xff, 0xe1, 0, 8, 0xff, 0xd8, 0, 0, 0xff, 0xd9, 0xff, 0xda, 0, 3, 1, 7, 0xff, 0, 9, 0xff, 0xd0, 9,
        0xff, 0xff, 0xd9,
    ];

    #[test]
    fn only_the_files_own_end_marker_counts() {
        assert!(is_whole(FILE));
        for length in 0..FILE.len() {
            assert!(!is_whole(&FILE[..length]), "cut to {length} bytes");
        }
        let with_tail = [FILE, b"appended film"].concat();
        assert!(is_whole(&with_tail));
    }
}
