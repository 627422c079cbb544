//! Pictures of pages with at most 256 colours, a third of the size: a page has few colours, and many shades of each at
//! the edges of its letters.
//!
//! Reads the PNG that the browser makes (8 bits a channel, not interlaced) and writes one with a palette. The colours that
//! cover most of the page stay exactly as they are; others become the nearest of these.

use std::collections::HashMap;
use std::io::{Read as _, Write as _};

use anyhow::{Context, Result, ensure};
use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;

const SIGNATURE: &[u8; 8] = b"\x89PNG\r\n\x1a\n";

/// The most colours of a palette.
const COLOURS: usize = 256;

type Colour = [u8; 3];

/// The picture with at most 256 colours.
///
/// # Errors
/// When it is no PNG of the kind that browsers make.
pub fn reduce(png: &[u8]) -> Result<Vec<u8>> {
    let (width, height, pixels) = decode(png)?;
    let palette = palette(&pixels);
    let mut nearest: HashMap<Colour, u8> = HashMap::new();
    let mut rows = Vec::with_capacity((width + 1) * height);
    for row in pixels.chunks_exact(width) {
        rows.push(0);
        for colour in row {
            rows.push(*nearest.entry(*colour).or_insert_with(|| nearest_of(&palette, *colour)));
        }
    }
    let mut out = SIGNATURE.to_vec();
    let size = |number: usize| u32::try_from(number).map(u32::to_be_bytes);
    let mut head = [size(width)?, size(height)?].concat();
    head.extend([8, 3, 0, 0, 0]);
    chunk(&mut out, b"IHDR", &head)?;
    chunk(&mut out, b"PLTE", palette.as_flattened())?;
    let mut packed = ZlibEncoder::new(Vec::new(), Compression::best());
    packed.write_all(&rows)?;
    chunk(&mut out, b"IDAT", &packed.finish()?)?;
    chunk(&mut out, b"IEND", &[])?;
    Ok(out)
}

/// The colours that cover most, one of each group of shades that no eye tells apart.
fn palette(pixels: &[Colour]) -> Vec<Colour> {
    let mut counts: HashMap<Colour, u32> = HashMap::new();
    for colour in pixels {
        *counts.entry(*colour).or_default() += 1;
    }
    let mut groups: HashMap<Colour, (u32, Colour, u32)> = HashMap::new();
    for (colour, count) in counts {
        let group = groups.entry(colour.map(|channel| channel / 8)).or_insert((0, colour, 0));
        group.0 += count;
        if (count, colour) > (group.2, group.1) {
            (group.1, group.2) = (colour, count);
        }
    }
    let mut groups: Vec<(u32, Colour)> = groups.into_values().map(|(all, colour, _)| (all, colour)).collect();
    groups.sort_unstable_by(|one, other| other.cmp(one));
    groups.into_iter().take(COLOURS).map(|(_, colour)| colour).collect()
}

fn nearest_of(palette: &[Colour], colour: Colour) -> u8 {
    let distance = |other: &Colour| -> u32 {
        colour.iter().zip(other).map(|(one, other)| u32::from(one.abs_diff(*other)).pow(2)).sum()
    };
    let place = (0..=u8::MAX).zip(palette).min_by_key(|(_, other)| distance(other));
    place.map_or(0, |(place, _)| place)
}

fn chunk(out: &mut Vec<u8>, kind: &[u8; 4], data: &[u8]) -> Result<()> {
    out.extend(u32::try_from(data.len())?.to_be_bytes());
    out.extend(kind);
    out.extend(data);
    let mut crc = flate2::Crc::new();
    crc.update(kind);
    crc.update(data);
    out.extend(crc.sum().to_be_bytes());
    Ok(())
}

/// Width, height and pixels of a PNG with 8 bits a channel.
fn decode(png: &[u8]) -> Result<(usize, usize, Vec<Colour>)> {
    let mut rest = png.strip_prefix(SIGNATURE).context("not a PNG")?;
    let (mut head, mut packed) = (None, Vec::new());
    while let Some((length, after)) = rest.split_first_chunk::<4>() {
        let length = usize::try_from(u32::from_be_bytes(*length))?;
        let (kind, after) = after.split_first_chunk::<4>().context("a chunk without a name")?;
        let (data, after) = after.split_at_checked(length).context("a chunk that is cut off")?;
        match kind {
            b"IHDR" => head = Some(<[u8; 13]>::try_from(data)?),
            b"IDAT" => packed.extend(data),
            _ => {}
        }
        rest = after.get(4..).context("a chunk without its sum")?;
    }
    let [w0, w1, w2, w3, h0, h1, h2, h3, depth, kind, _, _, interlaced] = head.context("no head")?;
    ensure!(depth == 8 && interlaced == 0, "only 8 bits a channel, not interlaced");
    let channels = match kind {
        2 => 3,
        6 => 4,
        other => anyhow::bail!("a picture of kind {other}"),
    };
    let width = usize::try_from(u32::from_be_bytes([w0, w1, w2, w3]))?;
    let height = usize::try_from(u32::from_be_bytes([h0, h1, h2, h3]))?;
    let mut filtered = Vec::new();
    ZlibDecoder::new(packed.as_slice()).read_to_end(&mut filtered)?;
    let stride = width * channels;
    let mut above = vec![0; stride];
    let mut pixels = Vec::with_capacity(width * height);
    for line in filtered.chunks_exact(stride + 1).take(height) {
        let (filter, line) = line.split_first().context("an empty line")?;
        above = unfilter(*filter, line, &above, channels)?;
        pixels.extend(above.chunks_exact(channels).map(|pixel| [pixel[0], pixel[1], pixel[2]]));
    }
    ensure!(pixels.len() == width * height, "a picture that is cut off");
    Ok((width, height, pixels))
}

