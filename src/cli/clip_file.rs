//! Where a clip goes, and in which format.

use std::path::{Path, PathBuf};

use clap::Args;
use i2vgen::video::{Kind, Target};

use super::{Error, options::by_name};

/// What stands for the standard output.
const STDOUT: &str = "-";

/// The file of a clip.
#[derive(Args)]
pub struct ClipFile {
    /// File to write: .mp4, .gif, .webp, frames as name-%03d.png, or latents as .safetensors; - writes to the standard output, and what
    /// is told goes to the standard error [default: the input's name with .mp4, in the current folder, and a number if that is there]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Format where -o names no file [default: mp4]
    #[arg(long, value_name = "mp4|gif|webp|png|safetensors", value_parser = by_name::<Kind>, help_heading = "Clip")]
    format: Option<Kind>,
}

impl ClipFile {
    /// Was an output named? Who names none replaces none.
    pub fn is_named(&self) -> bool {
        self.output.is_some()
    }

    /// Is it the standard output?
    pub fn is_stdout(&self) -> bool {
        self.output.as_deref() == Some(Path::new(STDOUT))
    }

    /// Those of a command that describes its options itself.
    pub fn new(output: Option<PathBuf>, format: Option<Kind>) -> Self {
        Self { output, format }
    }

    /// The output that was named, or `stem` with the format's ending.
    pub fn target(&self, stem: &Path) -> Result<Target, Error> {
        let format = self.format.unwrap_or(Kind::Mp4);
        match &self.output {
            _ if self.is_stdout() => Ok(Target::stdout(format)?),
            None => {
                // A percent sign would be taken for the number of a frame; a name that is no text stays as it is, as it cannot be taken for one.
                let mut name = match stem.to_str() {
                    Some(stem) => stem.replace('%', "pct").into(),
                    None => stem.as_os_str().to_owned(),
                };
                name.push(format.ending());
                Ok(Target::parse(Path::new(&name))?)
            }
            Some(path) => {
                let target = Target::parse(path)?;
                match self.format {
                    Some(format) if format != target.kind() => Err(Error::message(format!(
                        "--format: {} has the ending of another format: leave --format out, or name a file with {}",
                        path.display(),
                        format.ending()
                    ))),
                    _ => Ok(target),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(output: Option<&str>, format: Option<Kind>) -> Result<Target, String> {
        let file = ClipFile { output: output.map(PathBuf::from), format };
        file.target(Path::new("cat")).map_err(|error| error.to_string())
    }

    #[test]
    fn a_name_or_a_format_decides() {
        let path = |output, format| target(output, format).unwrap().path().to_owned();
        assert_eq!(path(None, None), Path::new("cat.mp4"));
        assert_eq!(path(None, Some(Kind::PngSequence)), Path::new("cat-%03d.png"));
        assert_eq!(path(Some("a.gif"), Some(Kind::Gif)), Path::new("a.gif"));
        let hundred = ClipFile::new(None, Some(Kind::PngSequence)).target(Path::new("100%")).unwrap();
        assert_eq!(hundred.path(), Path::new("100pct-%03d.png"));
        assert!(target(Some("a.gif"), Some(Kind::Mp4)).unwrap_err().contains("--format: a.gif"));
        let piped = target(Some("-"), Some(Kind::WebP)).unwrap();
        assert!(piped.is_stdout() && piped.kind() == Kind::WebP && piped.files(3).is_empty());
        assert_eq!(target(Some("-"), None).unwrap().kind(), Kind::Mp4);
        assert!(target(Some("-"), Some(Kind::PngSequence)).unwrap_err().contains("--format"));
        assert!(!target(Some("./-.mp4"), None).unwrap().is_stdout());
    }
}
