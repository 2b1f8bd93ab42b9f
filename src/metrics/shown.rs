//! Clip and reference brought to one size: that of the clip before it was enlarged for its file.

use super::Error;
use crate::{
    picture::{self, Filter, Picture, cover_crop},
    video::{Clip, Enlarge},
};

/// A clip that was written enlarged, at its own size: the mean of the pixels that each one became. Any other clip as it is.
///
/// # Errors
/// [`Error::Picture`] if the frames are no pictures.
pub fn at_own_size(clip: Clip, scale: u32) -> Result<Clip, Error> {
    let [width, height] = [clip.width, clip.height].map(|side| side / scale.max(1));
    let whole = width * scale == clip.width && height * scale == clip.height;
    if scale <= 1 || !whole {
        return Ok(clip);
    }
    let shrink = |frame: Vec<u8>| -> Result<Vec<u8>, Error> {
        let picture = Picture::from_rgb8(clip.width, clip.height, frame)?;
        Ok(picture::resize(&picture, width, height, Filter::Box)?.into_pixels())
    };
    let frames = clip.frames.into_iter().map(shrink).collect::<Result<_, _>>()?;
    Ok(Clip { width, height, fps: clip.fps, frames })
}

/// A picture as a clip of `width` × `height` pixels shows it: cropped and resized as for a generation, `[height, width, 3]`, and, where the
/// clip was enlarged for its file, enlarged and brought back in the same way, so that both have lost the same.
///
/// # Errors
/// [`Error::Picture`] for a size that no picture may have.
pub fn as_shown(picture: &Picture, width: u32, height: u32, enlarge: Enlarge) -> Result<Vec<u8>, Error> {
    let crop = cover_crop(picture, width, height)?;
    let clip = Clip { width, height, fps: 1.0, frames: vec![crop.into_pixels()] };
    let shown = at_own_size(enlarge.apply(clip)?, enlarge.scale)?;
    Ok(shown.frames.into_iter().next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{metrics::psnr, video};

    #[test]
    fn an_enlarged_clip_is_comparable_with_its_picture() {
        let sample = |at: u32| ((at % 120) * 2) as u8 ^ ((at / 120) as u8).wrapping_mul(3);
        let picture = Picture::from_rgb8(120, 90, (0..120 * 90).flat_map(|at| [sample(at); 3]).collect()).unwrap();
        let crop = cover_crop(&picture, 64, 48).unwrap().into_pixels();
        let clip = Clip { width: 64, height: 48, fps: 8.0, frames: vec![crop.clone(); 2] };
        for filter in [video::Filter::Smooth, video::Filter::Nearest] {
            for scale in [1, 2, 4, 5] {
                let enlarge = Enlarge { scale, filter };
                let own = at_own_size(enlarge.apply(clip.clone()).unwrap(), scale).unwrap();
                assert_eq!((own.width, own.height, own.frames.len()), (64, 48, 2));
                // The same picture on both ways.
                assert_eq!(as_shown(&picture, 64, 48, enlarge).unwrap(), own.frames[0], "{filter:?} {scale}");
                if scale == 1 || filter == video::Filter::Nearest {
                    assert_eq!(own.frames[0], crop, "{filter:?} {scale}");
                } else {
                    assert!(psnr(&own.frames[0], &crop) > 20.0, "{scale}: {}", psnr(&own.frames[0], &crop));
                }
            }
        }
        // Not a multiple: somebody else has changed the size.
        assert_eq!(at_own_size(clip.clone(), 5).unwrap(), clip);
    }
}
