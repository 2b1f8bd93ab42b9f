//! The nested boxes of an mp4 file: 4 bytes of size, 4 of type, content.

use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;

use super::parameters::MAX_BYTES;

/// Makes a box.
pub(super) fn build(kind: &[u8; 4], content: &[&[u8]]) -> Vec<u8> {
    let size: usize = 8 + content.iter().map(|part| part.len()).sum::<usize>();
    // A box of 4 GiB cannot arise: the parameters are bounded long before.
    let size = u32::try_from(size).unwrap_or(u32::MAX);
    let mut out = size.to_be_bytes().to_vec();
    out.extend_from_slice(kind);
    for part in content {
        out.extend_from_slice(part);
    }
    out
}

/// Finds the content of the box at `path`, each step the first of its type inside the one before. The result is a
/// range of `bytes`.
pub(super) fn find(bytes: &[u8], path: &[&[u8; 4]]) -> Option<Range<usize>> {
    let mut inside = 0..bytes.len();
    for kind in path {
        let content = children(bytes, inside).find(|(found, _)| found == *kind)?.1;
        // `meta` has 4 bytes of version and flags before its boxes.
        let skip = if *kind == b"meta" { 4 } else { 0 };
        inside = content.start.checked_add(skip)?..content.end;
    }
    bytes.get(inside.clone()).map(|_| inside)
}

/// Types and contents of the boxes in `inside`, up to the first that does not fit.
pub(super) fn children(bytes: &[u8], inside: Range<usize>) -> impl Iterator<Item = ([u8; 4], Range<usize>)> + '_ {
    let mut at = inside.start;
    std::iter::from_fn(move || {
        let header = bytes.get(at..at.checked_add(8)?)?;
        let size = u32::from_be_bytes(header.get(..4)?.try_into().ok()?) as usize;
        let kind = header.get(4..)?.try_into().ok()?;
        let end = at.checked_add(size)?;
        if size < 8 || end > inside.end {
            return None;
        }
        let content = at + 8..end;
        at = end;
        Some((kind, content))
    })
}

/// Reads the content of the first top-level box of type `kind`; `None` if the file ends before.
pub(super) fn read_top_level(file: &mut (impl Read + Seek), kind: &[u8; 4]) -> io::Result<Option<Vec<u8>>> {
    let length = file.seek(SeekFrom::End(0))?;
    let mut at = 0u64;
    while length.saturating_sub(at) >= 8 {
        file.seek(SeekFrom::Start(at))?;
        let mut header = [0; 8];
        file.read_exact(&mut header)?;
        let [a, b, c, d, found @ ..] = header;
        let mut size = u64::from(u32::from_be_bytes([a, b, c, d]));
        let mut head = 8;
        if size == 1 {
            let mut large = [0; 8];
            file.read_exact(&mut large)?;
            size = u64::from_be_bytes(large);
            head = 16;
        } else if size == 0 {
            size = length - at;
        }
        if size < head || size > length - at {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a box is longer than the file"));
        }
        if found == *kind {
            if size > MAX_BYTES {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "the index is too large"));
            }
            let mut content = Vec::new();
            file.take(size - head).read_to_end(&mut content)?;
            return Ok(Some(content));
        }
        at += size;
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    #[test]
    fn nested_boxes_are_found_and_broken_ones_are_not() {
        let inner = build(b"data", &[b"ab", b"c"]);
        let meta = build(b"meta", &[&[0; 4], &inner]);
        let file = [build(b"ftyp", &[b"isom"]), build(b"moov", &[&meta])].concat();
        let path: &[&[u8; 4]] = &[b"moov", b"meta", b"data"];
        assert_eq!(&file[find(&file, path).unwrap()], b"abc");
        assert_eq!(find(&file, &[b"moov", b"data"]), None);
        for end in 0..file.len() {
            assert_eq!(find(&file[..end], path), None);
        }
        let moov = read_top_level(&mut Cursor::new(&file), b"moov").unwrap();
        assert_eq!(moov.as_deref(), Some(&meta[..]));
        assert!(read_top_level(&mut Cursor::new(&file[..30]), b"moov").is_err());
        assert_eq!(read_top_level(&mut Cursor::new(&file), b"mdat").unwrap(), None);
        let endless = [0, 0, 0, 1, b'f', b't', b'y', b'p', 0, 0, 0, 0, 0, 0, 0, 0];
        assert!(read_top_level(&mut Cursor::new(&endless), b"moov").is_err());
    }
}
