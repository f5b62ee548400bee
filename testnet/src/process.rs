//! What the operating system says of a process: CPU, memory, whether it lives.

use std::path::PathBuf;

/// CPU time of a process in milliseconds: user and system, all threads. `None` once it is gone.
pub fn cpu_ms(pid: u32) -> Option<f64> {
    let stat = std::fs::read_to_string(PathBuf::from(format!("/proc/{pid}/stat"))).ok()?;
    // The name may hold spaces; what follows its closing bracket does not.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at)?.parse::<f64>().ok();
    // Linux counts 100 ticks a second on every platform it shows to user space.
    Some((ticks(11)? + ticks(12)?) * 10.0)
}

/// Largest resident memory so far, in MiB.
pub fn rss_mib_max(pid: u32) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"))?;
    Some(line.trim().trim_end_matches(" kB").trim().parse::<f64>().ok()? / 1024.0)
}

/// Whether the process lives, and is not just waiting to be collected. A killed one whose first
/// thread is gone lives on while another is still leaving: it holds its ports until then.
pub fn is_alive(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"));
    let state = |s: String| s.rsplit_once(')').map(|(_, rest)| rest.trim_start().starts_with('Z'));
    let others = || std::fs::read_dir(format!("/proc/{pid}/task")).map_or(0, Iterator::count) > 1;
    stat.ok().and_then(state).is_some_and(|zombie| !zombie || others())
}

/// Whether the process lives and was started with `argument`: a number may have been given to a
/// stranger since.
pub fn is_ours(pid: u32, argument: &std::path::Path) -> bool {
    let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let ours = argument.as_os_str().as_encoded_bytes();
    is_alive(pid) && line.split(|byte| *byte == 0).any(|word| word == ours)
}

/// Bytes of all files under `dir`.
pub fn disk_bytes(dir: &std::path::Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(dir) else { return 0 };
    let size = |entry: std::fs::DirEntry| match entry.metadata() {
        Ok(meta) if meta.is_dir() => disk_bytes(&entry.path()),
        Ok(meta) => meta.len(),
        Err(_) => 0,
    };
    entries.flatten().map(size).sum()
}
