//! Follows a node's events from the first block on, and then live; goes on after a break.
//!
//! ```text
//! cargo run -p linli-sdk --example watch -- http://127.0.0.1:7401 auditor.key [ROOM]
//! ```

use linli_proto::EventsRequest;
use linli_sdk::{Client, Error, ErrorKind, KeyFile, Schema};
use linli_types::code::Lang;
use std::collections::BTreeMap;

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::process::ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match watch(&args).await {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}\n{}", error.hint(Lang::En));
            std::process::ExitCode::from(error.kind().exit_code())
        }
    }
}

async fn watch(args: &[String]) -> Result<(), Error> {
    let [node, key, room @ ..] = args else {
        return Err(Error::new(
            ErrorKind::Input,
            "需要 NODE KEY [ROOM]",
            "wanted: NODE KEY [ROOM]",
        ));
    };
    let file = KeyFile::read(key.as_ref())?;
    let chain = file.about().chain.ok_or_else(|| {
        Error::new(
            ErrorKind::Key,
            "密钥文件没有写明是哪条链",
            "the key file does not name its chain",
        )
    })?;
    let client = Client::connect(node, chain, file.open("")?).await?;
    let room = room.first().cloned().unwrap_or_default();
    let mut events = client.events(EventsRequest { room, ..Default::default() });
    let mut schemas: BTreeMap<String, Schema> = BTreeMap::new();
    while let Some(event) = events.next().await? {
        if !schemas.contains_key(&event.room) {
            schemas.insert(event.room.clone(), client.schema(&event.room).await?);
        }
        let told = schemas.get(&event.room).map(|s| s.message(&event.kind, &event.data));
        let told = told.transpose()?.unwrap_or_default();
        println!("{}/{} {} {told}", event.height, event.index, event.kind);
    }
    Ok(())
}
