//! A net of real processes on this machine: making it, starting and stopping it.
//!
//! Everything stands in one folder, so that removing the folder removes the net:
//!
//! ```text
//! DIR/genesis  DIR/net.json  DIR/keys/*.key  DIR/load/*.key
//! DIR/validators/<name>/   data folder of one validator, its log and its pid file
//! ```

use crate::genesis::{LoadSize, Person, Plan, random};
use crate::{Failure, keys, process};
use linli_sdk::KeyKind;
use linli_types::genesis::{Genesis, Module};
use linli_types::height::TimeMs;
use linli_types::id::ChainId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How long a validator may take to answer after its start.
const START_MAX: Duration = Duration::from_secs(60);
/// How long a validator may take to stop before it is killed.
const STOP_MAX: Duration = Duration::from_secs(15);

/// Where ports are looked for, and how often for each.
const PORTS: std::ops::Range<u16> = 10_000..32_000;
const PORT_TRIES: usize = 100;

/// What `up` prints (design §5).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Net {
    /// The chain's id, in hexadecimal.
    pub chain: String,
    /// Path of the genesis file.
    pub genesis: PathBuf,
    /// The validators.
    pub validators: Vec<Member>,
    /// Key files of the story's people by role.
    pub keys: BTreeMap<String, PathBuf>,
}

/// One validator of a net.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Member {
    /// Its name in the genesis.
    pub name: String,
    /// Its organisation's kind.
    pub kind: String,
    /// Its data folder.
    pub data_dir: PathBuf,
    /// Its process; 0 while it is down.
    pub pid: u32,
    /// Where its API listens.
    pub grpc: String,
    /// Where health and metrics listen.
    pub http: String,
    /// Its log.
    pub log: PathBuf,
}

impl Net {
    /// Reads the net in `dir`.
    ///
    /// # Errors
    ///
    /// [`Failure`] if there is none or it cannot be read.
    pub fn open(dir: &Path) -> Result<Self, Failure> {
        let path = dir.join("net.json");
        let text = fs::read_to_string(&path).map_err(|e| {
            Failure::usage(format!("no net in {}: {e}", dir.display()))
                .hint("make one with `linli-testnet up --dir DIR`")
        })?;
        let mut net: Self = serde_json::from_str(&text)
            .map_err(|e| Failure::new(format!("{} is not ours: {e}", path.display())))?;
        net.validators.iter_mut().for_each(Member::find);
        Ok(net)
    }

    /// Makes a new net in `dir`, or opens the one that is there.
    ///
    /// # Errors
    ///
    /// [`Failure`] if the folder cannot be written or the validators break a law.
    pub fn make(dir: &Path, validators: usize, load: LoadSize) -> Result<Self, Failure> {
        if dir.join("net.json").exists() {
            return Self::open(dir);
        }
        let plan = Plan::new(validators, load, TimeMs(now_ms()))?;
        Self::make_of(dir, &plan, |_| {})
    }

