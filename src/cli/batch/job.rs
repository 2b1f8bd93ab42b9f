//! One line of a job list.

use std::path::{Path, PathBuf};

use i2vgen::{picture::Picture, video::Target};
use serde_json::{Map, Value};

use crate::cli::{
    Error,
    expected::in_words,
    generate::{Presets, Recipe, Settings},
    model::Model,
    source::{PictureMark, STDIN, Source},
};

/// What counts where a line does not say.
pub struct Usual {
    pub settings: Settings,
    pub presets: Presets,
}

/// A clip to be made.
pub struct Job {
    /// Its line in the list, from 1.
    pub line: usize,
    /// Where it stands, for messages.
    pub place: String,
    pub picture: PathBuf,
    pub target: Target,
    /// What the line says, completed by what is usual.
    pub settings: Settings,
    /// What the line and the options say, for advice.
    pub said: Settings,
    /// What to know about its preset.
    pub note: Option<String>,
}

/// A job whose picture has been read.
pub struct Prepared {
    pub recipe: Recipe,
    pub mark: PictureMark,
    /// What the user should know about the picture.
    pub notes: Vec<String>,
}

impl Job {
    /// Reads a line: its picture lies in `pictures` if it does not say where, its clip goes to `clips`, and `usual` settings are
    /// for what it does not say.
    pub fn parse(text: &str, line: usize, pictures: &Path, clips: &Path, usual: &Usual) -> Result<Self, Error> {
        Self::new(fields(text)?, line, pictures, clips, usual)
    }

    /// The job that the fields of a line describe.
    pub fn new(
        mut fields: Map<String, Value>,
        line: usize,
        pictures: &Path,
        clips: &Path,
        usual: &Usual,
    ) -> Result<Self, Error> {
        check_names(&fields)?;
        let picture = file_name(&mut fields, "picture")?;
        let picture = picture.ok_or_else(|| Error::message("no picture: name one as in \"picture\": \"photo.png\""))?;
        if picture == STDIN {
            return Err(Error::message("`picture`: '-', the standard input, can be read only once: name a file"));
        }
        let output = file_name(&mut fields, "output")?;
        let mut settings: Settings =
            serde_json::from_value(Value::Object(fields.clone())).map_err(|error| wrong_field(&fields, &error))?;
        let picture = pictures.join(picture);
        settings.preparation.mask = settings.preparation.mask.map(|mask| pictures.join(mask));
        let said = settings.or(usual.settings.clone());
        let (settings, note) = (usual.presets.complete(said.clone())?, usual.presets.outweighed(&said));
        let output = match output {
            Some(name) if Path::new(&name).file_name() == Some(name.as_ref()) => name,
            Some(name) => {
                return Err(Error::message(format!(
                    "`output`: '{name}' must be a file name without a folder: -o names that"
                )));
            }
            None => format!("{}-{line}.mp4", picture.file_stem().unwrap_or("clip".as_ref()).to_string_lossy()),
        };
        let target = Target::parse(&clips.join(output))?;
        Ok(Self { line, place: format!("line {line}"), picture, target, settings, said, note })
    }

    /// Is every file of the clip there? Clips appear whole or not at all.
    pub fn is_done(&self) -> bool {
        self.target.is_there(self.settings.frames())
    }

    /// The files of the clip.
    pub fn files(&self) -> Vec<PathBuf> {
        self.target.files(self.settings.frames())
    }

    /// Decides every setting; the prompt has to be there.
    pub fn recipe(&self, picture: Picture) -> Result<Recipe, Error> {
        if self.settings.prompt.is_none() {
            return Err(Error::message(
                "no prompt: say what happens with \"prompt\": \"A cat is turning its head\", or with -p for all clips",
            ));
        }
        Recipe::new(self.settings.clone(), picture, 1)
    }

    /// Reads the picture, decides every setting, refuses what cannot work, and prepares the picture.
    pub fn prepare(&self, model: &Model) -> Result<Prepared, Error> {
        let source = Source::open(Some(&self.picture), None)?;
        let mut recipe = self.recipe(source.opened.picture.clone())?;
        recipe.check(model, self.target.kind())?;
        recipe.spares(&[&self.picture], std::slice::from_ref(&self.target))?;
        recipe.prepare(&source.opened)?;
        let transparency = source.transparency(recipe.preparation.background);
        let notes = source.notes.into_iter().chain(transparency.map(|line| line.words())).collect();
        Ok(Prepared { recipe, mark: source.mark, notes })
    }
}

/// The fields of a line.
pub fn fields(text: &str) -> Result<Map<String, Value>, Error> {
    match serde_json::from_str(text) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(_) => Err(Error::message("expected an object: {\"picture\": \"photo.png\", \"prompt\": \"…\"}")),
        Err(error) => {
            // The text is one line: only the column means something.
            let problem = error.to_string().replace("at line 1 column", "at column");
            Err(Error::message(format!("not JSON: {problem}")))
        }
    }
}

