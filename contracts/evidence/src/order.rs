//! The records of an order, in the order in which they came. Nobody can fill it up: pages go on.

use crate::schema::{Order, OrderPage, OrderRecord, TraceRequest, TraceResponse};
use crate::{malformed, schema};
use alloc::vec::Vec;
use linli_contract::{Env, Map, Refusal};

/// Records of one page.
const PAGE: u64 = 32;
/// Pages of one answer.
const PAGES_SHOWN: u64 = 3;
/// Records of one answer.
const SHOWN: usize = 64;

const ORDERS: Map<[u8; 32], Order> = Map::new();
const PAGES: Map<[u8; 40], OrderPage> = Map::new();

pub(crate) fn add(env: &mut Env<'_>, order: &[u8; 32], record: OrderRecord) {
    let mut row = ORDERS.get(env, order).unwrap_or_default();
    let key = page_key(order, row.records / PAGE);
    let mut page = match row.records.is_multiple_of(PAGE) {
        true => OrderPage::default(),
        false => PAGES.get(env, &key).unwrap_or_default(),
    };
    page.records.push(record);
    PAGES.put(env, &key, &page);
    row.records = row.records.saturating_add(1);
    ORDERS.put(env, order, &row);
}

/// LEG-09, `domain.md` §A 54: what was done for an order.
pub(crate) fn trace(env: &mut Env<'_>, request: TraceRequest) -> Result<TraceResponse, Refusal> {
    let order: [u8; 32] = request.order.as_slice().try_into().map_err(|_| malformed("order"))?;
    let total = ORDERS.get(env, &order).unwrap_or_default().records;
    let mut records: Vec<schema::OrderRecord> = Vec::new();
    let first = request.from / PAGE;
    let left_out = usize::try_from(request.from % PAGE).unwrap_or(usize::MAX);
    let end = total.div_ceil(PAGE).min(first.saturating_add(PAGES_SHOWN));
    for page in first..end {
        records.extend(PAGES.get(env, &page_key(&order, page)).unwrap_or_default().records);
    }
    let records = records.into_iter().skip(left_out).take(SHOWN).collect();
    Ok(TraceResponse { total, records })
}

fn page_key(order: &[u8; 32], page: u64) -> [u8; 40] {
    let mut key = [0; 40];
    let parts = order.iter().copied().chain(page.to_be_bytes());
    key.iter_mut().zip(parts).for_each(|(to, from)| *to = from);
    key
}
