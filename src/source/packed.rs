//! Packed inputs: gzip and zstd, as streams, archives and exports of logs are kept, and base64, in which text carries them. Main type:
//! [`Packing`].

use std::io::{self, BufRead, Read};

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use flate2::bufread::MultiGzDecoder;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

use super::error::ReadError;
use super::text::encoding;

/// How bytes are packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Packing {
    Gzip,
    Zstd,
}

impl Packing {
    /// As bytes begin that are.
    pub(crate) fn of(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [0x1f, 0x8b, ..] => Some(Self::Gzip),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Self::Zstd),
            _ => None,
        }
    }

    /// What it is called.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
        }
    }

    /// What is said of an input that was.
    pub(crate) fn note(self) -> String {
        format!("unpacked from {}", self.name())
    }

    /// Unpacks, as far as it is read.
    pub(crate) fn reader<'a>(self, packed: impl BufRead + 'a) -> Box<dyn Read + 'a> {
        match self {
            Self::Gzip => Box::new(MultiGzDecoder::new(packed)),
            Self::Zstd => Box::new(Frames { packed, decoder: FrameDecoder::new() }),
        }
    }

    /// What is packed there, where it is text and has so many bytes at most.
    pub(crate) fn unpack(self, packed: &[u8], most: usize) -> Unpacked {
        let mut unpacked = vec![];
        let limit = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
        match self.reader(packed).take(limit).read_to_end(&mut unpacked) {
            Ok(read) if read > most => Unpacked::TooMuch,
            Ok(_) => text(&unpacked),
            Err(_) => Unpacked::Wrong,
        }
    }
}

/// What something packed holds.
#[derive(Debug)]
pub(crate) enum Unpacked {
    Text(String),
    TooMuch,
    Wrong,
}

fn text(bytes: &[u8]) -> Unpacked {
    match encoding::decode("", bytes) {
        Ok((text, _)) => Unpacked::Text(text.into_owned()),
        Err(ReadError::Empty { .. }) => Unpacked::Text(String::new()),
        Err(_) => Unpacked::Wrong,
    }
}

/// The text that stands there in base64, packed or not, of so many bytes at most.
pub(crate) fn of_base64(base64: &str, most: usize) -> Unpacked {
    /// Whoever shortens it drops the padding; nobody cares for the last bits.
    const EITHER: GeneralPurposeConfig = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    const ENGINE: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, EITHER);
    let standard = |c| match c {
        '-' => '+',
        '_' => '/',
        c => c,
    };
    let base64: String = base64.chars().filter(|c| !c.is_ascii_whitespace()).map(standard).collect();
    let Ok(bytes) = ENGINE.decode(base64) else { return Unpacked::Wrong };
    match Packing::of(&bytes) {
        Some(packing) => packing.unpack(&bytes, most),
        None => text(&bytes),
    }
}

/// What a text is that is base64 of a document and nothing else: a record of a stream, a secret of Kubernetes, copied out.
pub(super) fn in_base64(text: &str, most: usize) -> Option<String> {
    /// Shorter than any document; words are base64, too.
    const SHORTEST: usize = 16;
    let text = text.trim().trim_matches(['"', '\'']);
    let text = match text.strip_prefix("data:").and_then(|url| url.split_once(";base64,")) {
        Some((_, text)) => text,
        None => text,
    };
    if text.len() < SHORTEST || !text.chars().all(|c| is_base64(c) || c.is_ascii_whitespace()) {
        return None;
    }
    match of_base64(text, most) {
        Unpacked::Text(text) if text.trim_start().starts_with(['{', '[']) || text.contains("askArn:") => Some(text),
        Unpacked::Text(_) | Unpacked::TooMuch | Unpacked::Wrong => None,
    }
}

/// With the lines of base64 that hold a document as what they stand for: what is attached to a mail.
pub(super) fn without_base64(text: &str) -> Option<String> {
    /// Unpacked, all together.
    const MOST: usize = 64 * 1024 * 1024;
    let (mut out, mut block, mut left, mut found) = (String::new(), "", MOST, false);
    let mut at = 0;
    for line in text.split_inclusive('\n').chain([""]) {
        // Two hyphens begin the boundary between the parts of a mail.
        let is_of_it = line.trim().len() > 1 && !line.starts_with("--") && line.trim().chars().all(is_base64);
        if is_of_it {
            block = text.get(at - block.len()..at + line.len()).unwrap_or_default();
        } else {
            match in_base64(block, left) {
                Some(unpacked) => {
                    left = left.saturating_sub(unpacked.len());
                    found = true;
                    out.push_str(&unpacked);
                    out.push('\n');
                }
                None => out.push_str(block),
            }
            block = "";
            out.push_str(line);
        }
        at += line.len();
    }
    found.then_some(out)
}

const fn is_base64(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '-' | '_' | '=')
}

/// Whether a text begins as base64 of JSON does, or of gzip.
pub(super) fn looks_like_base64(text: &str) -> bool {
    const BEGINS: [&str; 9] = ["eyJ", "eyAi", "ewog", "ewoJ", "ew0K", "W3si", "WwogI", "H4sI", "KLUv/"];
    let text = text.trim_start();
    BEGINS.iter().any(|begin| text.starts_with(begin)) && !text.contains(['{', '.'])
}

/// Frames of zstd, one behind the other.
struct Frames<R> {
    packed: R,
    decoder: FrameDecoder,
}

impl<R: BufRead> Frames<R> {
    /// Begins the next frame; whether there is one.
    fn begin(&mut self) -> io::Result<bool> {
        while !self.packed.fill_buf()?.is_empty() {
            match self.decoder.reset(&mut self.packed) {
                Ok(()) => return Ok(true),
                // Somebody else's, between frames.
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame { length, .. })) => {
                    io::copy(&mut self.packed.by_ref().take(length.into()), &mut io::sink())?;
                }
                Err(error) => return Err(io::Error::other(error)),
            }
        }
        Ok(false)
    }
}

impl<R: BufRead> Read for Frames<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.decoder.can_collect() == 0 {
            if !self.decoder.is_finished() {
                let one = BlockDecodingStrategy::UptoBlocks(1);
                self.decoder.decode_blocks(&mut self.packed, one).map_err(io::Error::other)?;
            } else if !self.begin()? {
                return Ok(0);
            }
        }
        self.decoder.read(into)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use ruzstd::encoding::{CompressionLevel, compress_to_vec};

    use super::*;

    fn unpacked(packed: &[u8], most: usize) -> Option<String> {
        match Packing::of(packed).unwrap().unpack(packed, most) {
            Unpacked::Text(text) => Some(text),
            Unpacked::TooMuch | Unpacked::Wrong => None,
        }
    }

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(vec![], Compression::fast());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn zstd(text: &[u8]) -> Vec<u8> {
        compress_to_vec(text, CompressionLevel::Fastest)
    }

    #[test]
    fn what_was_packed_in_parts_is_unpacked_whole_and_what_was_cut_is_not() {
        let foreign = [&[0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0][..], b"abc"].concat();
        for (pack, between) in [(gzip as fn(&[u8]) -> Vec<u8>, vec![]), (zstd, foreign)] {
            let long = "one line\n".repeat(100_000);
            let packed = [pack(long.as_bytes()), between, pack(b"two")].concat();
            assert_eq!(unpacked(&packed, usize::MAX), Some(format!("{long}two")));
            assert_eq!(unpacked(&packed, 900_002), None, "a limit holds");
            for end in [5, 20, packed.len() - 1] {
                assert_eq!(unpacked(&packed[..end], usize::MAX), None, "{end}");
            }
        }
    }
}
