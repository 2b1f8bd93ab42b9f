//! What a transparent picture is laid over.

use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{Error, Opened, Picture, Result};

/// What becomes of a transparency that is laid over nothing.
pub(crate) const DROPPED: &str = "its transparency is dropped, the colours under it are used";

/// An opaque sRGB colour, 8 bits for each of red, green and blue.
///
/// In text and in JSON a name of CSS (`white`, `rebeccapurple`), `#rgb` or `#rrggbb`, also without the `#`, which shells
/// take for a comment. Written with its name if it has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Colour(pub [u8; 3]);

impl FromStr for Colour {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let colour = csscolorparser::parse(text).map_err(|_| Error::Colour { found: text.to_owned() })?;
        match colour.to_rgba8() {
            [red, green, blue, u8::MAX] => Ok(Self([red, green, blue])),
            _ => Err(Error::ColourAlpha { found: text.to_owned() }),
        }
    }
}

impl Display for Colour {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let [red, green, blue] = self.0;
        match csscolorparser::Color::from_rgba8(red, green, blue, u8::MAX).name() {
            Some(name) => f.write_str(name),
            None => write!(f, "#{red:02x}{green:02x}{blue:02x}"),
        }
    }
}

impl TryFrom<String> for Colour {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<Colour> for String {
    fn from(colour: Colour) -> Self {
        colour.to_string()
    }
}

impl Opened {
    /// The picture over a background: each sample is `(alpha · picture + (255 - alpha) · background) / 255`, rounded, as
    /// Pillow's `Image.paste` does it with the alpha channel as its mask. Without transparency the picture itself.
    pub fn over(&self, background: Colour) -> Picture {
        let Some(alpha) = &self.alpha else { return self.picture.clone() };
        let blend = |over: u8, under: u8, alpha: u8| {
            let sum = u32::from(alpha) * u32::from(over) + u32::from(u8::MAX - alpha) * u32::from(under);
            ((sum + 127) / 255) as u8
        };
        let mut picture = self.picture.clone();
        for (pixel, alpha) in picture.pixels.chunks_exact_mut(3).zip(alpha) {
            for (sample, under) in pixel.iter_mut().zip(background.0) {
                *sample = blend(*sample, under, *alpha);
            }
        }
        picture
    }

    /// What to know of a picture with transparency that is laid over nothing: the reference drops its alpha channel, and
    /// what is under it shows. `None` without transparency.
    pub fn transparency(&self) -> Option<String> {
        let alpha = self.alpha.as_ref()?;
        let pixels = self.picture.pixels.chunks_exact(3).zip(alpha);
        let hidden: Vec<&[u8]> = pixels.filter(|(_, alpha)| **alpha < 128).map(|(pixel, _)| pixel).collect();
        // Programs leave one of these where nothing is to be seen.
        let mostly = |is: fn(&u8) -> bool| {
            let like = hidden.iter().filter(|pixel| pixel.iter().all(is)).count();
            !hidden.is_empty() && 2 * like > hidden.len()
        };
        let colour = match (mostly(|sample| *sample < 16), mostly(|sample| *sample > 239)) {
            (true, _) => ", mostly black",
            (_, true) => ", mostly white",
            _ => "",
        };
        Some(format!("{DROPPED}{colour}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened(pixels: &[[u8; 3]; 64], alpha: Option<[u8; 64]>) -> Opened {
        let picture = Picture::from_rgb8(8, 8, pixels.concat()).unwrap();
        Opened { picture, alpha: alpha.map(Vec::from), notes: Vec::new() }
    }

    #[test]
    fn colours_have_names_and_numbers() {
        for (text, colour, written) in [
            ("white", [255, 255, 255], "white"),
            ("RebeccaPurple", [0x66, 0x33, 0x99], "rebeccapurple"),
            ("#f80", [255, 136, 0], "#ff8800"),
            ("#102030", [16, 32, 48], "#102030"),
            ("102030", [16, 32, 48], "#102030"),
            ("rgb(1, 2, 3)", [1, 2, 3], "#010203"),
        ] {
            let read: Colour = text.parse().unwrap();
            assert_eq!((read, read.to_string().as_str()), (Colour(colour), written));
            assert_eq!(read.to_string().parse::<Colour>().unwrap(), read);
        }
        for text in ["", "whit", "#12", "#12345g", "photo.png"] {
            let error = text.parse::<Colour>().unwrap_err().to_string();
            assert!(error.contains("#rrggbb") && error.contains(text), "{error}");
        }
        for text in ["#ff000080", "transparent"] {
            assert!(text.parse::<Colour>().unwrap_err().to_string().contains("opaque"));
        }
    }

    #[test]
    fn a_picture_is_laid_over_a_colour() {
        let mut alpha = [255; 64];
        alpha[..4].copy_from_slice(&[0, 1, 128, 254]);
        let over = opened(&[[10, 200, 0]; 64], Some(alpha)).over(Colour([255, 0, 100]));
        // Those of Pillow 13: Image.new("RGB", (8, 8), (255, 0, 100)).paste(picture, mask=alpha).
        let expected = [[255, 0, 100], [254, 1, 100], [132, 100, 50], [11, 199, 0], [10, 200, 0]];
        assert_eq!(over.pixels()[..15], *expected.concat());
        let opaque = opened(&[[1, 2, 3]; 64], None);
        assert_eq!(opaque.over(Colour([9; 3])), opaque.picture);
    }

    #[test]
    fn what_is_under_transparency_is_told() {
        let told = |under: [u8; 3], alpha: u8| opened(&[under; 64], Some([alpha; 64])).transparency().unwrap();
        assert!(told([3, 0, 9], 0).ends_with("are used, mostly black"));
        assert!(told([255, 250, 255], 0).ends_with("are used, mostly white"));
        assert!(told([3, 200, 9], 0).ends_with("are used"));
        assert!(told([0; 3], 200).ends_with("are used"), "it shows");
        assert_eq!(opened(&[[0; 3]; 64], None).transparency(), None);
    }
}
