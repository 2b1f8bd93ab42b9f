//! What is checked, timed and raced: a variant, a variant with other settings, or a user's WGSL file.

use std::{collections::BTreeMap, fs, io, path::Path, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::{
    gpu::{Capabilities, PORTABLE, ShaderChecks},
    kernel::{Choice, FitError, Op, Setting, WgslFile, shared_files, stand_in},
    nearest::hint,
};

/// Why there is no such candidate.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is not written as one.
    #[error(
        "'{candidate}': {reason}; write VARIANT, VARIANT:TM=8,TN=2 or FILE.wgsl, with @checks=off behind it to leave out guards"
    )]
    Spelling {
        /// What was written.
        candidate: String,
        /// What is wrong.
        reason: String,
    },
    /// The file cannot be read.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file.
        path: String,
        /// Why not, in the words of the system.
        source: io::Error,
    },
    /// The op has no such variant here.
    #[error("{kernel}: no variant '{asked}' can run this shape on this device; there are {known}{nearest}")]
    Variant {
        /// The kernel.
        kernel: &'static str,
        /// What was asked for.
        asked: String,
        /// What there is.
        known: String,
        /// A hint at the name that was meant, or nothing.
        nearest: String,
    },
    /// The variant has no such settings here.
    #[error("{kernel}: {variant} has no settings {asked} for this shape on this device; there are {known}")]
    Setting {
        /// The kernel.
        kernel: &'static str,
        /// The variant.
        variant: String,
        /// What was asked for.
        asked: String,
        /// What there is.
        known: String,
    },
    /// The file does not fit.
    #[error(transparent)]
    Fit(#[from] FitError),
}

/// A candidate, before it meets a shape.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// As the user wrote it.
    pub name: String,
    what: What,
    /// The guards in its shader, if they are not those of the device.
    checks: Option<ShaderChecks>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum What {
    /// The rung that the kernels would take here.
    Chosen,
    Variant {
        name: String,
        numbers: BTreeMap<String, u32>,
    },
    File(WgslFile),
}

/// The name under which the kernels' own choice goes.
pub const CHOSEN: &str = "chosen";
/// The name of the rung for a device with nothing beyond WebGPU's guarantees.
const PORTABLE_RUNG: &str = "portable";

impl Candidate {
    /// The kernels' own choice.
    pub fn chosen() -> Self {
        Self { name: CHOSEN.into(), what: What::Chosen, checks: None }
    }

    /// The variant of this name.
    pub fn variant(name: &str) -> Self {
        Self { name: name.into(), what: What::Variant { name: name.into(), numbers: BTreeMap::new() }, checks: None }
    }

