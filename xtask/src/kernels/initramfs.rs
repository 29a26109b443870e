//! The initial RAM disk: busybox, the test programs, what they run, with libraries, and the kernel's modules.

use super::debian::Image;
use super::plan::{MACHINE_MODULES, MODULES, Order, PROGRAMS, Work};
use crate::process::output_of;
use anyhow::{Context, Result, ensure};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Writes an archive that the kernel unpacks as its first file tree.
pub fn write(archive: &Path, image: &Image, work: &Work) -> Result<()> {
    let root = begin(archive)?;
    let tree = Tree { root: &root };
    tree.busybox()?;
    for program in PROGRAMS {
        tree.program(&found(program)?)?;
    }
    for order in &work.orders {
        tree.test(order)?;
    }
    let plan = work.orders.iter().map(|order| format!("{} {}\n", order.name, order.arguments.join(" ")));
    tree.text("plan", &plan.collect::<String>())?;
    fs::copy(&work.object, root.join("switch.bpf.o"))?;
    tree.finish(archive, image, MODULES, include_str!("init.sh"))
}

/// Writes the small machine that tests boot.
pub fn write_machine(archive: &Path, image: &Image) -> Result<()> {
    let root = begin(archive)?;
    let tree = Tree { root: &root };
    tree.busybox()?;
    tree.finish(archive, image, MACHINE_MODULES, include_str!("guest.sh"))
}

/// An empty tree beside the archive, with the folders that every system has.
fn begin(archive: &Path) -> Result<PathBuf> {
    let root = archive.with_extension("root");
    if root.exists() {
        fs::remove_dir_all(&root)?;
    }
    let tree = Tree { root: &root };
    for folder in [
        "bin", "dev", "etc", "lib", "proc", "run", "seed", "sys", "tests", "tmp", "usr/bin", "usr/sbin",
        "var/run",
    ] {
        fs::create_dir_all(root.join(folder))?;
    }
    fs::set_permissions(root.join("tmp"), fs::Permissions::from_mode(0o1777))?;
    tree.text("etc/passwd", "root:x:0:0:root:/:/bin/sh\n")?;
    tree.text("etc/group", "root:x:0:\n")?;
    tree.text("etc/hosts", "127.0.0.1 localhost\n")?;
    Ok(root)
}

/// A file tree in the making.
struct Tree<'a> {
    root: &'a Path,
}

