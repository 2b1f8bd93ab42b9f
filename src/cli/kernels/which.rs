//! Which operation: a kernel with the shape of a case, or with a shape in words.

use std::sync::Arc;

use clap::Args;
use i2vgen::kernel::{self, Case, Op};
use serde_json::{Map, Value};

use crate::cli::Error;

/// The shape of a kernel.
#[derive(Args)]
pub struct ShapeOptions {
    /// The shape, as JSON or as fields: rows=64,sources=[320,0],columns=320,dtype=f16
    #[arg(long, value_name = "FIELDS", conflicts_with = "case")]
    shape: Option<String>,
    /// The shape of one of the kernel's test cases, by name or a part of it [default: its first case]
    #[arg(long, value_name = "NAME")]
    case: Option<String>,
}

/// An operation and what its shape is called.
pub struct Which {
    pub op: Arc<dyn Op>,
    pub name: String,
}

impl ShapeOptions {
    /// The operation of `kernel` with the shape that was asked for.
    pub fn of(&self, kernel: &str) -> Result<Which, Error> {
        if let Some(shape) = &self.shape {
            let op = kernel::parse(kernel, &fields(shape)?)?;
            return Ok(Which { name: op.shape().to_string(), op });
        }
        let cases: Vec<Case> = kernel::cases().into_iter().filter(|case| case.op.kernel().name == kernel).collect();
        let names = cases.iter().map(|case| format!("'{}'", case.name)).collect::<Vec<_>>().join(", ");
        let wanted = self.case.as_deref().unwrap_or_default();
        let exact = cases.iter().position(|case| case.name == wanted);
        let found = exact.or_else(|| cases.iter().position(|case| case.name.contains(wanted)));
        match found.and_then(|index| cases.into_iter().nth(index)) {
            Some(case) => Ok(Which { op: case.op, name: case.name }),
            // An empty shape says that there is no such kernel, and which one may have been meant.
            None if names.is_empty() => Err(kernel::parse(kernel, &Map::new()).map(|_| Error::Reported)?),
            None => Err(Error::message(format!("{kernel} has no case '{wanted}'; there are {names}"))),
        }
    }
}

/// The fields of a shape in words.
fn fields(text: &str) -> Result<Map<String, Value>, Error> {
    let wrong = |what: &str| {
        Error::message(format!("--shape {text}: {what}; write fields such as rows=64,size=[8,8],dtype=f16, or JSON"))
    };
    if text.trim_start().starts_with('{') {
        return serde_json::from_str(text).map_err(|e| wrong(&e.to_string()));
    }
    // Commas inside of brackets do not separate fields.
    let mut depth = 0;
    let parts = text.split(|c: char| {
        depth += i32::from(c == '[') - i32::from(c == ']');
        c == ',' && depth == 0
    });
    let field = |part: &str| {
        let (name, value) = part.split_once('=').ok_or_else(|| wrong(&format!("`{part}` has no `=`")))?;
        let value = value.trim();
        Ok((name.trim().to_owned(), serde_json::from_str(value).unwrap_or_else(|_| value.into())))
    };
    parts.map(field).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(kernel: &str, shape: Option<&str>, case: Option<&str>) -> Result<Which, String> {
        let options = ShapeOptions { shape: shape.map(str::to_owned), case: case.map(str::to_owned) };
        options.of(kernel).map_err(|e| e.to_string())
    }

    #[test]
    fn shapes_are_written_in_two_ways() {
        let words = of("conv2d", Some("frames=2, size=[8,8],sources=16,columns=12,dtype=f16"), None).unwrap();
        let json = r#"{"frames": 2, "size": [8, 8], "sources": 16, "columns": 12, "dtype": "f16"}"#;
        assert_eq!(words.name, of("conv2d", Some(json), None).unwrap().name);
        for (shape, word) in [("rows", "has no `=`"), ("{", "EOF"), ("rows=x", "invalid type"), ("row=1", "`row`")] {
            let error = of("linear", Some(shape), None).err().unwrap();
            assert!(error.contains(word) && !error.contains('\n'), "{error}");
        }
    }

    #[test]
    fn cases_are_found_by_a_part_of_their_names() {
        assert_eq!(of("linear", None, Some("odd sizes f16/f16")).unwrap().name, "odd sizes f16/f16");
        assert_eq!(of("linear", None, Some("odd")).unwrap().name, "odd sizes f32/f32");
        assert!(of("linear", None, None).is_ok());
        assert!(of("linear", None, Some("even")).err().unwrap().contains("'odd sizes f32/f32', "));
        assert!(of("liner", None, None).err().unwrap().contains("did you mean linear?"));
    }
}