/// A line as it was before filtering (PNG specification, chapter 9).
fn unfilter(filter: u8, line: &[u8], above: &[u8], channels: usize) -> Result<Vec<u8>> {
    let mut out: Vec<u8> = Vec::with_capacity(line.len());
    for (place, byte) in line.iter().enumerate() {
        let before = place.checked_sub(channels);
        let left = before.map_or(0, |at| out[at]);
        let (up, corner) = (above[place], before.map_or(0, |at| above[at]));
        let guess = match filter {
            0 => 0,
            1 => left,
            2 => up,
            3 => left.midpoint(up),
            4 => paeth(left, up, corner),
            other => anyhow::bail!("a filter {other}"),
        };
        out.push(byte.wrapping_add(guess));
    }
    Ok(out)
}

fn paeth(left: u8, up: u8, corner: u8) -> u8 {
    let (a, b, c) = (i16::from(left), i16::from(up), i16::from(corner));
    let guess = a + b - c;
    let (to_a, to_b, to_c) = ((guess - a).abs(), (guess - b).abs(), (guess - c).abs());
    if to_a <= to_b && to_a <= to_c {
        left
    } else if to_b <= to_c {
        up
    } else {
        corner
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A PNG with every filter in turn, as a browser may write it.
    fn written(width: usize, pixels: &[Colour]) -> Vec<u8> {
        let (mut rows, mut above) = (Vec::new(), vec![0; width * 3]);
        for (row, filter) in pixels.chunks_exact(width).zip([0, 1, 2, 3, 4].into_iter().cycle()) {
            let line = row.as_flattened().to_vec();
            rows.push(filter);
            for place in 0..line.len() {
                // Undoing the filter of a zero tells the guess.
                let mut blank = line.clone();
                blank[place] = 0;
                let known = [&line[..place], &[0]].concat();
                let left = place.checked_sub(3).map_or(0, |at| known[at]);
                let (up, corner) = (above[place], place.checked_sub(3).map_or(0, |at| above[at]));
                let guess = match filter {
                    0 => 0,
                    1 => left,
                    2 => up,
                    3 => left.midpoint(up),
                    _ => paeth(left, up, corner),
                };
                rows.push(line[place].wrapping_sub(guess));
            }
            above = line;
        }
        let mut out = SIGNATURE.to_vec();
        let size = |number: usize| u32::try_from(number).unwrap().to_be_bytes();
        let mut head = [size(width), size(pixels.len() / width)].concat();
        head.extend([8, 2, 0, 0, 0]);
        chunk(&mut out, b"IHDR", &head).unwrap();
        let mut packed = ZlibEncoder::new(Vec::new(), Compression::fast());
        packed.write_all(&rows).unwrap();
        chunk(&mut out, b"IDAT", &packed.finish().unwrap()).unwrap();
        chunk(&mut out, b"IEND", &[]).unwrap();
        out
    }

    #[test]
    fn what_is_read_is_what_was_written() {
        let pixels: Vec<Colour> = (0..20 * 9_u8).map(|n| [n, n.wrapping_mul(7), n / 3]).collect();
        assert_eq!(decode(&written(20, &pixels)).unwrap(), (20, 9, pixels));
    }

    #[test]
    fn colours_that_cover_much_stay_and_the_rest_is_near() {
        let mut pixels = vec![[15, 118, 110]; 40];
        pixels.extend((0..=255_u8).flat_map(|n| [[n, n, 0], [n, 0, n]]));
        pixels.extend([[250, 10, 90]; 8]);
        let palette = palette(&pixels);
        assert!(palette.len() <= COLOURS);
        assert_eq!(palette[0], [15, 118, 110]);
        for colour in &pixels {
            let near = palette[usize::from(nearest_of(&palette, *colour))];
            assert!(
                colour.iter().zip(near).all(|(one, other)| one.abs_diff(other) <= 8),
                "{colour:?} {near:?}"
            );
        }
    }

    #[test]
    fn what_is_no_picture_is_refused() {
        for bad in [&b""[..], b"GIF89a", SIGNATURE, b"\x89PNG\r\n\x1a\n\xff\xff\xff\xffIDAT"] {
            assert!(reduce(bad).is_err());
        }
    }
}