    /// Reads `VARIANT`, `VARIANT:TM=8,TN=2` or the path of a WGSL file, with `@checks=…` behind it; reads the file.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let wrong = |reason: String| Error::Spelling { candidate: text.to_owned(), reason };
        let (body, checks) = split(text);
        let checks = checks.map(str::parse).transpose().map_err(wrong)?;
        if body.is_empty() {
            return Err(wrong("it has no name".into()));
        }
        let what = match (is_file(body), body.split_once(':')) {
            (true, _) => What::File(read(body)?),
            (false, None) if body == CHOSEN => What::Chosen,
            (false, None) => What::Variant { name: body.to_owned(), numbers: BTreeMap::new() },
            (false, Some((name, settings))) => {
                let number = |setting: &str| {
                    let (name, value) = setting.split_once('=')?;
                    Some((name.trim().to_owned(), value.trim().parse().ok()?))
                };
                let numbers = settings.split(',').map(|setting| {
                    number(setting).ok_or_else(|| wrong(format!("'{setting}' is no setting such as TM=8")))
                });
                What::Variant { name: name.to_owned(), numbers: numbers.collect::<Result<_, _>>()? }
            }
        };
        Ok(Self { name: text.to_owned(), what, checks })
    }

    /// A setting of an op.
    pub fn setting(name: &str, setting: &Setting) -> Self {
        let what = What::Variant { name: setting.variant.clone(), numbers: setting.numbers.clone() };
        Self { name: name.to_owned(), what, checks: None }
    }

    /// All settings of an op on a device, each once: the kernel's own choice first.
    pub fn all(op: &dyn Op, device: &Capabilities) -> Vec<(Setting, Self)> {
        let own = Setting::from(&op.choose(device));
        let mut all = vec![(own, Self::chosen())];
        for setting in op.tunings(device).iter().map(Setting::from) {
            if all.iter().all(|(known, _)| *known != setting) {
                let candidate = Self::setting(&spelled(op, device, &setting), &setting);
                all.push((setting, candidate));
            }
        }
        all
    }

    /// Its file, if it is one.
    pub fn file(&self) -> Option<&WgslFile> {
        match &self.what {
            What::File(file) => Some(file),
            _ => None,
        }
    }

    /// Is it the kernels' own choice, whatever that is?
    pub fn is_chosen(&self) -> bool {
        self.what == What::Chosen
    }

    /// The variant and setting that runs for an op, as a candidate is written; of a file nothing.
    pub fn spelled(&self, op: &dyn Op, device: &Capabilities) -> Option<String> {
        let choice = self.choice(op, device).ok().filter(|_| self.file().is_none())?;
        Some(spelled(op, device, &Setting::from(&choice)))
    }

    /// The guards in its shader, on a device with these.
    pub fn checks(&self, device: ShaderChecks) -> ShaderChecks {
        self.checks.unwrap_or(device)
    }

    /// The choice that runs it for an op.
    pub fn choice(&self, op: &dyn Op, device: &Capabilities) -> Result<Choice, Error> {
        match &self.what {
            What::Chosen => Ok(op.choose(device)),
            What::File(file) => Ok(stand_in(op, &op.choose(device), &Arc::new(file.clone()), device)?),
            What::Variant { name, numbers } => named(op, device, name, numbers),
        }
    }
}

/// What comes before and behind `@checks=`.
fn split(text: &str) -> (&str, Option<&str>) {
    text.rsplit_once("@checks=").map_or((text, None), |(body, checks)| (body, Some(checks)))
}

/// The path of the file that a candidate names, if it is one.
pub fn path(text: &str) -> Option<&str> {
    Some(split(text).0).filter(|body| is_file(body))
}

/// Does this name a file, and not a variant?
pub fn is_file(name: &str) -> bool {
    name.ends_with(".wgsl") || name.contains(['/', '\\']) || Path::new(name).is_file()
}

/// Reads a WGSL file, and those beside it that it may include.
pub fn read(path: &str) -> Result<WgslFile, Error> {
    let text = read_text(Path::new(path))?;
    let mut file = WgslFile::new(path, text);
    let folder = Path::new(path).parent().unwrap_or(Path::new(""));
    // By name, what a text may include; a template may also take the name of a shared file from a define.
    let mut wanted: Vec<String> = shared_files().map(str::to_owned).chain(included(&file.text)).collect();
    while let Some(name) = wanted.pop() {
        let beside = folder.join(&name);
        if !file.beside.contains_key(&name) && beside.is_file() {
            let text = read_text(&beside)?;
            wanted.extend(included(&text));
            file.beside.insert(name, text);
        }
    }
    Ok(file)
}

fn read_text(path: &Path) -> Result<String, Error> {
    fs::read_to_string(path).map_err(|source| Error::Read { path: path.display().to_string(), source })
}

/// The names in the lines of a text that include a file by its name.
fn included(text: &str) -> impl Iterator<Item = String> {
    let name = |line: &str| {
        line.trim().strip_prefix('#')?.trim().strip_prefix("include")?.split(['"', '\'']).nth(1).map(str::to_owned)
    };
    text.lines().filter_map(name)
}

