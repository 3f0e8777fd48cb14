//! OTLP JSON lines: one export request a line, in a file or on stdout. Main type: [`JsonLines`].

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// A file of OTLP JSON lines in the making. The file gets its name when all is written: who reads it never sees half.
#[derive(Debug)]
pub struct JsonLines {
    target: Target,
}

#[derive(Debug)]
enum Target {
    Stdout,
    /// A pipe or a device has no half.
    Direct(BufWriter<File>),
    Replaced {
        writer: BufWriter<File>,
        temporary: PathBuf,
        path: PathBuf,
    },
}

impl JsonLines {
    /// Opens the file, so that a wrong path is known before any work is done. `-` is stdout.
    pub fn create(path: &str) -> io::Result<Self> {
        if path == "-" {
            return Ok(Self { target: Target::Stdout });
        }
        let path = Path::new(path);
        if path.is_dir() {
            return Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a directory"));
        }
        if path.exists() && !path.is_file() {
            return Ok(Self { target: Target::Direct(BufWriter::new(File::create(path)?)) });
        }
        let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        let temporary = path.with_file_name(format!(".{name}.{}.part", std::process::id()));
        let writer = BufWriter::new(File::create(&temporary)?);
        Ok(Self { target: Target::Replaced { writer, temporary, path: path.to_owned() } })
    }

    /// Writes one request.
    pub(super) fn write(&mut self, request: &[u8]) -> io::Result<()> {
        let line = |writer: &mut dyn Write| writer.write_all(request).and_then(|()| writer.write_all(b"\n"));
        match &mut self.target {
            Target::Stdout => line(&mut io::stdout().lock()),
            Target::Direct(writer) | Target::Replaced { writer, .. } => line(writer),
        }
    }

    /// Makes sure that all is written, and gives the file its name.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        match &mut self.target {
            Target::Stdout => io::stdout().lock().flush(),
            Target::Direct(writer) => writer.flush(),
            Target::Replaced { writer, temporary, path } => {
                writer.flush()?;
                writer.get_ref().sync_all()?;
                std::fs::rename(temporary, path)
            }
        }
    }
}

impl Drop for JsonLines {
    fn drop(&mut self) {
        // After a rename there is nothing left to remove.
        if let Target::Replaced { temporary, .. } = &self.target {
            let _ = std::fs::remove_file(temporary);
        }
    }
}
