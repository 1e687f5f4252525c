//! A server's process and folder.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use crate::binaries::Binary;

const PATIENCE: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(20);

/// Killed when it is dropped, and its folder removed.
#[derive(Debug)]
pub(crate) struct Process {
    binary: Binary,
    arguments: Vec<String>,
    child: Mutex<Option<Child>>,
    folder: TempDir,
}

impl Process {
    /// Runs nothing yet.
    pub(crate) fn new(binary: Binary) -> Self {
        let folder = tempfile::Builder::new().prefix("larder-").tempdir();
        Self {
            binary,
            arguments: Vec::new(),
            child: Mutex::new(None),
            folder: folder.expect("no temporary folder"),
        }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What the program is called with.
    pub(crate) fn arguments(&mut self, arguments: Vec<String>) {
        self.arguments = arguments;
    }

    /// Ends what runs and starts anew in the same folder.
    pub(crate) fn spawn(&self) {
        self.kill();
        let log = File::options()
            .append(true)
            .create(true)
            .open(self.log_file());
        let log = log.expect("no log file");
        let path = &self.binary.path;
        let child = Command::new(path)
            .args(&self.arguments)
            .envs(self.binary.environment())
            .current_dir(self.folder())
            .stdin(Stdio::null())
            .stderr(log.try_clone().expect("no log file"))
            .stdout(log)
            .spawn();
        let child = child.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        *self.child() = Some(child);
    }

    /// Waits until the server answers. `false` if it ended because somebody else has its port.
    ///
    /// # Panics
    ///
    /// With its log, if it ended for another reason or takes too long.
    pub(crate) async fn ready<F>(&self, mut answers: impl FnMut() -> F) -> bool
    where
        F: Future<Output = bool>,
    {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if answers().await && self.runs() {
                return true;
            }
            let (runs, log) = (self.runs(), self.log());
            let path = self.binary.path.display();
            if !runs && log.contains("Address already in use") {
                return false;
            }
            assert!(runs, "{path} ended; its log:\n{log}");
            assert!(
                Instant::now() < deadline,
                "{path} does not answer; its log:\n{log}"
            );
            sleep(PAUSE).await;
        }
    }

    /// Starts it anew, and again while somebody else has its port: they may have had it for a
    /// moment.
    ///
    /// # Panics
    ///
    /// As [`Process::ready`], or if it does not get its port.
    pub(crate) async fn restart<F>(&self, mut answers: impl FnMut() -> F)
    where
        F: Future<Output = bool>,
    {
        let deadline = Instant::now() + PATIENCE;
        self.spawn();
        while !self.ready(&mut answers).await {
            assert!(
                Instant::now() < deadline,
                "somebody else has taken the server's port"
            );
            sleep(PAUSE).await;
            self.spawn();
        }
    }

    /// With SIGKILL: it has no time to say goodbye.
    pub(crate) fn kill(&self) {
        if let Some(mut child) = self.child().take() {
            // It may have ended by itself.
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Returns when it stands still.
    pub(crate) fn pause(&self) {
        if let Some(pid) = self.signal(Signal::STOP) {
            let _ = waitpid(Some(pid), WaitOptions::UNTRACED);
        }
    }

    pub(crate) fn resume(&self) {
        self.signal(Signal::CONT);
    }

    pub(crate) fn id(&self) -> Option<u32> {
        self.child().as_ref().map(Child::id)
    }

    pub(crate) fn runs(&self) -> bool {
        let mut child = self.child();
        child
            .as_mut()
            .is_some_and(|child| matches!(child.try_wait(), Ok(None)))
    }

    /// What it has written since it was first started.
    pub(crate) fn log(&self) -> String {
        let log = fs::read(self.log_file()).unwrap_or_default();
        String::from_utf8_lossy(&log).into_owned()
    }

    fn log_file(&self) -> std::path::PathBuf {
        self.folder().join("log")
    }

    fn signal(&self, signal: Signal) -> Option<Pid> {
        let child = self.child();
        let pid = Pid::from_child(child.as_ref()?);
        kill_process(pid, signal).ok().map(|()| pid)
    }

    fn child(&self) -> MutexGuard<'_, Option<Child>> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}