fn named(op: &dyn Op, device: &Capabilities, name: &str, numbers: &BTreeMap<String, u32>) -> Result<Choice, Error> {
    let kernel = op.kernel().name;
    let variants = op.variants(device);
    let known = |name: &str| variants.iter().any(|choice| choice.variant == name);
    let portable = op.choose(&PORTABLE).variant;
    let name = if name == PORTABLE_RUNG && !known(name) { portable } else { name };
    if !known(name) {
        let names: Vec<&str> = variants.iter().map(|choice| choice.variant).collect();
        let nearest = hint(name, names.iter().copied());
        return Err(Error::Variant { kernel, asked: name.to_owned(), known: names.join(", "), nearest });
    }
    let mut all = variants.into_iter().chain(op.tunings(device)).filter(|choice| choice.variant == name);
    let fits = |choice: &Choice| {
        let setting = Setting::from(choice);
        numbers.iter().all(|(name, value)| setting.numbers.get(name) == Some(value))
    };
    all.find(fits).ok_or_else(|| Error::Setting {
        kernel,
        variant: name.to_owned(),
        asked: spell(numbers),
        known: some_of(&settings(op, device, name)),
    })
}

/// The settings of a variant for a shape, each as it is written behind the variant's name.
pub fn settings(op: &dyn Op, device: &Capabilities, variant: &str) -> Vec<String> {
    let all = of_variant(op, device, variant);
    let mut told: Vec<String> =
        all.iter().map(|setting| spell(&telling(setting, &all))).filter(|text| !text.is_empty()).collect();
    told.dedup();
    told
}

/// A setting as a candidate is written: `wide:TM=32`.
pub fn spelled(op: &dyn Op, device: &Capabilities, setting: &Setting) -> String {
    let numbers = telling(setting, &of_variant(op, device, &setting.variant));
    let between = if numbers.is_empty() { "" } else { ":" };
    format!("{}{between}{}", setting.variant, spell(&numbers))
}

fn of_variant(op: &dyn Op, device: &Capabilities, variant: &str) -> Vec<Setting> {
    op.tunings(device).iter().filter(|choice| choice.variant == variant).map(Setting::from).collect()
}

/// The numbers of a setting without those that are the same for all.
fn telling(setting: &Setting, all: &[Setting]) -> BTreeMap<String, u32> {
    let differs = |name: &String| all.iter().any(|s| s.numbers.get(name) != all[0].numbers.get(name));
    setting.numbers.iter().filter(|(name, _)| differs(name)).map(|(name, value)| (name.clone(), *value)).collect()
}

/// The first of many.
fn some_of(all: &[String]) -> String {
    const MOST: usize = 12;
    let more = if all.len() > MOST { format!(" and {} more", all.len() - MOST) } else { String::new() };
    if all.is_empty() { "none".into() } else { all[..all.len().min(MOST)].join(" ") + &more }
}

