//! The one table of the native codes: number, name, whether a receipt records it, text and what to do
//! next. Its parts follow each other: each hands its rows and those before it to the next.

use super::{Lang, Recorded};

request_codes! {}