impl Tree<'_> {
    /// Adds the modules and the first process, and packs it all.
    fn finish(&self, archive: &Path, image: &Image, modules: &[&str], init: &str) -> Result<()> {
        self.modules(image, modules)?;
        self.text("modules", &format!("{}\n", modules.join("\n")))?;
        self.text("init", init)?;
        fs::set_permissions(self.root.join("init"), fs::Permissions::from_mode(0o755))?;
        pack(self.root, archive)?;
        fs::remove_dir_all(self.root).context("could not remove the file tree that was packed")
    }

    fn text(&self, path: &str, text: &str) -> Result<()> {
        fs::write(self.root.join(path), text).with_context(|| format!("could not write {path}"))
    }

    /// Busybox, and a name for each thing it can do; real programs of the same name come over it.
    fn busybox(&self) -> Result<()> {
        let busybox = found("busybox")?;
        self.program(&busybox)?;
        for applet in output_of(Command::new(&busybox).arg("--list"))?.lines() {
            let name = self.root.join("bin").join(applet);
            if !name.exists() {
                symlink(&busybox, name)?;
            }
        }
        Ok(())
    }

    /// A program at its place, with its libraries.
    fn program(&self, path: &Path) -> Result<()> {
        self.copy(path, path)?;
        for library in libraries(path)? {
            self.copy(&library, &library)?;
        }
        Ok(())
    }

    /// A test program without what only a debugger reads, which is nine tenths of it.
    fn test(&self, order: &Order) -> Result<()> {
        let place = self.root.join("tests").join(&order.name);
        let mut strip = Command::new("strip");
        strip.arg("-o").arg(&place).arg(&order.binary);
        output_of(&mut strip)?;
        for library in libraries(&order.binary)? {
            self.copy(&library, &library)?;
        }
        Ok(())
    }

    /// The modules of the plan and those that they need, unpacked, with the list that modprobe reads.
    fn modules(&self, image: &Image, wanted: &[&str]) -> Result<()> {
        let place = self.root.join("lib/modules").join(image.release());
        let all = module_files(&image.modules.join("kernel"))?;
        let mut waiting: Vec<String> = wanted.iter().map(|name| (*name).to_owned()).collect();
        let mut seen = BTreeSet::new();
        while let Some(name) = waiting.pop() {
            // What is not there is built in.
            let Some(file) = all.iter().find(|file| module_name(file) == name) else { continue };
            if !seen.insert(name.clone()) {
                continue;
            }
            let target = place.join(format!("{name}.ko"));
            fs::create_dir_all(&place)?;
            match file.extension().is_some_and(|extension| extension == "xz") {
                true => {
                    let unpack =
                        Command::new("xz").arg("-dc").arg(file).stdout(File::create(&target)?).status()?;
                    ensure!(unpack.success(), "xz could not unpack {}", file.display());
                }
                false => drop(fs::copy(file, &target)?),
            }
            waiting.extend(needs(&fs::read(&target)?));
        }
        let mut depmod = Command::new(found("busybox")?);
        depmod.arg("depmod").arg("-b").arg(self.root).arg(image.release());
        output_of(&mut depmod).map(drop)
    }

    fn copy(&self, from: &Path, to: &Path) -> Result<()> {
        let to = self.root.join(to.strip_prefix("/").unwrap_or(to));
        if to.is_symlink() {
            fs::remove_file(&to)?;
        }
        if let Some(folder) = to.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::copy(from, &to).map(drop).with_context(|| format!("could not copy {}", from.display()))
    }
}

/// Where a program is.
fn found(program: &str) -> Result<PathBuf> {
    let folders = ["/usr/sbin", "/usr/bin", "/sbin", "/bin"].map(|folder| Path::new(folder).join(program));
    folders.into_iter().find(|path| path.is_file()).with_context(|| format!("{program} is not installed"))
}

/// The libraries of a program, and what loads them; none of a static one.
fn libraries(program: &Path) -> Result<Vec<PathBuf>> {
    let listed = Command::new("ldd").arg(program).stderr(Stdio::null()).output()?;
    let text = String::from_utf8_lossy(&listed.stdout).into_owned();
    let path = |line: &str| line.split_whitespace().find(|word| word.starts_with('/')).map(PathBuf::from);
    Ok(text.lines().filter_map(path).collect())
}

fn module_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).with_context(|| format!("could not list {}", folder.display()))? {
            let path = entry?.path();
            if path.is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    Ok(found)
}

/// `cls_bpf` of `kernel/net/sched/cls_bpf.ko.xz`.
fn module_name(file: &Path) -> String {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    name.split('.').next().unwrap_or_default().replace('-', "_")
}

/// What a module says of those it needs: `depends=a,b` among its texts.
fn needs(module: &[u8]) -> Vec<String> {
    let mut texts = module.split(|byte| *byte == 0);
    let listed = texts.find_map(|text| text.strip_prefix(b"depends="));
    let listed = String::from_utf8_lossy(listed.unwrap_or_default()).replace('-', "_");
    listed.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

fn pack(root: &Path, archive: &Path) -> Result<()> {
    let script = r#"cd "$1" && find . | busybox cpio -o -H newc > "$2""#;
    let mut shell = Command::new("sh");
    shell.args(["-c", script, "sh"]).arg(root).arg(archive);
    crate::process::run_quietly(&format!("packing {}", archive.display()), &mut shell)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_modules_needs_are_read_from_its_texts() {
        assert_eq!(
            needs(b"x\0license=GPL\0depends=udp_tunnel,ip6-udp-tunnel\0y"),
            ["udp_tunnel", "ip6_udp_tunnel"]
        );
        assert!(needs(b"x\0depends=\0y").is_empty());
        assert_eq!(module_name(Path::new("a/ip6-tunnel.ko.xz")), "ip6_tunnel");
    }
}
