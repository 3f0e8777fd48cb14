//! Packed inputs: gzip and zstd, as streams, archives and exports of logs are kept. Main type: [`Packing`].

use std::io::{self, BufRead, Read};

use flate2::bufread::MultiGzDecoder;
use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

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
            Ok(_) => String::from_utf8(unpacked).map_or(Unpacked::Wrong, Unpacked::Text),
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

    fn text(packed: &[u8], most: usize) -> Option<String> {
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
            assert_eq!(text(&packed, usize::MAX), Some(format!("{long}two")));
            assert_eq!(text(&packed, 900_002), None, "a limit holds");
            for end in [5, 20, packed.len() - 1] {
                assert_eq!(text(&packed[..end], usize::MAX), None, "{end}");
            }
        }
    }
}
