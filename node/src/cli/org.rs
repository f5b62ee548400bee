//! `linli org`: who stands in the ledger: organisations, their centres, people, devices, and roles.
//! What each may do is the ledger's to judge.

use super::call::by_schema;
use super::connect::Connect;
use super::key::{principal, public_key};
use super::query::ask_by_schema;
use super::sm2::Sm2;
use super::{Failure, Output, block_on};
use crate::words::{Words, words};
use linli_types::genesis::Role;
use linli_types::human;
use linli_types::id::{PrincipalId, PublicKey};
use linli_types::wire::identity::OrganisationKind;
use serde_json::{Value, json};

/// The room that all of this is asked of.
pub(super) const ROOM: &str = "identity";

/// Admits and shows organisations, their people and devices.
#[derive(clap::Args)]
pub(super) struct Org {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    /// Admits an organisation.
    Admit(Admit),
    /// Shows an organisation.
    Show(Show),
    /// Admits a service centre of an organisation.
    Centre(Centre),
    /// Admits a person under a random pseudonym, with a first key and no role.
    Person(Person),
    /// Admits a device of an organisation: it signs evidence and holds nothing.
    Device(Device),
    /// Gives a principal a role.
    Grant(Given),
    /// Takes a role from a principal.
    Withdraw(Given),
    /// The organisation's second key, for national ciphers.
    Sm2(Sm2),
}

/// Admits an organisation.
#[derive(clap::Args)]
struct Admit {
    #[command(flatten)]
    connect: Connect,
    /// The organisation's number, above 0.
    #[arg(value_name = "NUMBER")]
    org: u32,
    /// What it is, e.g. OPERATOR, STREET, BANK.
    #[arg(long, value_name = "KIND", value_parser = kind)]
    kind: OrganisationKind,
    /// Its name for people; no personal data.
    #[arg(long, value_name = "TEXT", default_value = "")]
    label: String,
}

/// Shows an organisation.
#[derive(clap::Args)]
struct Show {
    #[command(flatten)]
    connect: Connect,
    /// The organisation's number.
    #[arg(value_name = "NUMBER")]
    org: u32,
}

/// Admits a service centre.
#[derive(clap::Args)]
struct Centre {
    #[command(flatten)]
    connect: Connect,
    /// The centre's number, above 0.
    #[arg(value_name = "NUMBER")]
    centre: u32,
    /// The organisation that runs it.
    #[arg(long, value_name = "NUMBER")]
    org: u32,
    /// Its district, six digits of GB/T 2260.
    #[arg(long, value_name = "CODE")]
    district: u32,
    /// Its name for people; no personal data.
    #[arg(long, value_name = "TEXT", default_value = "")]
    label: String,
}

/// Admits a person.
#[derive(clap::Args)]
struct Person {
    #[command(flatten)]
    connect: Connect,
    /// The pseudonym, as hexadecimal or PR- code.
    #[arg(value_name = "ID", value_parser = principal)]
    principal: PrincipalId,
    /// The public half of their first key, in hexadecimal.
    #[arg(long, value_name = "HEX", value_parser = public_key)]
    public_key: PublicKey,
    /// The organisation whose people they are; 0 for none.
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    org: u32,
}

/// Admits a device.
#[derive(clap::Args)]
struct Device {
    #[command(flatten)]
    connect: Connect,
    /// The device's id, as hexadecimal or PR- code.
    #[arg(value_name = "ID", value_parser = principal)]
    device: PrincipalId,
    /// The public half of its key, in hexadecimal.
    #[arg(long, value_name = "HEX", value_parser = public_key)]
    public_key: PublicKey,
    /// The organisation whose it is.
    #[arg(long, value_name = "NUMBER")]
    org: u32,
    /// It is a robot.
    #[arg(long)]
    robot: bool,
}

/// Gives or takes a role.
#[derive(clap::Args)]
struct Given {
    #[command(flatten)]
    connect: Connect,
    /// Whose role, as hexadecimal or PR- code.
    #[arg(value_name = "ID", value_parser = principal)]
    principal: PrincipalId,
    /// The role, e.g. OPERATOR_RECORDER.
    #[arg(value_name = "ROLE", value_parser = role)]
    role: Role,
}

fn kind(text: &str) -> Result<OrganisationKind, String> {
    let known = OrganisationKind::from_str_name(&text.to_ascii_uppercase());
    known.filter(|kind| *kind != OrganisationKind::Unspecified).ok_or_else(|| {
        let all = (1..).map_while(|number| OrganisationKind::try_from(number).ok());
        all.map(|kind| kind.as_str_name()).collect::<Vec<_>>().join(", ")
    })
}

