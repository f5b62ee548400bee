//! Nets that must not outlive this program: stopped, and removed if temporary, also when a signal
//! ends it.
//!
//! # Invariants
//!
//! - **L1 nothing left.** A net made here for one command is stopped when the command ends, whether
//!   it ends well, fails, or is told to end by SIGINT or SIGTERM. (SIGKILL leaves it: `down` finds it.)

use crate::Failure;
use crate::net::Net;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use tokio::signal::unix::{SignalKind, signal};

/// Folders of nets under way, and whether they are removed with the net.
static UNDER_WAY: Mutex<Vec<(PathBuf, bool)>> = Mutex::new(Vec::new());

/// A net's folder that is looked after until this is dropped.
#[derive(Debug)]
pub struct Leaving(PathBuf);

impl Leaving {
    /// Looks after the net in `dir`; `remove` says that the folder goes with it.
    pub fn watch(dir: &Path, remove: bool) -> Self {
        let mut nets = UNDER_WAY.lock().unwrap_or_else(PoisonError::into_inner);
        nets.push((dir.to_path_buf(), remove));
        Self(dir.to_path_buf())
    }
}

impl Drop for Leaving {
    fn drop(&mut self) {
        let mut nets = UNDER_WAY.lock().unwrap_or_else(PoisonError::into_inner);
        nets.retain(|(dir, _)| *dir != self.0);
    }
}

/// Waits for SIGINT and SIGTERM in a thread of its own; on one, stops what is under way and ends
/// the program with exit 3: it has no definite answer.
///
/// # Errors
///
/// [`Failure`] if signals cannot be waited for.
pub fn on_signals() -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (mut interrupt, mut term) = {
        let _inside = runtime.enter();
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?)
    };
    std::thread::spawn(move || {
        runtime.block_on(async {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = term.recv() => {}
            }
        });
        eprintln!("stopped by a signal");
        stop_all();
        std::process::exit(3);
    });
    Ok(())
}

fn stop_all() {
    let nets = std::mem::take(&mut *UNDER_WAY.lock().unwrap_or_else(PoisonError::into_inner));
    for (dir, remove) in nets {
        if let Ok(mut net) = Net::open(&dir) {
            let _ = net.stop();
        }
        if remove {
            let _ = std::fs::remove_dir_all(&dir);
        }
    }
}
