//! CLIP's tokenizer: a sentence becomes a row of token ids of fixed length.

use tokenizers::Tokenizer as FastTokenizer;

use super::alphabet::Alphabet;
use super::clip_bpe::{ClipBpe, MERGES, VOCAB};
use super::error::{Error, Result};
use super::settings::{FOLDER, Settings, read_text};
use crate::checkpoint::ModelFiles;

/// The tokenizer with the rules of `CLIPTokenizerFast`.
const FAST: &str = "tokenizer/tokenizer.json";

/// A prompt as the text encoder reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encoded {
    /// bos, the tokens of the text, eos, then padding: exactly [`Tokenizer::max_length`] ids.
    pub ids: Vec<u32>,
    /// How many of them are not padding; bos and eos count.
    pub tokens: usize,
    /// The end of the text that did not fit, in the tokenizer's lower-case spelling.
    pub cut: Option<String>,
}

/// A tokenizer read from the `tokenizer/` folder of a model.
///
/// With `vocab.json` and `merges.txt` it gives the ids of transformers' `CLIPTokenizer` without `ftfy`, the class that the
/// published pipeline names; with `tokenizer.json` alone, those of `CLIPTokenizerFast`, whose rules that file holds. The
/// two agree on plain text. They differ on Chinese characters and combined emoji (spaced apart and without their joiners
/// here), on zero-width characters and on control characters; with `ftfy` installed, transformers also unifies curly quotes,
/// ligatures, full-width letters and HTML entities, which neither does.
#[derive(Debug)]
pub struct Tokenizer {
    rules: Rules,
    bos: u32,
    eos: u32,
    pad: u32,
    max_length: usize,
    vocab_size: usize,
}

#[derive(Debug)]
enum Rules {
    Slow(Box<ClipBpe>),
    Fast(Box<FastTokenizer>),
}

impl Rules {
    fn id(&self, token: &str) -> Option<u32> {
        match self {
            Self::Slow(bpe) => bpe.id(token),
            Self::Fast(fast) => fast.token_to_id(token),
        }
    }

    fn token(&self, id: u32) -> Option<String> {
        match self {
            Self::Slow(bpe) => bpe.token(id),
            Self::Fast(fast) => fast.id_to_token(id),
        }
    }

    fn last_id(&self) -> u32 {
        match self {
            Self::Slow(bpe) => bpe.last_id(),
            Self::Fast(fast) => fast.get_vocab(true).into_values().max().unwrap_or(0),
        }
    }

    fn encode(&self, text: &str) -> Result<Vec<u32>> {
        match self {
            Self::Slow(bpe) => bpe.encode(text),
            Self::Fast(fast) => {
                let encoding = fast.encode_fast(text, false).map_err(|e| Error::Encode { detail: e.to_string() })?;
                Ok(encoding.get_ids().to_vec())
            }
        }
    }
}

impl Tokenizer {
    /// Reads `vocab.json` and `merges.txt`, or else `tokenizer.json`; and, where they exist, `tokenizer_config.json` and
    /// `special_tokens_map.json` for the special tokens (padding among them) and the length.
    ///
    /// # Errors
    /// Missing or damaged files, merges that need unknown tokens, special tokens without an id.
    pub fn open(files: &ModelFiles) -> Result<Self> {
        let settings = Settings::read(files)?;
        let rules = match ClipBpe::open(files, &settings)? {
            Some(bpe) => Rules::Slow(Box::new(bpe)),
            None => Rules::Fast(Box::new(open_fast(files, &settings)?)),
        };
        let id = |role, token: &String| {
            let dir = || files.path(FOLDER);
            rules.id(token).ok_or_else(|| Error::NoSpecialToken { dir: dir(), role, token: token.clone() })
        };
        id("unk", &settings.unk)?;
        Ok(Self {
            bos: id("bos", &settings.bos)?,
            eos: id("eos", &settings.eos)?,
            pad: id("pad", &settings.pad)?,
            max_length: settings.max_length,
            vocab_size: rules.last_id() as usize + 1,
            rules,
        })
    }

    /// Ids of every row that [`encode`](Self::encode) makes.
    pub fn max_length(&self) -> usize {
        self.max_length
    }

    /// One more than the highest id: the rows that the text encoder's token table needs.
    pub fn vocab_size(&self) -> usize {
        self.vocab_size
    }

    /// Turns any text, also an empty one, into ids. What exceeds the length is cut before eos, as transformers does.
    ///
    /// # Errors
    /// Only if the vocabulary lacks both a character and the token for unknown ones.
    pub fn encode(&self, text: &str) -> Result<Encoded> {
        let all = self.rules.encode(text)?;
        let (kept, rest) = all.split_at(all.len().min(self.max_length.saturating_sub(2)));
        let mut ids = Vec::with_capacity(self.max_length);
        ids.push(self.bos);
        ids.extend_from_slice(kept);
        ids.push(self.eos);
        let tokens = ids.len();
        ids.resize(self.max_length, self.pad);
        let cut = (!rest.is_empty()).then(|| {
            let spelt: Vec<_> = rest.iter().filter_map(|id| self.rules.token(*id)).collect();
            Alphabet::new().read(spelt.iter().map(String::as_str))
        });
        Ok(Encoded { ids, tokens, cut })
    }
}

/// Reads `tokenizer.json`, with padding and truncation left to [`Tokenizer::encode`].
fn open_fast(files: &ModelFiles, settings: &Settings) -> Result<FastTokenizer> {
    let path = files.path(FAST);
    let Some(text) = read_text(files, FAST)? else {
        let missing = match (files.contains(VOCAB), files.contains(MERGES)) {
            (true, _) => "merges.txt is",
            (false, true) => "vocab.json is",
            (false, false) => "all three are",
        };
        return Err(Error::NoVocabulary { dir: files.path(FOLDER), missing });
    };
    let damaged = |detail: String| Error::Damaged { path: path.clone(), detail };
    let mut fast = FastTokenizer::from_bytes(text).map_err(|e| damaged(e.to_string()))?;
    fast.with_padding(None);
    fast.with_truncation(None).map_err(|e| damaged(e.to_string()))?;
    let known = fast.get_added_tokens_decoder();
    let known: Vec<_> = known.values().map(|t| t.content.as_str()).collect();
    let special = [&settings.bos, &settings.eos, &settings.unk, &settings.pad];
    let new = special
        .into_iter()
        .filter(|t| !known.contains(&t.as_str()) && fast.token_to_id(t).is_some())
        .map(|t| tokenizers::AddedToken::from(t.clone(), true))
        .collect::<Vec<_>>();
    fast.add_special_tokens(new).map_err(|e| damaged(e.to_string()))?;
    Ok(fast)
}