    /// Makes a new net of a plan, whose genesis is changed before anything is written.
    ///
    /// # Errors
    ///
    /// As [`Self::make`].
    pub fn make_of(
        dir: &Path,
        plan: &Plan,
        change: impl FnOnce(&mut Genesis),
    ) -> Result<Self, Failure> {
        // Judged before anything is written: a refused net leaves no folder behind.
        let module = |name: &str, code: &[u8]| Module { name: name.into(), code: code.to_vec() };
        let modules = vec![
            module("evidence", linli_modules::evidence()),
            module("probe", linli_modules::probe()),
        ];
        let mut genesis = plan.genesis("linli-dev", modules).map_err(|e| {
            Failure::usage(format!("this net would be unlawful: {e}"))
                .hint("a net has four validators or more")
        })?;
        change(&mut genesis);
        fs::create_dir_all(dir).map_err(|e| {
            Failure::usage(format!("cannot make the folder {}: {e}", dir.display()))
                .hint("choose a folder that can be made, with --dir")
        })?;
        let dir = &dir.canonicalize()?;
        clear(dir)?;
        fs::write(dir.join(MAKING), "this net is being made\n")?;
        let (genesis_path, chain) = (dir.join("genesis"), genesis.chain());
        fs::write(&genesis_path, genesis.to_bytes())?;
        let ports = free_ports(plan.seats.len() * 3)?;
        let (network_ports, api_ports) = ports.split_at(plan.seats.len());
        let net = Self {
            chain: chain.to_string(),
            genesis: genesis_path,
            validators: members(dir, plan, api_ports),
            keys: write_people(&dir.join("keys"), &plan.people, chain)?,
        };
        write_people(&dir.join("load"), &plan.signers, chain)?;
        net.write_accounts(dir, plan)?;
        net.init_members(dir, plan, chain, network_ports)?;
        fs::write(dir.join("net.json"), serde_json::to_vec_pretty(&net)?)?;
        fs::remove_file(dir.join(MAKING))?;
        Ok(net)
    }

    /// Which accounts belong to whom: people and load generator read it.
    fn write_accounts(&self, dir: &Path, plan: &Plan) -> Result<(), Failure> {
        let everyone = plan.people.iter().chain(&plan.signers);
        let accounts: BTreeMap<&str, Vec<String>> = everyone
            .map(|p| (p.name.as_str(), p.accounts.iter().map(ToString::to_string).collect()))
            .collect();
        fs::write(dir.join("accounts.json"), serde_json::to_vec(&accounts)?)?;
        Ok(())
    }

    /// Runs `linli init` for every member, which judges the genesis and writes its folder.
    fn init_members(
        &self,
        dir: &Path,
        plan: &Plan,
        chain: ChainId,
        ports: &[u16],
    ) -> Result<(), Failure> {
        let address = |port: &u16| format!("127.0.0.1:{port}");
        fs::create_dir_all(dir.join("validators"))?;
        for (i, (member, seat)) in self.validators.iter().zip(&plan.seats).enumerate() {
            let key = |kind: &str| dir.join("keys").join(format!("{}.{kind}.key", seat.name));
            let (consensus, network) = (key("validator"), key("network"));
            keys::write(&consensus, &seat.consensus, None, chain, KeyKind::Validator)?;
            keys::write(&network, &seat.network, None, chain, KeyKind::Network)?;
            let mut command = Command::new(binary("linli")?);
            command.arg("init").arg("--genesis").arg(&self.genesis);
            command.arg("--data").arg(&member.data_dir);
            command.arg("--validator-key").arg(&consensus);
            command.arg("--network-key").arg(&network);
            command.arg("--grpc").arg(bare(&member.grpc)).arg("--http").arg(bare(&member.http));
            for (j, (peer, port)) in self.validators.iter().zip(ports).enumerate() {
                match i == j {
                    true => command.arg("--listen").arg(address(port)),
                    false => command.arg("--peer").arg(format!("{}={}", peer.name, address(port))),
                };
            }
            let output = command.stdin(Stdio::null()).output()?;
            if !output.status.success() {
                let why = String::from_utf8_lossy(&output.stderr).into_owned();
                return Err(Failure::new(format!("linli init refused {}: {why}", member.name)));
            }
            member.give_carrier(&plan.gateway, chain)?;
        }
        Ok(())
    }

    /// Starts whatever is down and waits until all of it answers.
    ///
    /// # Errors
    ///
    /// [`Failure`] if a validator does not come up; its log says why.
    pub fn start(&mut self) -> Result<(), Failure> {
        for member in &mut self.validators {
            if member.pid == 0 {
                member.start()?;
            }
        }
        self.validators.iter_mut().try_for_each(Member::wait_until_up)
    }