/// Which field cannot be read. Serde itself forgets the names of those that belong to a group.
fn wrong_field(fields: &Map<String, Value>, whole: &serde_json::Error) -> Error {
    let alone = |(name, value): (&String, &Value)| {
        let one = Map::from_iter([(name.clone(), value.clone())]);
        serde_json::from_value::<Settings>(Value::Object(one)).err().map(|error| (name.clone(), error))
    };
    Error::message(match fields.iter().find_map(alone) {
        Some((name, error)) => format!("`{name}`: {}", in_words(&error)),
        None => in_words(whole),
    })
}

/// Refuses fields that mean nothing.
fn check_names(fields: &Map<String, Value>) -> Result<(), Error> {
    let settings = serde_json::to_value(Settings::default()).unwrap_or_default();
    let settings: Vec<&str> = settings.as_object().into_iter().flat_map(|s| s.keys()).map(String::as_str).collect();
    let known = [&["picture", "output"], settings.as_slice()].concat();
    match fields.keys().find(|name| !known.contains(&name.as_str())) {
        Some(name) => Err(Error::message(format!("unknown field `{name}`: there are {}", known.join(", ")))),
        None => Ok(()),
    }
}

/// Takes a field that names a file.
fn file_name(fields: &mut Map<String, Value>, field: &str) -> Result<Option<String>, Error> {
    match fields.remove(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(name)) => Ok(Some(name)),
        Some(other) => Err(Error::message(format!("`{field}`: {other} is no file name: write it in quotes"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Job, Error> {
        let settings =
            Settings { steps: Some(9), seed: Some(1), preset: Some("diffusers".into()), ..Settings::default() };
        let usual = Usual { settings, presets: Presets::new(None, None)? };
        Job::parse(text, 7, Path::new("lists"), Path::new("out"), &usual)
    }

    #[test]
    fn a_line_says_and_the_usual_fills_in() {
        let job = parse(r#"{"picture": "a/cat.v2.png", "prompt": "A cat", "seed": 5, "frames": null}"#).unwrap();
        assert_eq!(
            (job.line, &*job.picture, job.target.path()),
            (7, "lists/a/cat.v2.png".as_ref(), "out/cat.v2-7.mp4".as_ref())
        );
        let expected = (Some("A cat".to_owned()), Some(9), Some(5), Some(1280));
        let s = job.settings;
        assert_eq!((s.prompt, s.steps, s.seed, s.width), expected);
        let job = parse(r#"{"picture": "/photos/cat.png", "output": "a-%02d.png", "frames": 3}"#).unwrap();
        assert_eq!(job.picture, Path::new("/photos/cat.png"));
        assert_eq!(job.files(), ["out/a-01.png", "out/a-02.png", "out/a-03.png"].map(PathBuf::from));
    }

    #[test]
    fn a_prompt_has_to_be_said() {
        let picture = Picture::from_rgb8(8, 8, vec![0; 192]).unwrap();
        let recipe = |text| parse(text).unwrap().recipe(picture.clone()).map(|recipe| recipe.request.prompt);
        let missing = recipe(r#"{"picture": "a.png"}"#).unwrap_err().to_string();
        assert!(missing.contains("\"prompt\": ") && missing.contains("-p"), "{missing}");
        assert_eq!(recipe(r#"{"picture": "a.png", "prompt": ""}"#).unwrap(), "");
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, word) in [
            ("{", "not JSON: EOF while parsing an object at column 1"),
            ("[1]", "expected an object"),
            ("{}", "no picture"),
            (r#"{"picture": 3}"#, "`picture`: 3"),
            (r#"{"picture": "a.png", "step": 3}"#, "unknown field `step`: there are picture, output, "),
            (
                r#"{"picture": "a.png", "steps": "three"}"#,
                "`steps`: expected a whole number from 0 on, found \"three\"",
            ),
            (r#"{"picture": "a.png", "edge_amount": "much"}"#, "`edge_amount`: expected a number, found \"much\""),
            (r#"{"picture": "a.png", "background": "teel"}"#, "`background`: 'teel' is no colour"),
            (r#"{"picture": "-"}"#, "name a file"),
            (r#"{"picture": "a.png", "seed": -1}"#, "`seed`: expected a whole number from 0 on, found -1"),
            (r#"{"picture": "a.png", "rng": "dice"}"#, "`rng`: expected `torch-cpu` or `philox`, found dice"),
            (r#"{"picture": "a.png", "output": "b/a.mp4"}"#, "`output`: 'b/a.mp4'"),
            (r#"{"picture": "a.png", "output": "../a.mp4"}"#, "without a folder"),
            (r#"{"picture": "a.png", "output": ""}"#, "without a folder"),
            (r#"{"picture": "a.png", "output": "a.avi"}"#, ".avi"),
        ] {
            let message = parse(text).err().unwrap().to_string();
            assert!(message.contains(word) && !message.contains('\n'), "{text}: {message}");
        }
    }
}
