//! Personal data in free text.