    /// Asks every validator to stop, and kills what does not.
    ///
    /// # Errors
    ///
    /// [`Failure`] if a process cannot be signalled.
    pub fn stop(&mut self) -> Result<(), Failure> {
        // Whoever restarted one may have failed before it told us its new process.
        self.validators.iter_mut().for_each(Member::find);
        for member in &self.validators {
            member.signal(rustix::process::Signal::TERM);
        }
        self.validators.iter_mut().for_each(Member::wait_until_down);
        Ok(())
    }
}

impl Member {
    /// Lets the node set its receipt key on the ledger.
    fn give_carrier(&self, gateway: &Person, chain: ChainId) -> Result<(), Failure> {
        let key = self.data_dir.join("keys/carrier.key");
        keys::write(&key, &gateway.key, Some(gateway.id), chain, KeyKind::Principal)?;
        let config = self.data_dir.join("config.toml");
        let mut text = fs::read_to_string(&config)?;
        let empty = "carrier_key = \"\"";
        if !text.contains(empty) {
            return Err(Failure::new(format!("{} names no carrier", config.display())));
        }
        text = text.replace(empty, "carrier_key = \"keys/carrier.key\"");
        fs::write(&config, text)?;
        Ok(())
    }

    fn pid_path(&self) -> PathBuf {
        self.data_dir.join("pid")
    }

    /// Looks which process runs this validator, if one does.
    fn find(&mut self) {
        let text = fs::read_to_string(self.pid_path()).unwrap_or_default();
        let pid = text.trim().parse().ok();
        self.pid = pid.filter(|pid| process::is_ours(*pid, &self.data_dir)).unwrap_or(0);
    }

    /// Starts the process in the background.
    ///
    /// # Errors
    ///
    /// [`Failure`] if the program is missing or the log cannot be written.
    pub fn start(&mut self) -> Result<(), Failure> {
        let log = fs::OpenOptions::new().create(true).append(true).open(&self.log)?;
        let mut command = Command::new(binary("linli")?);
        command.arg("run").arg("--data").arg(&self.data_dir);
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        // A process group of its own: ctrl-c in a terminal stops the story, not the net.
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let child = command.spawn()?;
        self.pid = child.id();
        fs::write(self.pid_path(), self.pid.to_string())?;
        // Someone must collect it, or a killed validator stays a zombie while we live.
        std::thread::spawn(move || {
            let mut child = child;
            let _ = child.wait();
        });
        Ok(())
    }

