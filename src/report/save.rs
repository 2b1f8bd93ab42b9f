//! Reports to files.

use std::path::Path;

use super::Error;
use crate::video::Staged;

/// Writes files together: all of them appear whole, or none.
///
/// # Errors
/// [`crate::video::Error::Write`] that names the file.
pub fn save<'a>(files: impl IntoIterator<Item = (&'a Path, &'a [u8])>) -> Result<(), Error> {
    let mut staged = Staged::default();
    for (path, bytes) in files {
        staged.add(path.to_owned(), bytes)?;
    }
    staged.commit()?;
    Ok(())
}
