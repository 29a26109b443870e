//! A guest's console log: bounded, whatever the guest writes.

use std::{
    fs,
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

/// Writes the log. When the file is full it becomes the older of two and a new one is begun.
pub(crate) struct ConsoleWriter {
    path: PathBuf,
    file: fs::File,
    length: u64,
    at_most: u64,
}

impl ConsoleWriter {
    pub fn open(path: &Path, at_most: u64) -> io::Result<Self> {
        let file = fs::OpenOptions::new().append(true).create(true).open(path)?;
        let length = file.metadata()?.len();
        Ok(Self { path: path.to_owned(), file, length, at_most })
    }

    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.length > 0 && self.length + bytes.len() as u64 > self.at_most {
            fs::rename(&self.path, older(&self.path))?;
            self.file = fs::OpenOptions::new().append(true).create_new(true).open(&self.path)?;
            self.length = 0;
        }
        self.file.write_all(bytes)?;
        self.length += bytes.len() as u64;
        Ok(())
    }
}

/// The newest bytes of the log, at most so many, over both files.
pub(crate) fn read_tail(path: &Path, at_most: usize) -> io::Result<Vec<u8>> {
    let newer = tail_of(path, at_most)?;
    let mut all = tail_of(&older(path), at_most - newer.len())?;
    all.extend(newer);
    Ok(all)
}

fn tail_of(path: &Path, at_most: usize) -> io::Result<Vec<u8>> {
    let mut file = match fs::File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(vec![]),
        other => other?,
    };
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(at_most as u64)))?;
    let mut bytes = Vec::new();
    file.take(at_most as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn older(path: &Path) -> PathBuf {
    path.with_extension("log.1")
}

/// Each of the two files; together at most 1 MiB of an instance's console is kept.
pub(crate) const FILE_AT_MOST: u64 = 512 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_never_grows_beyond_two_files_and_keeps_the_newest() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("console.log");
        let mut log = ConsoleWriter::open(&path, 100).unwrap();
        for number in 0..1000 {
            log.write(format!("line {number:04}\n").as_bytes()).unwrap();
        }
        let total: u64 = [&path, &older(&path)].map(|path| fs::metadata(path).unwrap().len()).iter().sum();
        assert!(total <= 200, "{total}");
        let text = String::from_utf8(read_tail(&path, 1000).unwrap()).unwrap();
        assert!(text.ends_with("line 0998\nline 0999\n"));
        assert_eq!(read_tail(&path, 25).unwrap(), text.as_bytes()[text.len() - 25..]);
        assert_eq!(read_tail(&directory.path().join("absent.log"), 25).unwrap(), b"");
    }

    #[test]
    fn a_log_is_continued_after_a_restart_of_its_writer() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("console.log");
        ConsoleWriter::open(&path, 100).unwrap().write(b"one\n").unwrap();
        ConsoleWriter::open(&path, 100).unwrap().write(b"two\n").unwrap();
        assert_eq!(read_tail(&path, 100).unwrap(), b"one\ntwo\n");
        assert_eq!(read_tail(&path, 6).unwrap(), b"e\ntwo\n");
    }
}
