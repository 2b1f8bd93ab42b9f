//! Presets: settings by name, from the program or from a file of the user's, and what fills in where nobody said anything.

use std::{collections::BTreeMap, fs, path::Path, sync::LazyLock};

use i2vgen::{checkpoint::Defaults, nearest::hint, prepare::Mode};
use serde::Deserialize;
use serde_json::Value;

use super::Settings;
use crate::cli::{Error, expected::in_words};

/// The preset that nobody has to name.
pub const STANDARD: &str = "standard";

/// Settings with a name.
#[derive(Clone, Debug, Deserialize)]
pub struct Preset {
    /// What it is for.
    #[serde(default)]
    pub about: String,
    /// A prompt that suits it.
    pub example: Option<String>,
    /// The preset that says what this one does not.
    extends: Option<String>,
    #[serde(flatten)]
    settings: toml::Table,
}

type Table = BTreeMap<String, Preset>;

/// The presets of the program. A test reads them all.
static BUILT_IN: LazyLock<Table> = LazyLock::new(|| toml::from_str(include_str!("presets.toml")).unwrap_or_default());

/// The presets at hand, and what suits the checkpoint.
pub struct Presets {
    own: Table,
    /// The file of `own`, for messages.
    file: String,
    checkpoint: Settings,
}

impl Presets {
    /// The program's presets, those of a file, and the checkpoint's own settings.
    pub fn new(file: Option<&Path>, checkpoint: Option<&Defaults>) -> Result<Self, Error> {
        if let Some(mode) = checkpoint.and_then(|defaults| defaults.prepare.as_ref()) {
            let problem = |error| Error::message(format!("{}: `prepare`: {error}", Defaults::FILE));
            mode.parse::<Mode>().map_err(problem)?;
        }
        let checkpoint = checkpoint.map(Settings::from).unwrap_or_default();
        let Some(path) = file else {
            return Ok(Self { own: Table::new(), file: String::new(), checkpoint });
        };
        let file = path.display().to_string();
        let text =
            fs::read_to_string(path).map_err(|e| Error::message(format!("cannot read the presets {file}: {e}")))?;
        let own: Table = toml::from_str(&text).map_err(|e| {
            let problem = e.message().split_whitespace().collect::<Vec<_>>().join(" ");
            let line =
                e.span().map_or(1, |span| text.as_bytes()[..span.start].iter().filter(|&&b| b == b'\n').count() + 1);
            Error::message(format!("{file}, line {line}: {problem}"))
        })?;
        let presets = Self { own, file, checkpoint };
        // A slip in any of them is told, not only in the one that is used.
        presets.own.keys().try_for_each(|name| presets.settings(name).map(drop))?;
        Ok(presets)
    }

    /// All names in order, those of the file first, with their presets.
    pub fn all(&self) -> impl Iterator<Item = (&str, &Preset)> {
        let built_in = BUILT_IN.iter().filter(|(name, _)| !self.own.contains_key(*name));
        self.own.iter().chain(built_in).map(|(name, preset)| (name.as_str(), preset))
    }

    /// Everything a preset says, with what it extends.
    pub fn settings(&self, name: &str) -> Result<Settings, Error> {
        let mut settings = Settings::default();
        let (mut next, mut seen) = (Some(name.to_owned()), Vec::new());
        while let Some(name) = next {
            if seen.contains(&name) {
                return Err(Error::message(format!("{}: preset '{name}' extends itself", self.file)));
            }
            let preset = self.find(&name)?;
            settings = settings.or(self.parse(&name, preset)?);
            next = preset.extends.clone();
            seen.push(name);
        }
        Ok(settings)
    }

    /// Fills in what was not said. A preset of the user's counts more than the checkpoint's own settings, one of the program's less.
    pub fn complete(&self, said: Settings) -> Result<Settings, Error> {
        let name = said.preset.clone().unwrap_or_else(|| STANDARD.into());
        let (preset, checkpoint) = (self.settings(&name)?, self.checkpoint.clone());
        Ok(match self.own.contains_key(&name) {
            true => said.or(preset).or(checkpoint),
            false => said.or(checkpoint).or(preset),
        })
    }

    /// What to know where a preset of the program was named and the checkpoint's own settings count more than some of its.
    pub fn outweighed(&self, said: &Settings) -> Option<String> {
        let name = said.preset.as_ref().filter(|name| !self.own.contains_key(*name))?;
        let fields = |settings: &Settings| serde_json::to_value(settings).unwrap_or_default();
        let (preset, checkpoint, said) = (fields(&self.settings(name).ok()?), fields(&self.checkpoint), fields(said));
        let lost = |(field, value): &(&String, &Value)| {
            let own = &checkpoint[field.as_str()];
            !value.is_null() && !own.is_null() && own != *value && said[field.as_str()].is_null()
        };
        let lost: Vec<String> = preset
            .as_object()?
            .iter()
            .filter(lost)
            .map(|(field, _)| format!("--{}", field.replace('_', "-")))
            .collect();
        let which = lost.join(", ");
        (!lost.is_empty())
            .then(|| format!("--preset {name}: the model's own settings count more; to change them, say {which}"))
    }

