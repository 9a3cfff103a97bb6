//! Processes of a test's own, and waiting for what they do.

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// What takes longer never comes, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until there is something.
///
/// # Panics
/// If it does not come; `what` says what was waited for.
pub fn until<T>(what: &str, look: impl FnMut() -> Option<T>) -> T {
    in_time(look).unwrap_or_else(|| panic!("waited in vain for {what}"))
}

/// The same, for those who have more to say if it does not come.
pub(super) fn in_time<T>(mut look: impl FnMut() -> Option<T>) -> Option<T> {
    let began = Instant::now();
    loop {
        let looked_at = Instant::now();
        if let Some(found) = look() {
            return Some(found);
        }
        if began.elapsed() >= PATIENCE {
            return None;
        }
        // Who looks through much leaves time for more to come.
        thread::sleep(Duration::from_millis(10) + 2 * looked_at.elapsed());
    }
}

/// A process, which is killed when this is dropped.
pub struct Program {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Program {
    /// Starts it. What it prints goes to `log`, after what is there.
    ///
    /// # Panics
    /// If it cannot be started.
    pub fn start(command: &mut Command, log: impl Into<PathBuf>) -> Program {
        let log = log.into();
        let name = command.get_program().to_string_lossy().into_owned();
        let out = File::options().create(true).append(true).open(&log).unwrap();
        let err = out.try_clone().unwrap();
        command.stdin(Stdio::null()).stdout(out).stderr(err);
        let child = command.spawn().unwrap_or_else(|error| panic!("cannot start {name}: {error}"));
        Program { name, child, log }
    }

    /// What it has printed.
    pub fn output(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// How it has ended, if it has.
    ///
    /// # Panics
    /// If the system does not tell.
    pub fn status(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// Waits until it does what it is started for.
    ///
    /// # Panics
    /// If it ends before that, or does not get there.
    pub fn until_ready(&mut self, mut is_ready: impl FnMut() -> bool) {
        let name = self.name.clone();
        until(&name, || {
            if let Some(status) = self.status() {
                panic!("{name} has ended: {status}\n{}", self.output());
            }
            is_ready().then_some(())
        });
    }

    /// Waits until it ends by itself.
    ///
    /// # Panics
    /// If it does not.
    pub fn wait(&mut self) -> ExitStatus {
        until(&format!("the end of {}", self.name.clone()), || self.status())
    }

    /// Ends it at once, without a word to it.
    pub fn kill(&mut self) {
        // Fails where it is dead already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Asks it to end, and waits until it has.
    ///
    /// # Panics
    /// If it cannot be asked, or does not end.
    pub fn terminate(&mut self) {
        let asked = Command::new("kill").arg(self.child.id().to_string()).status();
        assert!(asked.unwrap().success(), "{} cannot be asked to end", self.name);
        self.wait();
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A port of the loopback that nobody listens at, now and until the caller does.
///
/// Taken from below the range from which systems give ports to whoever asks for any: in that one a
/// connection of another test may get it in the meantime.
///
/// # Panics
/// If there is none.
pub(super) fn free_port() -> u16 {
    const FIRST: u16 = 20_000;
    const COUNT: u16 = 12_000;
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Tests of other processes begin elsewhere.
    let start = u64::from(std::process::id()) * 97;
    for _ in 0..COUNT {
        let offset = start + u64::from(NEXT.fetch_add(1, Ordering::Relaxed));
        let port = FIRST + u16::try_from(offset % u64::from(COUNT)).unwrap_or_default();
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
    panic!("no port of the loopback is free");
}

/// A Python with what the tests need.
pub fn python() -> Command {
    Command::new(environment().join("bin/python"))
}

/// Where `cargo xtask test` has installed what is written in Python.
///
/// # Panics
/// If it is not there.
pub(super) fn environment() -> PathBuf {
    let program = std::env::current_exe().unwrap();
    // The test lies somewhere below the directory in which cargo builds.
    let mut places = program.ancestors().map(|directory| directory.join("collector/venv"));
    places.find(|place| place.join("packages.txt").is_file()).unwrap_or_else(|| {
        panic!("no collector is installed under target/; `cargo xtask collector` does it")
    })
}

/// A file of this package.
pub(super) fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("collector").join(name)
}