    /// Waits until its health answers.
    pub(crate) fn wait_until_up(&mut self) -> Result<(), Failure> {
        let until = Instant::now() + START_MAX;
        while Instant::now() < until {
            if crate::http::get(bare(&self.http), "/healthz").is_some() {
                return Ok(());
            }
            if !process::is_alive(self.pid) {
                break;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let tail: Vec<&str> = log.lines().rev().take(5).collect();
        let tail: String = tail.into_iter().rev().map(|l| format!("\n  {l}")).collect();
        Err(Failure::new(format!("{} does not answer{tail}", self.name))
            .hint(format!("its whole log: {}", self.log.display())))
    }

    fn wait_until_down(&mut self) {
        let until = Instant::now() + STOP_MAX;
        while self.pid != 0 && process::is_alive(self.pid) {
            if Instant::now() > until {
                self.signal(rustix::process::Signal::KILL);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = fs::remove_file(self.pid_path());
        self.pid = 0;
    }

    /// Kills the process as a power cut would: no time for anything.
    pub fn kill(&mut self) {
        self.signal(rustix::process::Signal::KILL);
        while self.pid != 0 && process::is_alive(self.pid) {
            std::thread::sleep(Duration::from_millis(2));
        }
        self.pid = 0;
    }

    /// Starts the process again and waits until it answers.
    ///
    /// # Errors
    ///
    /// [`Failure`] if it does not come up.
    pub fn restart(&mut self) -> Result<(), Failure> {
        self.start()?;
        self.wait_until_up()
    }

    fn signal(&self, signal: rustix::process::Signal) {
        let pid = i32::try_from(self.pid).ok().and_then(rustix::process::Pid::from_raw);
        if let Some(pid) = pid.filter(|_| process::is_alive(self.pid)) {
            let _ = rustix::process::kill_process(pid, signal);
        }
    }
}

fn members(dir: &Path, plan: &Plan, ports: &[u16]) -> Vec<Member> {
    let mut ports = ports.iter().map(|port| format!("http://127.0.0.1:{port}"));
    let mut members = Vec::new();
    for seat in &plan.seats {
        let data_dir = dir.join("validators").join(&seat.name);
        members.push(Member {
            name: seat.name.clone(),
            kind: format!("{:?}", seat.kind).to_lowercase(),
            log: data_dir.join("node.log"),
            data_dir,
            pid: 0,
            grpc: ports.next().unwrap_or_default(),
            http: ports.next().unwrap_or_default(),
        });
    }
    members
}

fn write_people(
    dir: &Path,
    people: &[Person],
    chain: ChainId,
) -> Result<BTreeMap<String, PathBuf>, Failure> {
    fs::create_dir_all(dir)?;
    let mut paths = BTreeMap::new();
    for person in people {
        let path = dir.join(format!("{}.key", person.name));
        keys::write(&path, &person.key, Some(person.id), chain, KeyKind::Principal)?;
        paths.insert(person.name.clone(), path);
    }
    Ok(paths)
}

/// Stands in a folder while a net is made there: what an interrupted run leaves may be removed.
const MAKING: &str = "net.making";

/// Makes sure that nothing of anyone else's is overwritten: the folder is empty, or holds what an
/// interrupted run of this program left, which goes.
fn clear(dir: &Path) -> Result<(), Failure> {
    if dir.join(MAKING).exists() {
        for name in ["keys", "load", "validators"] {
            let folder = dir.join(name);
            if folder.exists() {
                fs::remove_dir_all(folder)?;
            }
        }
        return Ok(());
    }
    if fs::read_dir(dir)?.next().is_some() {
        return Err(Failure::usage(format!("{} holds other things than a net", dir.display()))
            .hint("give an empty folder, or one that does not exist"));
    }
    Ok(())
}

/// Ports that nobody listens on right now, below those that the system gives to connections: while
/// a validator is dead, no client's connection takes its place. All are held open until all are
/// found, so none repeats.
///
/// # Errors
///
/// [`Failure`] if there are not so many.
pub fn free_ports(count: usize) -> Result<Vec<u16>, Failure> {
    let mut held = Vec::new();
    for _ in 0..count.saturating_mul(PORT_TRIES) {
        if held.len() == count {
            break;
        }
        let port = PORTS.start + u16::from_be_bytes(random()?) % (PORTS.end - PORTS.start);
        held.extend(TcpListener::bind((Ipv4Addr::LOCALHOST, port)));
    }
    if held.len() < count {
        return Err(Failure::new(format!("no {count} free ports between {PORTS:?}")));
    }
    Ok(held.iter().map(|l| l.local_addr().map(|a| a.port())).collect::<Result<_, _>>()?)
}

/// `http://127.0.0.1:7402` without its scheme.
pub fn bare(url: &str) -> &str {
    url.trim_start_matches("http://")
}

/// The program that stands beside this one.
///
/// # Errors
///
/// [`Failure`] if it was not built.
pub fn binary(name: &str) -> Result<PathBuf, Failure> {
    let own = std::env::current_exe()?;
    // Tests run from a folder below the programs.
    let beside = own.ancestors().skip(1).take(2).map(|dir| dir.join(name)).find(|p| p.is_file());
    beside.ok_or_else(|| {
        Failure::new(format!("{name} does not stand beside {}", own.display()))
            .hint("build it: cargo build --bins")
    })
}

/// The wall clock.
pub fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
