//! What a process told the kernel about its files, as `strace` saw it.

use std::{collections::HashMap, fs, path::Path};

/// One thing that happened to a file, or an acknowledgement, in the order in which they happened.
#[derive(Debug, Clone)]
pub enum Step {
    /// Bytes were handed to the kernel.
    Write { file: String, offset: u64, bytes: Vec<u8> },
    /// The file was made shorter or longer.
    Truncate { file: String, length: u64 },
    /// Everything that was handed over before step `since` is on the disk.
    Synced { file: String, since: usize },
    /// The file was removed; on the disk once its directory is synced.
    Remove { file: String },
    /// The process printed this line.
    Said(String),
}

/// The calls that matter; a write to the standard output is an acknowledgement.
pub const CALLS: &str = "trace=pwrite64,write,lseek,ftruncate,fsync,fdatasync,unlink";

/// Reads a trace written by `strace -f -y -xx -s 1000000`: of a store's files and of their directory.
pub fn read(trace: &Path, store: &Path) -> Vec<Step> {
    let text = fs::read_to_string(trace).unwrap();
    let prefix = store.to_str().unwrap();
    let directory = store.parent().and_then(Path::to_str).unwrap();
    let mut reader =
        Reader { prefix, directory, steps: Vec::new(), begun: HashMap::new(), position: HashMap::new() };
    for line in text.lines() {
        let (thread, call) = line.split_once(' ').unwrap_or_else(|| panic!("{line:.100}"));
        reader.line(thread, call.trim_start());
    }
    reader.steps
}

struct Reader<'a> {
    prefix: &'a str,
    directory: &'a str,
    steps: Vec<Step>,
    /// Calls that have begun and not ended: the file and the step at which they began.
    begun: HashMap<String, (String, usize)>,
    position: HashMap<String, u64>,
}

impl Reader<'_> {
    fn line(&mut self, thread: &str, call: &str) {
        if call.starts_with("<... ") {
            // Only the end of a sync means anything; what is written may be lost from the beginning on.
            if let Some((file, since)) = self.begun.remove(thread)
                && call.ends_with("= 0")
            {
                self.steps.push(Step::Synced { file, since });
            }
            return;
        }
        let Some((name, arguments)) = call.split_once('(') else { return }; // signals, exits
        let is_over = !call.ends_with("<unfinished ...>");
        match name {
            "unlink" => {
                let file = String::from_utf8(unhex(arguments)).unwrap();
                if is_over && file.starts_with(self.prefix) && call.ends_with("= 0") {
                    self.steps.push(Step::Remove { file });
                }
            }
            "write" if arguments.starts_with("1<") => {
                let said = String::from_utf8(unhex(arguments)).unwrap();
                self.steps.extend(said.lines().map(|line| Step::Said(line.into())));
            }
            _ => self.file_call(thread, name, arguments, is_over),
        }
    }

    fn file_call(&mut self, thread: &str, name: &str, arguments: &str, is_over: bool) {
        let Some((_, rest)) = arguments.split_once('<') else { return };
        let Some((file, rest)) = rest.split_once('>') else { return };
        let file = path_of(file);
        let is_ours = file.starts_with(self.prefix) || file == self.directory;
        if !is_ours || file.ends_with("-shm") || file.ends_with(".lock") {
            return;
        }
        match name {
            "fsync" | "fdatasync" if is_over => {
                assert!(rest.ends_with("= 0"), "{name} of {file}: {rest}");
                self.steps.push(Step::Synced { file, since: self.steps.len() });
            }
            "fsync" | "fdatasync" => drop(self.begun.insert(thread.into(), (file, self.steps.len()))),
            "pwrite64" => {
                let bytes = unhex(rest);
                let after = rest.rsplit_once('"').unwrap().1;
                let offset = number(after.split(',').nth(2).unwrap());
                self.steps.push(Step::Write { file, offset, bytes });
            }
            "write" => {
                let bytes = unhex(rest);
                let position = self.position.entry(file.clone()).or_default();
                let offset = *position;
                *position += bytes.len() as u64;
                self.steps.push(Step::Write { file, offset, bytes });
            }
            "lseek" => drop(self.position.insert(file, number(rest.split(',').nth(1).unwrap()))),
            "ftruncate" => {
                let length = number(rest.split(',').nth(1).unwrap());
                self.steps.push(Step::Truncate { file, length });
            }
            other => panic!("{other} was not asked for"),
        }
    }
}

/// The text in quotes, each byte of which `strace -xx` writes as `\x2f`.
fn unhex(arguments: &str) -> Vec<u8> {
    let quoted = arguments.split('"').nth(1).unwrap_or_else(|| panic!("no text in {arguments:.100}"));
    let digit = |byte: u8| (byte as char).to_digit(16).unwrap() as u8;
    quoted.as_bytes().chunks(4).map(|escape| digit(escape[2]) << 4 | digit(escape[3])).collect()
}

/// A descriptor's path, which `-xx` writes as bytes, too.
fn path_of(text: &str) -> String {
    if !text.starts_with("\\x") {
        return text.into();
    }
    String::from_utf8(unhex(&format!("\"{text}\""))).unwrap()
}

/// The digits at the beginning.
fn number(text: &str) -> u64 {
    let text = text.trim_start();
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text[..end].parse().unwrap_or_else(|_| panic!("no number in {text:.100}"))
}