fn role(text: &str) -> Result<Role, String> {
    let found = Role::ALL.iter().find(|role| role.name().eq_ignore_ascii_case(text));
    let names = || Role::ALL.iter().map(|role| role.name()).collect::<Vec<_>>().join(", ");
    found.copied().ok_or_else(names)
}

fn code(id: &PrincipalId) -> String {
    human::write(human::Kind::Principal, &id.0)
}

impl Org {
    pub(super) fn run(self, out: &mut Output) -> Result<(), Failure> {
        match self.command {
            Command::Admit(admit) => admit.run(out),
            Command::Show(show) => show.run(out),
            Command::Centre(centre) => centre.run(out),
            Command::Person(person) => person.run(out),
            Command::Device(device) => device.run(out),
            Command::Grant(given) => given.run("GrantRole", out),
            Command::Withdraw(given) => given.run("WithdrawRole", out),
            Command::Sm2(sm2) => sm2.run(out),
        }
    }
}

/// Makes one call of the room and says what it did.
pub(super) fn call(
    connect: &Connect,
    method: &str,
    args: &Value,
    what: &Words,
    out: &mut Output,
) -> Result<(), Failure> {
    let done = block_on(async {
        let node = connect.open().await?;
        by_schema(&node, ROOM, method, args).await
    })?;
    done.answer(out, what);
    Ok(())
}

impl Admit {
    fn run(self, out: &mut Output) -> Result<(), Failure> {
        let (org, kind) = (self.org, self.kind.as_str_name());
        let args = json!({ "org": org, "kind": kind, "label": self.label });
        let what = words!("已准入机构 {org}　{kind}", "organisation {org} is admitted  {kind}");
        call(&self.connect, "AdmitOrganisation", &args, &what, out)
    }
}

impl Show {
    fn run(self, out: &mut Output) -> Result<(), Failure> {
        let org = self.org;
        let json = block_on(async {
            let node = self.connect.open().await?;
            Ok(ask_by_schema(&node, ROOM, "Organisation", &json!({ "org": org }), false).await?.2)
        })?;
        let field = |name: &str| json.get(name).and_then(Value::as_str).unwrap_or("-").to_owned();
        let (kind, label, height) = (field("kind"), field("label"), field("admitted_height"));
        let text = words!(
            "机构 {org}　{kind}　{label}　自区块 {height} 起",
            "organisation {org}  {kind}  {label}  since block {height}"
        );
        out.answer(&json, &text);
        Ok(())
    }
}

impl Centre {
    fn run(self, out: &mut Output) -> Result<(), Failure> {
        let Self { centre, org, district, label, .. } = &self;
        let args = json!({ "centre": centre, "org": org, "district": district, "label": label });
        let what = words!(
            "已准入机构 {org} 的服务中心 {centre}",
            "centre {centre} of organisation {org} is admitted"
        );
        call(&self.connect, "AdmitCentre", &args, &what, out)
    }
}

impl Person {
    fn run(self, out: &mut Output) -> Result<(), Failure> {
        let (id, key) = (self.principal.to_string(), self.public_key.to_string());
        let args = json!({ "principal": id, "key": key, "org": self.org });
        let code = code(&self.principal);
        let what = words!(
            "已登记 {code}，密钥自下一区块起生效",
            "{code} is admitted; the key signs from the next block on"
        );
        call(&self.connect, "AdmitPerson", &args, &what, out)
    }
}

impl Device {
    fn run(self, out: &mut Output) -> Result<(), Failure> {
        let (id, key) = (self.device.to_string(), self.public_key.to_string());
        let args = json!({ "device": id, "key": key, "org": self.org, "robot": self.robot });
        let (code, org) = (code(&self.device), self.org);
        let what = words!(
            "已登记机构 {org} 的设备 {code}",
            "device {code} of organisation {org} is admitted"
        );
        call(&self.connect, "AdmitDevice", &args, &what, out)
    }
}

impl Given {
    fn run(self, method: &str, out: &mut Output) -> Result<(), Failure> {
        let (code, role) = (code(&self.principal), self.role.name());
        let args = json!({ "principal": self.principal.to_string(), "role": self.role.number() });
        let what = match method {
            "GrantRole" => words!("{code} 现任 {role}", "{code} holds {role} now"),
            _ => words!("{code} 不再担任 {role}", "{code} no longer holds {role}"),
        };
        call(&self.connect, method, &args, &what, out)
    }
}
