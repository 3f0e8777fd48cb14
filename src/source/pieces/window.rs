//! JSON that is not in memory: where values begin and end. Main type: [`Window`].

use std::io::{self, Read, Seek, SeekFrom};

/// A part of an input that can be read anywhere.
pub(super) struct Window<R> {
    input: R,
    held: Vec<u8>,
    from: u64,
    most: usize,
}

impl<R: Read + Seek> Window<R> {
    pub(super) const fn new(input: R, most: usize) -> Self {
        Self { input, held: vec![], from: 0, most }
    }

    pub(super) fn size(&mut self) -> io::Result<u64> {
        self.input.seek(SeekFrom::End(0))
    }

    /// The input itself, from there on.
    pub(super) fn input_at(&mut self, at: u64) -> io::Result<&mut R> {
        self.input.seek(SeekFrom::Start(at))?;
        Ok(&mut self.input)
    }

    /// Some bytes from there on, and at least three where there are so many; none at the end.
    pub(super) fn bytes(&mut self, at: u64) -> io::Result<&[u8]> {
        const AHEAD: usize = 64;
        let inside = |at: u64, from: u64, len: usize| {
            at.checked_sub(from).and_then(|skip| usize::try_from(skip).ok()).filter(|skip| skip + AHEAD <= len)
        };
        if inside(at, self.from, self.held.len()).is_none() {
            self.from = at;
            self.held.clear();
            let most = self.most as u64;
            self.input_at(at)?;
            (&mut self.input).take(most).read_to_end(&mut self.held)?;
        }
        let skip = usize::try_from(at - self.from).unwrap_or(usize::MAX);
        Ok(self.held.get(skip..).unwrap_or_default())
    }

    /// Adds the bytes from there to there to `into`.
    pub(super) fn read(&mut self, from: u64, to: Option<u64>, into: &mut Vec<u8>) -> io::Result<()> {
        let to = to.unwrap_or(u64::MAX);
        let mut at = from;
        while at < to {
            let bytes = self.bytes(at)?;
            let count = bytes.len().min(usize::try_from(to - at).unwrap_or(usize::MAX));
            if count == 0 {
                break;
            }
            into.extend_from_slice(&bytes[..count]);
            at += count as u64;
        }
        Ok(())
    }

    pub(super) fn solid(&mut self, mut at: u64) -> io::Result<Option<u64>> {
        loop {
            let bytes = self.bytes(at)?;
            if bytes.is_empty() {
                return Ok(None);
            }
            match bytes.iter().position(|byte| !matches!(byte, b' ' | b'\n' | b'\r' | b'\t')) {
                Some(skip) => return Ok(Some(at + skip as u64)),
                None => at += bytes.len() as u64,
            }
        }
    }

    /// Where the value ends that begins there, should it be JSON; `None` if the input ends before.
    pub(super) fn end_of(&mut self, start: u64) -> io::Result<Option<u64>> {
        let (mut open, mut in_text, mut is_escaped) = (0_usize, false, false);
        let mut at = start;
        loop {
            let bytes = self.bytes(at)?;
            if bytes.is_empty() {
                // A number or a word may be the last thing that there is.
                return Ok((open == 0 && !in_text && at > start).then_some(at));
            }
            for (skip, byte) in bytes.iter().enumerate() {
                let here = at + skip as u64;
                match byte {
                    _ if is_escaped => is_escaped = false,
                    b'\\' if in_text => is_escaped = true,
                    b'"' => {
                        in_text = !in_text;
                        if !in_text && open == 0 {
                            return Ok(Some(here + 1));
                        }
                    }
                    _ if in_text => {}
                    b'{' | b'[' => open += 1,
                    b'}' | b']' if open == 0 => return Ok(Some(here)),
                    b'}' | b']' => {
                        open -= 1;
                        if open == 0 {
                            return Ok(Some(here + 1));
                        }
                    }
                    b',' | b':' | b' ' | b'\n' | b'\r' | b'\t' if open == 0 => return Ok(Some(here)),
                    _ => {}
                }
            }
            at += bytes.len() as u64;
        }
    }
}
