//! The names of a sweep's clips: what a person can read, and what no other clip has.

use std::{collections::HashMap, fs, path::Path};

use super::grid::Setting;

/// Most characters of a value in a name, and most bytes of a name, which with ending and folder has to stay below what systems take.
const VALUE: usize = 32;
const NAME: usize = 140;

/// `photo_eta-0.3_cfg-scale-9_seed-1`: the picture, the options that vary with their values, the seed.
pub fn readable(picture: &str, setting: &Setting, axes: &[&str], seed: u64) -> String {
    let values = axes.iter().zip(&setting.choices).map(|(axis, choice)| format!("{axis}-{}", plain(&choice.label)));
    let parts: Vec<String> = std::iter::once(plain(picture)).chain(values).collect();
    // The seed is never cut off.
    let seed = format!("_seed-{seed}");
    let mut name = parts.join("_");
    while name.len() + seed.len() > NAME {
        name.pop();
    }
    name + &seed
}

/// Text without what a shell or a file system minds, and not too long: words joined by hyphens.
fn plain(text: &str) -> String {
    let kept = |c: char| c.is_alphanumeric() || matches!(c, '.' | '+' | '=');
    // A percent sign would be taken for the number of a frame.
    let text = text.replace('%', "pct");
    let words = text.split(|c: char| !kept(c)).filter(|word| !word.is_empty());
    let joined: String = words.collect::<Vec<_>>().join("-").chars().take(VALUE).collect();
    let joined = joined.trim_matches(['-', '.']);
    if joined.is_empty() { "none".into() } else { joined.to_owned() }
}

/// The clips that a folder has, by the hash at the end of their records' names: a clip keeps its name when the sweep varies other options.
pub struct Kept(HashMap<String, String>);

impl Kept {
    /// What is in the folder; nothing if it is not there.
    pub fn read(folder: &Path) -> Self {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        let stems = names.filter_map(|name| name.strip_suffix(".json").map(str::to_owned));
        let mut kept: Vec<(String, String)> =
            stems.filter_map(|stem| Some((stem.rsplit_once('_')?.1.to_owned(), stem))).collect();
        // Of several the same one in every run.
        kept.sort_by(|a, b| b.cmp(a));
        Self(kept.into_iter().collect())
    }

    /// The name of a clip with this hash, without its ending: the one that it has, or a new one.
    pub fn name(&self, hash: &str, readable: impl FnOnce() -> String) -> String {
        self.0.get(hash).cloned().unwrap_or_else(|| format!("{}_{hash}", readable()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Map;

    use super::{super::axes::Choice, *};

    fn setting(labels: &[&str]) -> Setting {
        let choice = |label: &&str| Choice { label: (*label).to_owned(), number: None, fields: Vec::new() };
        Setting { choices: labels.iter().map(choice).collect(), fields: Map::new(), label: String::new() }
    }

    #[test]
    fn names_say_what_varies() {
        let name = |axes: &[&str], labels: &[&str]| readable("my photo", &setting(labels), axes, 7);
        assert_eq!(name(&["eta", "cfg-scale"], &["0.3", "9"]), "my-photo_eta-0.3_cfg-scale-9_seed-7");
        assert_eq!(name(&[], &[]), "my-photo_seed-7");
        assert_eq!(
            name(&["prompt"], &["A cat: \"turning\", slowly/../ "]),
            "my-photo_prompt-A-cat-turning-slowly_seed-7"
        );
        assert_eq!(name(&["cfg-steps"], &["0-80%=9,80-100%=1"]), "my-photo_cfg-steps-0-80pct=9-80-100pct=1_seed-7");
        assert_eq!(name(&["negative-prompt"], &[""]), "my-photo_negative-prompt-none_seed-7");
        assert_eq!(name(&["sampler"], &["dpm-solver++"]), "my-photo_sampler-dpm-solver++_seed-7");
        let long = "é".repeat(100);
        let name = name(&["prompt", "negative-prompt", "preset"], &[&long, &long, &long]);
        assert!(name.len() <= NAME && name.ends_with("_seed-7"), "{name}");
    }

    #[test]
    fn a_clip_keeps_its_name() {
        let room = tempfile::tempdir().unwrap();
        assert_eq!(Kept::read(&room.path().join("absent")).name("12ab", || "new".into()), "new_12ab");
        for file in ["photo_eta-0_seed-1_12ab.json", "photo_eta-0_seed-1_12ab.mp4", "other_34cd.mp4", "x.json"] {
            fs::write(room.path().join(file), "").unwrap();
        }
        let kept = Kept::read(room.path());
        assert_eq!(kept.name("12ab", || unreachable!()), "photo_eta-0_seed-1_12ab");
        assert_eq!(kept.name("34cd", || "photo".into()), "photo_34cd", "without a record it is no clip of a sweep");
    }
}
