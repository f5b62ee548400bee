//! Four cores on a pretend network: they agree, whatever happens to the network and to one of them.

mod pretend;

use pretend::{EPOCH, Net, transaction};

const FAR: u64 = EPOCH + 590_000;

fn load(net: &mut Net, count: u64, every_ms: u64) {
    for n in 0..count {
        let node = usize::try_from(n % 4).unwrap();
        net.submit_at(10 + n * every_ms, node, transaction((n % 7) as u8, n, FAR));
    }
}

#[test]
fn four_validators_decide_heights_and_include_every_transaction() {
    let mut net = Net::new(1);
    load(&mut net, 200, 10);
    net.run_until(4_000);
    net.assert_nobody_halted();
    for node in 0..4 {
        assert_eq!(net.included(node), 200, "heights {:?}", net.heights());
        assert_eq!(net.nodes[node].core.as_ref().unwrap().pool_len(), 0);
        assert!(net.nodes[node].bodies.is_empty(), "bodies are dropped");
        assert_eq!(net.nodes[node].faults, []);
    }
    assert!(net.heights().iter().all(|h| *h > 20), "{:?}", net.heights());
}
