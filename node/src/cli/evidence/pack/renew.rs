//! `linli evidence renew`: a pack of version 2, with what came since.

use super::whole::{chain_genesis, seal};
use crate::cli::connect::Connect;
use crate::cli::query::write_new;
use crate::cli::verify::read_pack;
use crate::cli::{Failure, Output, block_on, taken};
use crate::words::words;
use linli_sdk::anchor::gather::Proved;
use linli_types::signature::Zip215;
use linli_verify::{Pack, Whole};
use std::path::{Path, PathBuf};

/// Adds to a pack what came since: more receipts, a time-stamp token, a checkpoint, the record's state.
#[derive(clap::Args)]
pub(in crate::cli::evidence) struct Renew {
    #[command(flatten)]
    connect: Connect,
    /// The pack, of version 2.
    #[arg(value_name = "PACK")]
    pack: PathBuf,
    /// The new file.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

impl Renew {
    pub(in crate::cli::evidence) fn run(self, out: &mut Output) -> Result<(), Failure> {
        if self.out.exists() {
            return Err(taken(&self.out));
        }
        let bytes = read_pack(&self.pack)?;
        let pack = Pack::from_bytes(&bytes).map_err(|why| unread(&self.pack, &why))?;
        let opened = Whole::open(&pack).map_err(|why| unread(&self.pack, &why))?;
        let (whole, block) = opened.ok_or_else(|| first(&self.pack))?;
        let mut proved = Proved { whole, block };
        let written = block_on(async {
            let node = self.connect.open().await?;
            let genesis = chain_genesis(&self.connect, &node, out).await?;
            // A pack that does not hold is not made one by what is added.
            self.check(&bytes, &genesis, &proved)?;
            node.client.renew(&mut proved).await?;
            let (bytes, written) = seal(&mut proved, &genesis, &Zip215, out)?;
            write_new(&self.out, &bytes)?;
            Ok(written)
        })?;
        written.say(&self.pack, &self.out, None, out);
        Ok(())
    }

    fn check(&self, pack: &[u8], genesis: &[u8], proved: &Proved) -> Result<(), Failure> {
        let found = linli_verify::verify(pack, &proved.beside(), genesis);
        found.map(drop).map_err(|why| unread(&self.pack, &why))
    }
}

fn unread(path: &Path, why: &linli_verify::Failure) -> Failure {
    let failure = crate::cli::verify::not_verified(why);
    let path = path.display();
    failure.advising(words!("请核对 {path}", "check {path}"))
}

fn first(path: &Path) -> Failure {
    let path = path.display();
    Failure::usage(
        words!("{path} 不是第 2 版的存证证据包", "{path} is no evidence pack of version 2"),
        words!(
            "第 1 版证据包与回执不能补充，仍可核验",
            "packs of version 1 and receipts stay as they are, and keep verifying"
        ),
    )
}
