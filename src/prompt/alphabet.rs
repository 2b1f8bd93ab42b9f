//! The 256 characters that stand for bytes in a byte-level vocabulary (Radford et al., GPT-2, 2019).
//!
//! A byte that is a visible Latin-1 character stands for itself; the others are numbered from U+0100 on.

/// End of a word in CLIP's vocabulary.
pub(super) const END_OF_WORD: &str = "</w>";

/// Which character stands for which byte.
#[derive(Debug, Clone)]
pub(super) struct Alphabet {
    of_byte: [char; 256],
}

impl Alphabet {
    pub(super) fn new() -> Self {
        let mut hidden = (0x100..=u32::from(u16::MAX)).filter_map(char::from_u32);
        let of_byte = std::array::from_fn(|i| match i as u8 {
            byte @ (b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff) => char::from(byte),
            byte => hidden.next().unwrap_or(char::from(byte)),
        });
        Self { of_byte }
    }

    /// A word as the vocabulary spells it.
    pub(super) fn spell(&self, word: &str) -> String {
        word.bytes().map(|b| self.of_byte[usize::from(b)]).collect()
    }

    /// The text that tokens spell, with a space after each word. Bytes that are not UTF-8 (half of a character) become
    /// U+FFFD; a token that is not in this alphabet is taken as it is.
    pub(super) fn read<'a>(&self, tokens: impl Iterator<Item = &'a str>) -> String {
        let mut bytes = Vec::new();
        for token in tokens {
            let (word, ends) = match token.strip_suffix(END_OF_WORD) {
                Some(word) => (word, true),
                None => (token, false),
            };
            for c in word.chars() {
                match self.of_byte.iter().position(|known| *known == c) {
                    Some(byte) => bytes.push(byte as u8),
                    None => bytes.extend(c.to_string().bytes()),
                }
            }
            if ends {
                bytes.push(b' ');
            }
        }
        String::from_utf8_lossy(&bytes).trim().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_has_its_own_visible_character() {
        let alphabet = Alphabet::new();
        let mut all = alphabet.of_byte.to_vec();
        assert!(all.iter().all(|c| !c.is_whitespace() && !c.is_control()));
        all.sort();
        all.dedup();
        assert_eq!(all.len(), 256);
        assert_eq!(alphabet.spell("a\u{0} é\u{7f}"), "aĀĠÃ©ġ");
    }

    #[test]
    fn reading_undoes_spelling() {
        let alphabet = Alphabet::new();
        let spelt = alphabet.spell("naïve") + END_OF_WORD;
        assert_eq!(alphabet.read([spelt.as_str(), "c", "at</w>"].into_iter()), "naïve cat");
        assert_eq!(alphabet.read(["Ã</w>"].into_iter()), "\u{fffd}");
    }
}
