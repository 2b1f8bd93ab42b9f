//! Clips to files (mp4, gif, webp, png sequence, latents), and clips and the parameters that made them back out of files.
//!
//! The way of the data: [`Target::parse`] understands the output's name ([`Target::stdout`] is none), [`Target::check`] tries its folder before
//! the long work, [`Enlarge`] makes a small clip larger, [`write()`] encodes a [`Clip`] in memory and puts it on disk
//! under a temporary name that is renamed when complete. [`open()`] reads the frames again, of other programs' files, too. Every file carries
//! the parameters it was made with; [`read_parameters`] finds them again:
//!
//! | file | parameters |
//! | --- | --- |
//! | mp4 | the comment tag (`moov/udta/meta/ilst/©cmt`), as JSON under the key `i2vgen` |
//! | gif | a comment extension, as JSON under the key `i2vgen` |
//! | webp | the XMP chunk, property `i2vgen:parameters` |
//! | png | an `iTXt` chunk with the keyword `i2vgen`, in every frame |
//! | safetensors | `__metadata__`, key `i2vgen` |

mod boxes;
mod clip;
mod decode;
mod demux;
mod enlarge;
mod error;
mod frames;
mod gif;
mod h264;
mod latents;
mod limits;
mod mp4;
mod open;
mod palette;
mod parameters;
mod pattern;
mod png;
mod quality;
mod read;
mod strip;
mod target;
mod webp;
mod yuv;

#[cfg(test)]
mod testing;

use std::io::{Write, stdout};
use std::path::PathBuf;

use serde_json::Value;

pub use clip::{Clip, MAX_FPS, MIN_FPS};
pub use enlarge::{Enlarge, Filter, MAX_SCALE};
pub use error::{Error, Result};
pub use gif::GIF_MAX_FPS;
pub use latents::{Latents, read_latents};
pub use limits::check_size;
pub use open::{OpenedClip, first_file, frame_files, open};
pub use quality::Quality;
pub use read::read_parameters;
pub use strip::{Strip, strip};
pub use target::{Kind, Target};
pub use yuv::MP4_MIN_SIDE;

use crate::staged::Staged;

/// Writes `clip` with its `parameters` and returns the files, in the order of the frames; none if the target is the standard output.
///
/// Files appear whole or not at all; existing ones are replaced. The same clip and parameters give the same bytes. `quality` is that of mp4
/// and webp, [`Quality::default`] if nothing is said.
///
/// - mp4: H.264 baseline, 4:2:0, the index before the frames so that it plays while it loads. Odd sizes grow by one
///   repeated row or column, sizes below 16 to 16. At most 3840×2160 (or upright).
/// - gif: one palette for the whole clip, loops for ever, times in 1/100 s: the frames' ends are rounded, so a clip
///   keeps its length; viewers slow down above 50 frames per second, where a frame is held to 2/100 s.
/// - webp: lossy, loops for ever, times in 1/1000 s (rounded likewise).
/// - png sequence: one lossless file per frame, numbered from 1.
///
/// # Errors
/// [`Error::Clip`] for a clip whose fields do not fit together, [`Error::Content`] if the target is for latents,
/// [`Error::Quality`] for a quality where the format has none, [`Error::Encode`] for a size the format cannot hold, [`Error::File`] if the
/// disk or the folder refuses, [`Error::Stdout`] if the standard output does.
pub fn write(target: &Target, clip: &Clip, quality: Option<Quality>, parameters: &Value) -> Result<Vec<PathBuf>> {
    clip.check()?;
    quality.map_or(Ok(()), |quality| quality.check(target.kind()))?;
    let quality = quality.unwrap_or_default();
    match target.kind() {
        Kind::Mp4 => put(target, &mp4::encode(clip, quality, parameters)?),
        Kind::Gif => put(target, &gif::encode(clip, parameters)?),
        Kind::WebP => put(target, &webp::encode(clip, quality, parameters)?),
        Kind::PngSequence => {
            let pictures = clip.each_frame(|frame| png::encode(clip.width, clip.height, frame, parameters))?;
            let mut staged = Staged::default();
            for (index, bytes) in pictures.iter().enumerate() {
                staged.add(target.file(index), bytes)?;
            }
            Ok(staged.commit()?)
        }
        Kind::Latents => {
            Err(Error::Content { path: target.path().to_owned(), holds: "latents", asked: "pictures", hint: "" })
        }
    }
}

