//! Inputs that are read more than once: files as they are; what comes but once (stdin, pipes, archives) is kept meanwhile. Main type:
//! [`Input`].

use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};

use tempfile::SpooledTempFile;

use super::error::{Place, ReadError};
use super::packed::Packing;
use super::{document, files};

/// So many bytes are kept in memory; more are in a file that has no name.
const IN_MEMORY: usize = 1024 * 1024;
/// What is packed better than that is made to fill disks.
const MOST_PACKED: u64 = 100;
const CHUNK: usize = 64 * 1024;

/// An input.
#[derive(Debug)]
pub(crate) struct Input {
    /// What it is called in errors.
    pub(crate) origin: String,
    /// How it was read, where that is worth telling.
    pub(crate) note: Option<String>,
    bytes: Bytes,
}

#[derive(Debug)]
enum Bytes {
    There(PathBuf),
    Kept(Arc<Mutex<SpooledTempFile>>),
}

/// What can be read anywhere.
pub(crate) trait Seekable: Read + Seek + Send {}

impl<T: Read + Seek + Send> Seekable for T {}

impl Input {
    /// The file there; `-` is stdin. Waits until all is there of what comes but once, and keeps it in `folder`.
    pub(crate) fn open(path: &Path, folder: &Path) -> Result<Self, ReadError> {
        if path == Path::new("-") {
            return Self::of(files::STDIN.to_owned(), files::stdin(), folder);
        }
        let origin = path.display().to_string();
        let opened = File::open(path).and_then(|file| Ok((file.metadata()?, file)));
        let (data, file) = opened.map_err(|source| ReadError::Io { origin: origin.clone(), source })?;
        if data.is_dir() {
            return Err(ReadError::Directory { origin });
        }
        let mut file = BufReader::new(file);
        if data.is_file() && file.fill_buf().is_ok_and(|head| Packing::of(head).is_none()) {
            return Ok(Self { origin, note: None, bytes: Bytes::There(path.to_owned()) });
        }
        Self::of(origin, file, folder)
    }

    /// What comes but once.
    fn of(origin: String, mut stream: impl Read, folder: &Path) -> Result<Self, ReadError> {
        let failed = |source| ReadError::Io { origin: origin.clone(), source };
        let mut head = vec![];
        stream.by_ref().take(4).read_to_end(&mut head).map_err(failed)?;
        let packing = Packing::of(&head);
        let mut kept = tempfile::spooled_tempfile_in(IN_MEMORY, folder);
        let read = Rc::new(Cell::new(0));
        let counted = Counted { inner: Cursor::new(head).chain(stream), read: read.clone() };
        let mut bytes: Box<dyn Read + '_> = match packing {
            Some(packing) => packing.reader(BufReader::new(counted)),
            None => Box::new(counted),
        };
        let (mut chunk, mut written) = (vec![0; CHUNK], 0);
        loop {
            let count = match (bytes.read(&mut chunk), packing) {
                (Ok(0), _) => break,
                (Ok(count), _) => count,
                (Err(error), _) if error.kind() == io::ErrorKind::Interrupted => continue,
                (Err(_), Some(packing)) => {
                    return Err(ReadError::Damaged { origin: origin.clone(), packing: packing.name() });
                }
                (Err(error), None) => return Err(failed(error)),
            };
            written += count as u64;
            if packing.is_some() && written > (document::UNPACKED as u64).max(read.get().saturating_mul(MOST_PACKED)) {
                return Err(ReadError::TooDeep { place: Place::root(&origin) });
            }
            let no_room = |source| ReadError::NoRoom { origin: origin.clone(), folder: folder.to_owned(), source };
            kept.write_all(&chunk[..count]).map_err(no_room)?;
        }
        drop(bytes);
        Ok(Self { origin, note: packing.map(Packing::note), bytes: Bytes::Kept(Arc::new(Mutex::new(kept))) })
    }

    /// Its bytes, from the start.
    pub(crate) fn reader(&self) -> io::Result<Box<dyn Seekable>> {
        Ok(match &self.bytes {
            Bytes::There(path) => Box::new(File::open(path)?),
            Bytes::Kept(kept) => Box::new(Reader { kept: kept.clone(), at: 0 }),
        })
    }
}

/// One of several who read what is kept.
struct Reader {
    kept: Arc<Mutex<SpooledTempFile>>,
    at: u64,
}

impl Read for Reader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.seek(SeekFrom::Start(self.at))?;
        let count = kept.read(into)?;
        self.at += count as u64;
        Ok(count)
    }
}

impl Seek for Reader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.at = match to {
            SeekFrom::Start(at) => at,
            from_elsewhere => self.kept.lock().unwrap_or_else(PoisonError::into_inner).seek(from_elsewhere)?,
        };
        Ok(self.at)
    }
}

/// Counts what is read.
struct Counted<R> {
    inner: R,
    read: Rc<Cell<u64>>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(into)?;
        self.read.set(self.read.get() + count as u64);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn text(input: &Input) -> String {
        let mut text = String::new();
        input.reader().unwrap().read_to_string(&mut text).unwrap();
        text
    }

    fn of(bytes: &[u8], folder: &Path) -> Result<Input, ReadError> {
        Input::of("f".to_owned(), bytes, folder)
    }

    #[test]
    fn what_comes_but_once_can_be_read_twice_and_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let long = "x".repeat(IN_MEMORY + 1);
        for expected in ["", "a", &long] {
            let input = of(expected.as_bytes(), folder.path()).unwrap();
            assert!(text(&input) == expected && text(&input) == expected);
            assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        }
        let error = of(long.as_bytes(), &folder.path().join("nowhere")).unwrap_err().to_string();
        assert!(error.starts_with("failed to keep f in ") && error.contains("nowhere"), "{error}");
    }

    #[test]
    fn what_is_packed_to_fill_disks_is_refused() {
        let mut encoder = GzEncoder::new(vec![], Compression::best());
        io::copy(&mut io::repeat(b' ').take(document::UNPACKED as u64 + 1), &mut encoder).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let error = of(&encoder.finish().unwrap(), folder.path()).unwrap_err();
        assert!(matches!(error, ReadError::TooDeep { .. }), "{error}");
    }
}
