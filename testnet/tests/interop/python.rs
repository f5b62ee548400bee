//! The interpreter that `./dev setup` made ready, with the libraries of requirements.txt.

/// Runs check.py; what it prints, on one line.
///
/// # Panics
///
/// There is no such interpreter, or the script fails: a test that skipped itself would prove nothing.
#[allow(clippy::disallowed_methods, reason = "a test may look at files and the environment")]
pub(crate) fn check(arguments: &[&str]) -> String {
    let here = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = here.ancestors().find(|dir| dir.join("dev").is_file()).expect("the repository");
    let var = |name: &str| std::env::var_os(name).map(std::path::PathBuf::from);
    let caches = [
        var("LINLI_CACHE"),
        var("XDG_CACHE_HOME").map(|dir| dir.join("linli")),
        var("HOME").map(|dir| dir.join(".cache/linli")),
        Some(root.join(".toolchain")),
    ];
    let pythons = caches.into_iter().flatten().map(|dir| dir.join("interop/bin/python"));
    let python = pythons.into_iter().find(|python| python.exists()).unwrap_or_else(|| {
        panic!("no Python with the libraries that check our receipts: run `./dev setup`")
    });
    let script = root.join("testnet/tests/interop/check.py");
    let output = std::process::Command::new(&python).arg(&script).args(arguments).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {said}\nis it whole? run `./dev setup`");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
