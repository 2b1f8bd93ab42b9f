//! What a user wants to run in place of a kernel's own choice: `conv2d=register`, `conv2d[columns=320]=./mine.wgsl`.

use std::sync::Arc;

use super::{
    candidate::{self, is_file, read},
    catalogue::variant_names,
};
use crate::{
    kernel::{Choices, Forced, KERNELS, Override, cases, fields},
    nearest::hint,
};

/// Why an override means nothing.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is not written as one.
    #[error(
        "--override {text}: {reason}; write KERNEL=VARIANT, KERNEL=FILE.wgsl, or KERNEL[FIELD=VALUE,…]=… for some shapes only"
    )]
    Spelling {
        /// What was written.
        text: String,
        /// What is wrong.
        reason: String,
    },
    /// Its file cannot be read.
    #[error("--override {text}: {source}")]
    File {
        /// What was written.
        text: String,
        /// What is wrong with the file.
        source: candidate::Error,
    },
}

/// Reads overrides, and the files that they name.
///
/// # Errors
/// [`Error`] where something is misspelt (with the nearest name), a kernel has no such variant or field, or a file cannot be read.
pub fn overrides(texts: &[String]) -> Result<Choices, Error> {
    let mut choices = Choices::default();
    for text in texts {
        choices.force(parse(text)?);
    }
    Ok(choices)
}

fn parse(text: &str) -> Result<Override, Error> {
    let wrong = |reason: String| Error::Spelling { text: text.to_owned(), reason };
    let (left, what) = match text.split_once('[') {
        None => {
            let (kernel, what) = text.split_once('=').ok_or_else(|| wrong("there is no =".into()))?;
            ((kernel, ""), what)
        }
        Some((kernel, rest)) => {
            let parts = rest.split_once(']').and_then(|(shape, rest)| Some((shape, rest.strip_prefix('=')?)));
            let (shape, what) = parts.ok_or_else(|| wrong("there is no ]=".into()))?;
            ((kernel, shape), what)
        }
    };
    let (kernel, shape) = (left.0.trim(), fields(left.1).map_err(wrong)?);
    if !KERNELS.iter().any(|known| known.name == kernel) {
        let hint = hint(kernel, KERNELS.iter().map(|known| known.name));
        return Err(wrong(format!("no kernel is called '{kernel}'{hint}")));
    }
    let known = cases().into_iter().find(|case| case.op.kernel().name == kernel).map(|case| case.op.shape());
    let known: Vec<&String> =
        known.as_ref().and_then(|shape| shape.as_object()).into_iter().flat_map(|s| s.keys()).collect();
    if let Some(field) = shape.keys().find(|field| !known.contains(field)) {
        let hint = hint(field, known.iter().map(|name| name.as_str()));
        return Err(wrong(format!("{kernel} has no field `{field}`{hint}")));
    }
    let forced = if is_file(what) {
        let file = read(what).map_err(|source| Error::File { text: text.to_owned(), source })?;
        Forced::File(Arc::new(file))
    } else {
        let names = variant_names(kernel);
        if !names.contains(&what) {
            let hint = hint(what, names.iter().copied());
            return Err(wrong(format!("{kernel} has no variant '{what}'{hint}; there are {}", names.join(", "))));
        }
        Forced::Variant(what.to_owned())
    };
    Ok(Override { kernel: kernel.to_owned(), shape, forced })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        gpu::PORTABLE,
        kernel::{Dtype, Gemm, Linear, Op},
    };

    #[test]
    fn overrides_name_variants_files_and_shapes() {
        let room = tempfile::tempdir().unwrap();
        let path = room.path().join("mine.wgsl");
        let op = Linear(Gemm::plain(64, 32, 32, Dtype::F32));
        let kernel = KERNELS.iter().find(|kernel| kernel.name == "linear").unwrap();
        std::fs::write(&path, op.variants(&PORTABLE).remove(1).wgsl(kernel).unwrap()).unwrap();
        let file = format!("linear[columns=32,sources=32]={}", path.display());
        let choices = overrides(&["linear=register".into(), file.clone()]).unwrap();
        assert_eq!(choices.choose(&op, &PORTABLE).unwrap().variant, "file");
        let other = Linear(Gemm::plain(64, 16, 32, Dtype::F32));
        assert_eq!(choices.choose(&other, &PORTABLE).unwrap().variant, "register");
        let told: Vec<String> = choices.overrides().iter().map(Override::to_string).collect();
        assert!(told[0] == "linear=register" && told[1].starts_with(&file), "{told:?}");
    }

    #[test]
    fn slips_are_named() {
        for (text, word) in [
            ("conv2d", "there is no ="),
            ("conv2d[columns=3=register", "there is no ]="),
            ("convd2=register", "did you mean conv2d?"),
            ("conv2d=regster", "did you mean register?"),
            ("conv2d=", "no variant ''"),
            ("conv2d[colums=3]=register", "did you mean columns?"),
            ("conv2d[columns]=register", "'columns' is no field"),
            ("conv2d=./absent.wgsl", "cannot read ./absent.wgsl"),
        ] {
            let error = overrides(&[text.to_owned()]).unwrap_err().to_string();
            assert!(error.contains(word) && error.starts_with("--override ") && !error.contains('\n'), "{error}");
        }
    }
}