    fn find(&self, name: &str) -> Result<&Preset, Error> {
        self.own.get(name).or_else(|| BUILT_IN.get(name)).ok_or_else(|| {
            let names: Vec<&str> = self.all().map(|(name, _)| name).collect();
            let hint = hint(name, names.iter().copied());
            Error::message(format!("--preset: there is no '{name}'{hint}; there are {}", names.join(", ")))
        })
    }

    fn parse(&self, name: &str, preset: &Preset) -> Result<Settings, Error> {
        let wrong = |field: &str, problem: &str| {
            Error::message(format!("{}: preset '{name}': `{field}`: {problem}", self.file))
        };
        let known = serde_json::to_value(Settings::default()).unwrap_or_default();
        let unknown = preset.settings.keys().find(|key| known.get(key.as_str()).is_none() || *key == "preset");
        if let Some(unknown) = unknown {
            return Err(wrong(unknown, "no option of `i2vgen generate` has this name, with _ for -"));
        }
        serde_path_to_error::deserialize(toml::Value::Table(preset.settings.clone())).map_err(|error| {
            let problem = error.inner().message().lines().next().unwrap_or_default().to_owned();
            wrong(&error.path().to_string(), &in_words(&problem))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(text: &str, defaults: &Defaults) -> Result<Presets, String> {
        let room = tempfile::tempdir().unwrap();
        let path = room.path().join("mine.toml");
        fs::write(&path, text).unwrap();
        Presets::new(Some(&path), Some(defaults)).map_err(|e| e.to_string())
    }

    #[test]
    fn every_preset_of_the_program_can_be_used() {
        let presets = Presets::new(None, None).unwrap();
        let names: Vec<&str> = presets.all().map(|(name, _)| name).collect();
        for name in ["standard", "walking", "waves", "head-turn", "rotate", "pan", "diffusers", "vgen"] {
            assert!(names.contains(&name), "{names:?}");
        }
        for (name, preset) in presets.all() {
            assert!(!preset.about.is_empty() && presets.settings(name).is_ok(), "{name}");
        }
        let walking = presets.settings("walking").unwrap();
        assert_eq!((walking.width, walking.steps, walking.eta), (Some(640), Some(60), Some(0.3)));
    }

    #[test]
    fn a_flag_counts_most_then_the_users_preset_then_the_checkpoint_then_the_program() {
        let defaults = Defaults { width: Some(64), steps: Some(10), ..Defaults::default() };
        let presets = own("[mine]\nextends = \"waves\"\nsteps = 7\n", &defaults).unwrap();
        let said = |preset: Option<&str>| Settings {
            preset: preset.map(str::to_owned),
            frames: Some(3),
            ..Settings::default()
        };
        let standard = presets.complete(said(None)).unwrap();
        assert_eq!((standard.frames, standard.width, standard.steps), (Some(3), Some(64), Some(10)));
        assert_eq!((standard.eta, standard.anchor_interval), (Some(0.3), Some(4)));
        assert_eq!((presets.outweighed(&said(None)), presets.outweighed(&said(Some("mine")))), (None, None));
        let told = presets.outweighed(&said(Some("walking"))).unwrap();
        assert!(told.ends_with("say --steps, --width"), "{told}");
        let mine = presets.complete(said(Some("mine"))).unwrap();
        assert_eq!((mine.frames, mine.width, mine.steps), (Some(3), Some(768), Some(7)));
        let diffusers = presets.complete(said(Some("diffusers"))).unwrap();
        assert_eq!((diffusers.width, diffusers.eta, diffusers.anchor_interval), (Some(64), Some(0.0), Some(0)));
    }

    #[test]
    fn slips_are_named() {
        let defaults = Defaults::default();
        for (text, word) in [
            ("[a]\nstep = 3\n", "preset 'a': `step`: no option"),
            ("[a]\nsteps = \"many\"\n", "preset 'a': `steps`: expected a whole number from 0 on, found"),
            ("[a]\nextends = \"b\"\n[b]\nextends = \"a\"\n", "extends itself"),
            ("[a]\nextends = \"wavs\"\n", "did you mean waves?"),
            ("[a\n", "mine.toml, line 1"),
        ] {
            let error = own(text, &defaults).err().unwrap();
            assert!(error.contains(word) && !error.contains('\n'), "{text}: {error}");
        }
        let presets = Presets::new(None, None).unwrap();
        let named = Settings { preset: Some("standrd".into()), ..Settings::default() };
        assert!(presets.complete(named).unwrap_err().to_string().contains("did you mean standard?"));
    }
}