/// Writes the one file of a target.
fn put(target: &Target, bytes: &[u8]) -> Result<Vec<PathBuf>> {
    if target.is_stdout() {
        let mut out = stdout().lock();
        out.write_all(bytes).and_then(|()| out.flush()).map_err(|cause| Error::Stdout { cause })?;
        return Ok(Vec::new());
    }
    let mut staged = Staged::default();
    staged.add(target.file(0), bytes)?;
    Ok(staged.commit()?)
}

/// Writes latents `[1, 4, F, h, w]` (as the denoiser leaves them, scaled) as the float32 tensor `latents` of a
/// safetensors file. Files appear whole or not at all.
///
/// # Errors
/// [`Error::Content`] if the target is not `.safetensors`, [`Error::Clip`] if `latents` does not fill `shape`,
/// [`Error::File`] if the disk or the folder refuses.
pub fn write_latents(target: &Target, latents: &[f32], shape: [usize; 5], parameters: &Value) -> Result<Vec<PathBuf>> {
    if target.kind() != Kind::Latents {
        return Err(Error::Content { path: target.path().to_owned(), holds: "pictures", asked: "latents", hint: "" });
    }
    put(target, &latents::encode(latents, shape, parameters)?)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::testing::{moving, parameters};
    use super::*;

    #[test]
    fn every_container_gives_the_parameters_back() {
        let root = tempfile::tempdir().unwrap();
        let clip = moving(80, 56, 3, 8.0);
        for (name, files) in [("cat.mp4", 1), ("cat.gif", 1), ("cat.webp", 1), ("cat-%02d.png", 3)] {
            let target = Target::parse(&root.path().join(name)).unwrap();
            let written = write(&target, &clip, None, &parameters()).unwrap();
            assert_eq!(written.len(), files, "{name}");
            for path in &written {
                assert_eq!(read_parameters(path).unwrap(), parameters(), "{path:?}");
            }
            let first = fs::read(&written[0]).unwrap();
            write(&target, &clip, None, &parameters()).unwrap();
            assert_eq!(first, fs::read(&written[0]).unwrap(), "{name}: same input, same bytes");
        }
        let target = Target::parse(&root.path().join("cat.safetensors")).unwrap();
        let written = write_latents(&target, &[0.5; 120], [1, 4, 3, 2, 5], &parameters()).unwrap();
        assert_eq!(read_parameters(&written[0]).unwrap(), parameters());
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 7, "no temporary file is left");
    }

    #[test]
    fn a_failure_leaves_nothing_behind() {
        let root = tempfile::tempdir().unwrap();
        let clip = moving(16, 16, 3, 8.0);
        fs::create_dir(root.path().join("cat-3.png")).unwrap();
        fs::create_dir(root.path().join("cat.mp4")).unwrap();
        for name in ["cat-%d.png", "cat.mp4"] {
            let target = Target::parse(&root.path().join(name)).unwrap();
            assert!(matches!(write(&target, &clip, None, &parameters()), Err(Error::File(_))));
        }
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 2);
    }

    #[test]
    fn latents_and_pictures_do_not_mix() {
        let clip = moving(16, 16, 1, 8.0);
        let latents = Target::parse("a.safetensors".as_ref()).unwrap();
        let video = Target::parse("a.mp4".as_ref()).unwrap();
        assert!(matches!(write(&latents, &clip, None, &parameters()), Err(Error::Content { .. })));
        assert!(matches!(write_latents(&video, &[], [0; 5], &parameters()), Err(Error::Content { .. })));
    }
}