fn spell(numbers: &BTreeMap<String, u32>) -> String {
    numbers.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        gpu::DeviceKind,
        kernel::{Dtype, Gemm, Linear},
    };

    fn op() -> Linear {
        Linear(Gemm::plain(64, 32, 32, Dtype::F32))
    }

    fn choose(text: &str) -> Result<Choice, Error> {
        Candidate::parse(text)?.choice(&op(), &PORTABLE)
    }

    #[test]
    fn candidates_are_variants_with_settings() {
        assert_eq!(choose("register").unwrap().variant, "register");
        let choice = choose("register:TM=8,TN=4@checks=off").unwrap();
        assert_eq!((choice.int("TM"), choice.int("TN")), (8, 4));
        assert_eq!(choose("chosen").unwrap(), op().choose(&PORTABLE));
        let cpu = Capabilities { kind: DeviceKind::Cpu, ..PORTABLE.clone() };
        // What WebGPU alone guarantees is enough for.
        let portable = Candidate::parse("portable").unwrap().choice(&op(), &cpu).unwrap();
        assert_eq!(portable.variant, op().choose(&PORTABLE).variant);
        let checks = Candidate::parse("register@checks=bounds").unwrap().checks(ShaderChecks::ON);
        assert_eq!(checks.to_string(), "bounds");
        assert_eq!(Candidate::parse("register").unwrap().checks(ShaderChecks::OFF), ShaderChecks::OFF);
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, word) in [
            ("regster", "did you mean register?"),
            ("quantum", "there are workgroup, register"),
            ("register:TM=7", "TM=7"),
            ("register:TM", "'TM' is no setting"),
            ("register:TM=many", "is no setting"),
            ("register@checks=some", "no check 'some'"),
            ("@checks=off", "no name"),
            ("absent.wgsl", "cannot read absent.wgsl"),
        ] {
            let error = choose(text).unwrap_err().to_string();
            assert!(error.contains(word) && !error.contains('\n'), "{text}: {error}");
        }
        assert!(!choose("quantum").unwrap_err().to_string().contains("did you mean"));
    }

    #[test]
    fn settings_are_those_that_differ() {
        let told = settings(&op(), &PORTABLE, "register");
        assert!(told.iter().any(|s| s.contains("TM=8") && s.contains("TN=4")), "{told:?}");
        assert!(told.iter().all(|text| choose(&format!("register:{text}")).is_ok()), "{told:?}");
    }

    /// Whoever copies the kernels' files and changes a shared one means that one.
    #[test]
    fn a_file_includes_what_lies_beside_it() {
        let room = tempfile::tempdir().unwrap();
        let path = room.path().join("mine.wgsl");
        let kernel = crate::kernel::KERNELS.first().unwrap();
        fs::write(&path, kernel.wgsl.to_owned() + "\n# include \"more/part.wgsl\"\n").unwrap();
        let text = || choose(path.to_str().unwrap()).map(|choice| choice.wgsl(kernel).unwrap());
        assert!(text().unwrap_err().to_string().contains("more/part.wgsl"));
        let mine = include_str!("../../kernels/shared/activation.wgsl").replace("exp(-x * x)", "exp(-x * x * 7.0)");
        for (folder, name, text) in [
            ("more", "part.wgsl", "// my part\n# include \"more/of_it.wgsl\"\n"),
            ("more", "of_it.wgsl", "// more of it\n"),
            ("shared", "activation.wgsl", mine.as_str()),
        ] {
            fs::create_dir_all(room.path().join(folder)).unwrap();
            fs::write(room.path().join(folder).join(name), text).unwrap();
        }
        let text = text().unwrap_or_else(|e| panic!("{e}"));
        assert!(["// my part", "// more of it", "exp(-x * x * 7.0)"].iter().all(|part| text.contains(part)), "{text}");
    }

    #[test]
    fn what_runs_is_spelled() {
        let told = |text: &str| Candidate::parse(text).unwrap().spelled(&op(), &PORTABLE).unwrap();
        let chosen = told("chosen");
        assert_eq!(choose(&chosen).unwrap(), choose("chosen").unwrap(), "{chosen}");
        assert!(told("register:TM=8,TN=4").contains("TM=8"));
        assert!(Candidate::parse("chosen@checks=off").unwrap().is_chosen());
        assert!(!Candidate::parse("register").unwrap().is_chosen());
    }

    #[test]
    fn a_file_is_read_once() {
        let room = tempfile::tempdir().unwrap();
        let path = room.path().join("mine.wgsl");
        fs::write(&path, op().choose(&PORTABLE).wgsl(crate::kernel::KERNELS.first().unwrap()).unwrap()).unwrap();
        let candidate = Candidate::parse(path.to_str().unwrap()).unwrap();
        fs::remove_file(&path).unwrap();
        assert_eq!(candidate.choice(&op(), &PORTABLE).unwrap().variant, "file");
    }
}
